// A search that is kept under a name: a button at the results, and what the name is in queries and filters.
import { html } from "../../vendor/preact.js";
import { Icon } from "../components/icon.js";
import { searchHref, splitPieces } from "../searching.js";
import { texts } from "../texts.js";
import { oneOf } from "./filters.js";
import { saveSearch } from "./saved.js";

const LONGEST = 80; // characters of a name

export const conceptHref = (name) => searchHref({ q: `concept:${name}` });
export const imagesHref = (name) => `/?filter=${encodeURIComponent(oneOf("concept", [name]))}`;

/** A name to begin with: the words that are asked for, as names may be written. */
function proposed(words) {
  const wanted = (splitPieces(words) ?? []).filter((piece) => piece.weight > 0).map((piece) => piece.text.replace(/^concept:/, ""));
  return wanted.join(" ").replace(/[^\p{L}\p{N}]+/gu, " ").trim().slice(0, LONGEST);
}

/** Pictures that were sent are not kept, so a search by one can't be. */
export function Keep({ search }) {
  if (search.upload) return null;
  return html`<button type="button" class="button small quiet" data-testid="keep" onClick=${() => saveSearch(search, proposed(search.words))}><${Icon} name="sparkle" />${texts.search.save}</button>`;
}
