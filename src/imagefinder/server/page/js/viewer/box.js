// A frame on a picture, to search by that part of it: drawn, moved, made larger or smaller by its corners and sides,
// with mouse, finger or keys, and written as numbers.
import { html, useEffect, useRef } from "../../vendor/preact.js";
import { table } from "../table.js";
import { texts } from "../texts.js";

const said = texts.viewer;
export const START = [0.25, 0.25, 0.75, 0.75];
const LEAST = 0.02; // of the picture's side
const STEP = 0.02;
// Which sides a handle moves: of left, top, right, bottom the one across and the one down; null for none.
const CORNERS = [["nw", 0, 1], ["ne", 2, 1], ["se", 2, 3], ["sw", 0, 3]];
const SIDES = [["n", null, 1], ["e", 2, null], ["s", null, 3], ["w", 0, null]];
const WAYS = table({ ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] });

const within = (value, low = 0, high = 1) => Math.min(high, Math.max(low, value));
const rounded = (box) => box.map((side) => Math.round(side * 1000) / 1000);

/** The box with one side elsewhere, as far as that goes. */
function withSide(box, side, value) {
  const next = [...box];
  next[side] = side < 2 ? within(value, 0, box[side + 2] - LEAST) : within(value, box[side - 2] + LEAST, 1);
  return next;
}

/** The box with the sides of a handle moved. */
function resized(box, [, across, down], dx, dy) {
  const wide = across === null ? box : withSide(box, across, box[across] + dx);
  return rounded(down === null ? wide : withSide(wide, down, box[down] + dy));
}

function shifted(box, dx, dy) {
  const x = within(dx, -box[0], 1 - box[2]);
  const y = within(dy, -box[1], 1 - box[3]);
  return rounded([box[0] + x, box[1] + y, box[2] + x, box[3] + y]);
}

/** @param {{box: number[] | null, onChange: (box: number[]) => void}} props covers the element it stands in */
export function BoxPicker({ box, onChange }) {
  const area = useRef(null);
  const start = useRef(null); // where the pointer went down, the box then, and the handle under it
  useEffect(() => area.current.querySelector(".box")?.focus(), []);
  const at = (event) => {
    const { left, top, width, height } = area.current.getBoundingClientRect();
    return [within((event.clientX - left) / width), within((event.clientY - top) / height)];
  };
  const down = (event) => {
    if (event.button !== 0 || start.current) return;
    event.preventDefault();
    area.current.setPointerCapture(event.pointerId);
    const handle = [...CORNERS, ...SIDES].find(([name]) => name === event.target.dataset.handle);
    event.target.closest("button, .box")?.focus();
    start.current = { point: at(event), box, handle, moved: Boolean(event.target.closest(".box")) };
  };
  const move = (event) => {
    if (!start.current) return;
    const [x, y] = at(event);
    const { point, box: former, handle, moved } = start.current;
    if (handle) return onChange(resized(former, handle, x - point[0], y - point[1]));
    if (moved) return onChange(shifted(former, x - point[0], y - point[1]));
    const next = [Math.min(x, point[0]), Math.min(y, point[1]), Math.max(x, point[0]), Math.max(y, point[1])];
    if (next[2] - next[0] >= LEAST && next[3] - next[1] >= LEAST) onChange(rounded(next));
  };
  const up = () => (start.current = null);
  const keys = (event) => {
    const [dx, dy] = WAYS[event.key] ?? [0, 0];
    if (!dx && !dy) return;
    event.preventDefault();
    event.stopPropagation();
    const corner = CORNERS.find(([name]) => name === event.target.dataset.handle) ?? (event.shiftKey && CORNERS[2]);
    onChange(corner ? resized(box, corner, dx, dy) : shifted(box, dx, dy));
  };
  const percent = (part) => `${part * 100}%`;
  return html`<div ref=${area} class="box-area" data-testid="box-area" onPointerDown=${down} onPointerMove=${move} onPointerUp=${up} onPointerCancel=${up}>
    ${box &&
    html`<div class="box" role="group" tabindex="0" onKeyDown=${keys} aria-label=${said.box}
      style=${{ left: percent(box[0]), top: percent(box[1]), width: percent(box[2] - box[0]), height: percent(box[3] - box[1]) }}>
      ${SIDES.map(([name]) => html`<span key=${name} class="box-side ${name}" data-handle=${name}></span>`)}
      ${CORNERS.map(([name], i) => html`<button key=${name} type="button" class="box-corner ${name}" data-handle=${name} aria-label=${said.cornerKeys(said.corners[i])}></button>`)}
    </div>`}
  </div>`;
}

/** The same in numbers, in per cent of the picture. */
export function BoxNumbers({ box, onChange }) {
  const set = (side) => (event) => {
    if (!Number.isNaN(event.target.valueAsNumber)) onChange(rounded(withSide(box, side, event.target.valueAsNumber / 100)));
    event.target.value = Math.round(box[side] * 100); // what became of it is drawn again
  };
  return html`<div class="box-numbers" role="group" aria-label=${said.boxNumbers}>
    ${said.sides.map(
      (name, side) => html`<label key=${name}>${name}<span class="with-unit"><input class="input" type="number" min="0" max="100" step="1" value=${Math.round(box[side] * 100)} onChange=${set(side)} /> %</span></label>`,
    )}
  </div>`;
}
