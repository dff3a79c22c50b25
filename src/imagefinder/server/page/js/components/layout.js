// Where the pictures of a grid stand: rows of equal height, filled from edge to edge. Pure arithmetic, no DOM: `x` is
// from where the line begins, which is the right in some languages.
import { ratio } from "../gallery/shapes.js";

const NARROWEST = 0.5; // width / height; beyond these a picture is cut, so that no row gets absurd
const WIDEST = 2.6;

/** @param {{shape?: number, width?: number, height?: number}} image */
export const ratioOf = (image) => Math.min(WIDEST, Math.max(NARROWEST, ratio(image)));

export const TALLEST = 16e6; // CSS pixels: Firefox shows nothing beyond 17.9 million, Chromium nothing beyond 33.5
const LOWEST = 24;

/** The rows of `justify`, lower where they would be more than a page can be high: of a million pictures, a little. */
export function wall(items, options) {
  let layout = justify(items, options);
  for (let { rowHeight } = options; layout.height > TALLEST && rowHeight > LOWEST; ) {
    rowHeight *= 0.97 * Math.sqrt(TALLEST / layout.height); // half as high, and half as many
    layout = justify(items, { ...options, rowHeight });
  }
  return layout;
}

/**
 * Rows as near to `rowHeight` as they get. Time and memory grow with the number of items: 100,000 take about 10 ms.
 *
 * @param {ArrayLike<{width?: number, height?: number}>} items
 * @param {{width: number, rowHeight: number, gap: number, footer: number, starts?: number[], heading?: number}} options all in CSS pixels; `footer` is the
 *   height of the line under each picture. `starts` are the items, in their order, with which a new row begins under a
 *   heading that is `heading` high
 * @returns {{heads: number[], rows: {top: number, height: number, start: number, end: number}[], x: Float32Array, w: Float32Array, height: number}}
 */
export function justify(items, { width, rowHeight, gap, footer, starts = [], heading = 0 }) {
  const x = new Float32Array(items.length);
  const w = new Float32Array(items.length);
  const rows = [];
  const heads = []; // where each heading stands
  let top = 0;
  let start = 0;
  let ratios = 0;
  const close = (end, sum, isLast) => {
    const room = width - gap * (end - start - 1);
    const height = isLast ? Math.min(rowHeight, room / sum) : room / sum;
    let from = 0;
    for (let i = start; i < end; i++) {
      x[i] = from;
      w[i] = ratioOf(items[i]) * height;
      from += w[i] + gap;
    }
    rows.push({ top, height, start, end });
    top += height + footer + gap;
    start = end;
  };
  for (let i = 0; i < items.length; i++) {
    if (i === starts[heads.length]) {
      if (start < i) close(i, ratios, true);
      ratios = 0;
      heads.push(top);
      top += heading;
    }
    const ratio = ratioOf(items[i]);
    const gaps = gap * (i - start);
    const withIt = (width - gaps) / (ratios + ratio);
    if (withIt < rowHeight && i > start) {
      const without = (width - gaps + gap) / ratios;
      if (without - rowHeight < rowHeight - withIt) {
        close(i, ratios, false);
        ratios = ratio;
        continue;
      }
    }
    ratios += ratio;
    if (withIt <= rowHeight) {
      close(i + 1, ratios, false);
      ratios = 0;
    }
  }
  if (start < items.length) close(items.length, ratios, true);
  return { rows, heads, x, w, height: Math.max(0, top - gap) };
}

/** The rows that meet [from, to], as [first, after the last]; by bisection, as there may be many thousands. */
export function visibleRows(rows, from, to) {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle].top + rows[middle].height < from) low = middle + 1;
    else high = middle;
  }
  let end = low;
  while (end < rows.length && rows[end].top <= to) end++;
  return [low, end];
}

/** The row that holds item `index`. */
export function rowOf(rows, index) {
  let low = 0;
  let high = rows.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (rows[middle].start <= index) low = middle;
    else high = middle - 1;
  }
  return low;
}
