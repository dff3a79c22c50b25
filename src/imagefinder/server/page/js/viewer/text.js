// The text that was read in the picture, and where each word of it stands.
import { html } from "../../vendor/preact.js";
import { toast } from "../components/toast.js";
import { Icon } from "../components/icon.js";
import { texts } from "../texts.js";

const said = texts.viewer;

const SIDE = 1000; // parts of a side in which the server gives places

/** @param {{text?: string, text_boxes?: number[]}} image @returns {{word: string, box: number[]}[]} boxes as parts of the sides */
export function wordsOf({ text = "", text_boxes: sides = [] }) {
  const words = String(text).split(/\s+/).filter(Boolean);
  if (!Array.isArray(sides) || sides.length !== 4 * words.length) return []; // such as a text that a table gives
  return words.map((word, i) => ({ word, box: sides.slice(4 * i, 4 * i + 4).map((side) => Number(side) / SIDE) }));
}

const percent = (part) => `${part * 100}%`;

/** Frames around all words, or only around those that were `found`; covers the element it stands in. */
export function WordBoxes({ image, all, found }) {
  return html`<div class="word-boxes" aria-hidden="true" data-testid="word-boxes">
    ${wordsOf(image).map(
      ({ word, box: [left, top, right, bottom] }, i) =>
        (all || found.has(i)) && html`<span key=${i} class=${found.has(i) ? "found" : ""} title=${word} style=${{ left: percent(left), top: percent(top), width: percent(right - left), height: percent(bottom - top) }}></span>`,
    )}
  </div>`;
}

/** The text, with the words marked that were `found`. */
function Marked({ text, found }) {
  let place = -1;
  return text.split(/(\s+)/).map((part) => (part.trim() ? (found.has(++place) ? html`<mark>${part}</mark>` : part) : part));
}

/** @param {{image: object, found: Set<number>, shown: boolean, onShow: () => void}} props */
export function TextRead({ image, found, shown, onShow }) {
  if (!image.text) return null;
  const copy = () =>
    navigator.clipboard.writeText(image.text).then(() => toast(said.copied), () => toast(said.noCopy, { kind: "error", remedy: said.copyByHand }));
  return html`<section aria-label=${said.textRead}><h2>${said.textRead}</h2>
    <p class="text-read" data-testid="text-read"><${Marked} text=${String(image.text)} found=${found} /></p>
    <div class="row wrap">
      ${wordsOf(image).length > 0 && html`<button class="button small" aria-pressed=${shown} onClick=${onShow} title=${said.framesKey} data-testid="show-words">${shown ? said.hideFrames : said.showFrames}</button>`}
      <button class="button small quiet" onClick=${copy}><${Icon} name="copy" />${said.copyText}</button>
    </div>
  </section>`;
}
