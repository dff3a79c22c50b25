// What the browser calls a search: in its tab, its history and its bookmarks.
import { albumOf } from "../actions/albums.js";
import { texts } from "../texts.js";

/** @param {import("../searching.js").Search} search */
export function titleOf(search) {
  const by = search.pictures.length && texts.search.pictures(search.pictures.length);
  const parts = [search.words, by, albumOf(search.filter)].filter(Boolean);
  return [...(parts.length ? [parts.join(" · ")] : []), texts.shell.search, "ImageFinder"].join(" · ");
}
