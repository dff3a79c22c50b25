// What sources are called: those that the server keeps itself have paths that say nothing.
import { texts } from "../texts.js";

/** @param {string} uri */
export function sourceName(uri) {
  if (/[/\\]uploads[/\\]images$/.test(uri)) return texts.library.page;
  if (/[/\\]uploads[/\\]tables[/\\][0-9a-f]+\.\w+$/.test(uri)) return texts.library.pageTable;
  return uri;
}
