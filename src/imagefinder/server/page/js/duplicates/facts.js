// Two images fact by fact, and which is the better in each. The order of formats is the library's own.
import { html } from "../../vendor/preact.js";
import { Icon } from "../components/icon.js";
import { bytes, dateTime, fileName } from "../format.js";
import { placeWords, sizeWords } from "./words.js";

const LOSSLESS = ["PNG", "TIFF", "BMP", "DIB", "PPM"];
const MODERN = ["HEIF", "JPEG2000"];
const LIMITED = ["GIF", "ICO"];
const formatRank = (format) => (LOSSLESS.includes(format) ? 3 : MODERN.includes(format) ? 2 : LIMITED.includes(format) ? 0 : 1);

/** Name, text of an image, and what is compared (larger is better), if anything. */
const ROWS = [
  ["Pixels", sizeWords, (one) => one.width * one.height],
  ["File size", (one) => bytes(one.bytes), (one) => one.bytes],
  ["Format", (one) => one.format, (one) => formatRank(one.format)],
  ["Taken", (one) => (one.taken_at ? dateTime(one.taken_at) : "unknown"), (one) => Number(Boolean(one.taken_at))],
  ["File changed", (one) => (one.mtime ? dateTime(one.mtime) : "unknown"), (one) => (one.mtime ? -Date.parse(one.mtime) : null), "older"],
  ["Name", (one) => fileName(one.uri)],
  ["Folder", (one) => placeWords(one.uri)],
];

/** @param {{a: object, b: object, names: [string, string]}} props full records */
export function FactsTable({ a, b, names }) {
  return html`<table class="facts-table">
    <thead><tr><td></td>${names.map((name) => html`<th key=${name} scope="col">${name}</th>`)}</tr></thead>
    <tbody>${ROWS.map(([title, text, value, better = "better"]) => {
      const [x, y] = value ? [value(a), value(b)] : [0, 0];
      const known = x != null && y != null;
      return html`<tr key=${title}><th scope="row">${title}</th>
        <${Cell} text=${text(a)} best=${known && x > y} better=${better} other=${text(b)} />
        <${Cell} text=${text(b)} best=${known && y > x} better=${better} other=${text(a)} /></tr>`;
    })}</tbody>
  </table>`;
}

function Cell({ text, best, better, other }) {
  return html`<td class=${best ? "best" : ""}><span class=${text === other ? "same" : ""}>${text}</span>
    ${best && html`<span class="best-mark"><${Icon} name="check" /><span class="visually-hidden">${better}</span></span>`}</td>`;
}
