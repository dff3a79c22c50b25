// Two images fact by fact, and which is the better in each. The order of formats is the library's own.
import { html } from "../../vendor/preact.js";
import { Icon } from "../components/icon.js";
import { dateTime, fileName } from "../format.js";
import { texts } from "../texts.js";
import { bytes } from "../units.js";
import { shareOf } from "./geometry.js";
import { placeWords, sizeWords } from "./words.js";

const said = texts.duplicates;

const LOSSLESS = ["PNG", "TIFF", "BMP", "DIB", "PPM"];
const MODERN = ["HEIF", "JPEG2000"];
const LIMITED = ["GIF", "ICO"];
const formatRank = (format) => (LOSSLESS.includes(format) ? 3 : MODERN.includes(format) ? 2 : LIMITED.includes(format) ? 0 : 1);

/** Name, text of an image, and what is compared (larger is better), if anything. */
const ROWS = [
  [said.facts.pixels, sizeWords, (one) => one.width * one.height],
  [said.facts.size, (one) => bytes(one.bytes), (one) => one.bytes],
  [said.facts.format, (one) => one.format, (one) => formatRank(one.format)],
  [said.facts.taken, (one) => (one.taken_at ? dateTime(one.taken_at) : said.unknown), (one) => Number(Boolean(one.taken_at))],
  [said.facts.changed, (one) => (one.mtime ? dateTime(one.mtime) : said.unknown), (one) => (one.mtime ? -Date.parse(one.mtime) : null), said.older],
  [said.facts.name, (one) => fileName(one.uri)],
  [said.facts.folder, (one) => placeWords(one.uri)],
];

/** How much more of the scene the one shows of which the other is a crop. */
function sceneRow([matrix, , more]) {
  const times = 1 / shareOf(matrix);
  const shows = (one) => (one.id === more.id ? times : 1);
  return [said.facts.scene, (one) => said.timesAsMuch(shows(one).toFixed(1)), shows];
}

/** @param {{a: object, b: object, names: [string, string], crop: [number[], object, object] | null}} props full records, and what `cropOf` gives */
export function FactsTable({ a, b, names, crop }) {
  return html`<table class="facts-table">
    <thead><tr><td></td>${names.map((name) => html`<th key=${name} scope="col">${name}</th>`)}</tr></thead>
    <tbody>${[...(crop ? [sceneRow(crop)] : []), ...ROWS].map(([title, text, value, better = said.better]) => {
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
