// What looks like duplicates and is none: names of one file, and files of one picture.
import { html } from "../../vendor/preact.js";
import { count, fileName } from "../format.js";
import { placeWords } from "./words.js";

const SHOWN = 300; // rows; the rest is counted

/** @param {{data: {one_file?: string[][], one_picture?: string[][]}}} props a report, of this version or an older one */
export function Aside({ data: { one_file: names = [], one_picture: pictures = [] } }) {
  const told = [
    pictures.length && `${count(pictures.length, "picture")} in several files`,
    names.length && `${count(names.length, "file")} with several names`,
  ].filter(Boolean);
  if (!told.length) return null;
  return html`<details class="aside" data-testid="aside">
    <summary>No duplicates: ${told.join(", ")}</summary>
    ${pictures.length > 0 && html`<p class="muted small-text">One picture in several files, such as HEIC and JPEG. They stay or go together.</p><${Sets} sets=${pictures} />`}
    ${names.length > 0 && html`<p class="muted small-text">Names of one file, such as links. Only one file is there, so nothing is to be won.</p><${Sets} sets=${names} />`}
  </details>`;
}

const Sets = ({ sets }) => html`<ul class="file-list" tabindex="0">
  ${sets.slice(0, SHOWN).map((uris) => html`<li key=${uris[0]}><span class="grow">
    ${uris.map((uri) => html`<span key=${uri} class="ellipsis" title=${uri}>${fileName(uri)} <span class="muted small-text">${placeWords(uri)}</span></span>`)}
  </span></li>`)}
  ${sets.length > SHOWN && html`<li class="muted">and ${count(sets.length - SHOWN, "more")}</li>`}
</ul>`;
