// What sources are called: those that the server keeps itself have paths that say nothing.

/** @param {string} uri */
export function sourceName(uri) {
  if (/[/\\]uploads[/\\]images$/.test(uri)) return "Pictures added on this page";
  if (/[/\\]uploads[/\\]tables[/\\][0-9a-f]+\.\w+$/.test(uri)) return "A table added on this page";
  return uri;
}
