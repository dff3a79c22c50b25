// What looks like duplicates and is none: names of one file, and files of one picture.
import { html } from "../../vendor/preact.js";
import { fileName } from "../format.js";
import { COMMA } from "../language.js";
import { texts } from "../texts.js";
import { placeWords } from "./words.js";

const said = texts.duplicates;
const SHOWN = 300; // rows; the rest is counted

/** @param {{data: {one_file?: string[][], one_picture?: string[][]}}} props a report, of this version or an older one */
export function Aside({ data: { one_file: names = [], one_picture: pictures = [] } }) {
  const told = [
    pictures.length && said.inSeveral(pictures.length),
    names.length && said.severalNames(names.length),
  ].filter(Boolean);
  if (!told.length) return null;
  return html`<details class="aside" data-testid="aside">
    <summary>${said.aside(told.join(COMMA))}</summary>
    ${pictures.length > 0 && html`<p class="muted small-text">${said.inSeveralText}</p><${Sets} sets=${pictures} />`}
    ${names.length > 0 && html`<p class="muted small-text">${said.severalNamesText}</p><${Sets} sets=${names} />`}
  </details>`;
}

const Sets = ({ sets }) => html`<ul class="file-list" tabindex="0">
  ${sets.slice(0, SHOWN).map((uris) => html`<li key=${uris[0]}><span class="grow">
    ${uris.map((uri) => html`<span key=${uri} class="ellipsis" title=${uri}>${fileName(uri)} <span class="muted small-text">${placeWords(uri)}</span></span>`)}
  </span></li>`)}
  ${sets.length > SHOWN && html`<li class="muted">${said.andMore(sets.length - SHOWN)}</li>`}
</ul>`;
