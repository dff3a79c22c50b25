// A rectangle drawn on a picture, to search by that part of it. It can be drawn, moved with the arrow keys (Shift
// changes its size), and written as numbers.
import { html, useEffect, useRef } from "../../vendor/preact.js";

export const START = [0.25, 0.25, 0.75, 0.75];
const LEAST = 0.02; // of the picture's side
const STEP = 0.02;

const within = (value, low = 0, high = 1) => Math.min(high, Math.max(low, value));
const rounded = (box) => box.map((side) => Math.round(side * 1000) / 1000);

/** @param {{box: number[] | null, onChange: (box: number[]) => void}} props covers the element it stands in */
export function BoxPicker({ box, onChange }) {
  const area = useRef(null);
  const start = useRef(null);
  useEffect(() => area.current.querySelector(".box")?.focus(), []);
  const at = (event) => {
    const { left, top, width, height } = area.current.getBoundingClientRect();
    return [within((event.clientX - left) / width), within((event.clientY - top) / height)];
  };
  const down = (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    area.current.setPointerCapture(event.pointerId);
    const point = at(event);
    const inside = box && point[0] > box[0] && point[0] < box[2] && point[1] > box[1] && point[1] < box[3];
    start.current = { point, box: inside ? box : null };
  };
  const move = (event) => {
    if (!start.current) return;
    const [x, y] = at(event);
    const { point, box: moved } = start.current;
    if (moved) return onChange(shifted(moved, x - point[0], y - point[1]));
    const next = [Math.min(x, point[0]), Math.min(y, point[1]), Math.max(x, point[0]), Math.max(y, point[1])];
    if (next[2] - next[0] >= LEAST && next[3] - next[1] >= LEAST) onChange(rounded(next));
  };
  const keys = (event) => {
    const [dx, dy] = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] }[event.key] ?? [0, 0];
    if (!dx && !dy) return;
    event.preventDefault();
    event.stopPropagation();
    onChange(event.shiftKey ? resized(box, dx, dy) : shifted(box, dx, dy));
  };
  const percent = (part) => `${part * 100}%`;
  return html`<div ref=${area} class="box-area" data-testid="box-area" onPointerDown=${down} onPointerMove=${move}
    onPointerUp=${() => (start.current = null)} onPointerCancel=${() => (start.current = null)}>
    ${box &&
    html`<div class="box" role="group" tabindex="0" onKeyDown=${keys}
      aria-label="The part to search by: arrow keys move it, with Shift they change its size"
      style=${{ left: percent(box[0]), top: percent(box[1]), width: percent(box[2] - box[0]), height: percent(box[3] - box[1]) }}></div>`}
  </div>`;
}

function shifted(box, dx, dy) {
  const x = within(dx, -box[0], 1 - box[2]);
  const y = within(dy, -box[1], 1 - box[3]);
  return rounded([box[0] + x, box[1] + y, box[2] + x, box[3] + y]);
}

const resized = ([left, top, right, bottom], dx, dy) =>
  rounded([left, top, within(right + dx, left + LEAST), within(bottom + dy, top + LEAST)]);

const SIDES = ["Left", "Top", "Right", "Bottom"];

/** The same in numbers, in per cent of the picture. */
export function BoxNumbers({ box, onChange }) {
  const set = (side) => (event) => {
    const next = [...box];
    next[side] = within(event.target.valueAsNumber / 100);
    if (next[2] - next[0] >= LEAST && next[3] - next[1] >= LEAST) onChange(rounded(next));
  };
  return html`<div class="box-numbers" role="group" aria-label="The part in per cent of the picture">
    ${SIDES.map(
      (name, side) => html`<label key=${name}>${name}<input class="input" type="number" min="0" max="100" step="1" value=${Math.round(box[side] * 100)} onChange=${set(side)} /></label>`,
    )}
  </div>`;
}
