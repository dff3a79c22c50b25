/** The pictures on the map: which ones, where, and their bytes, few at a time and kept within bounds. */

import { thumbnail } from "../api.js";
import { cellOf } from "./layout.js";
import { pointsIn } from "./queries.js";

const SMALL = 64; // the longest side of a picture, CSS pixels
const LARGE = 128;
const GAP = 8;
const FAR_APART = 2.6; // cells as wide as so many pictures, while a cell stands for many points
const CROWDED = 8; // points for each place where a picture could stand
const AT_ONCE = 6;
const KEPT = 800; // pictures, 16 kB to 64 kB each

/**
 * Where pictures stand: one in each cell of a grid that is fixed to the map, moved off its point only so far that it keeps
 * within the cell; so none covers another, whatever the zoom.
 * @returns {{point: number, x: number, y: number, size: number}[]} points as the map has them; middle and longest side on the screen
 */
export function pictureSpots(layout, camera) {
  const { size, cell } = sizesFor(layout, camera);
  const level = Math.floor(Math.log2((2 * camera.scale) / cell));
  if (level < 0) return [];
  const spots = [];
  const side = 2 / 2 ** level; // of a cell, in the layout's units
  const slack = (side * camera.scale - size) / 2;
  const { xy } = layout;
  for (const point of standing(layout, camera.box, level)) {
    const [x, y] = camera.toScreen(xy[2 * point], xy[2 * point + 1]);
    const middle = [xy[2 * point], xy[2 * point + 1]].map((v) => (Math.floor((v + 1) / side) + 0.5) * side - 1);
    const [cellX, cellY] = camera.toScreen(...middle);
    const near = (value, at) => Math.max(at - slack, Math.min(at + slack, value));
    spots.push({ point: layout.order[point], x: near(x, cellX), y: near(y, cellY), size });
  }
  return spots;
}

/** How large and how close: it depends on the zoom alone, so that nothing jumps while the map is dragged. */
function sizesFor(layout, camera) {
  const { inView, places } = crowdIn(layout, camera);
  if (inView > CROWDED * places) return { size: SMALL, cell: FAR_APART * SMALL };
  if (inView > places / 6) return { size: SMALL, cell: SMALL + GAP };
  return { size: LARGE, cell: LARGE + GAP };
}

/** Whether there are so many points in view that a picture can only stand for many of them. */
export function isCrowded(layout, camera) {
  const { inView, places } = crowdIn(layout, camera);
  return inView > CROWDED * places;
}

function crowdIn(layout, { width, height, scale }) {
  const unit = layout.order.length / (4 * layout.filled); // points on a unit square where there are any
  return { inView: (unit * width * height) / scale ** 2, places: (width * height) / (SMALL + GAP) ** 2 };
}

function* standing(layout, box, level) {
  if (level > layout.levels) {
    yield* firstInCells(layout, pointsIn(layout, box), level);
  } else {
    const side = 2 ** level;
    const to = cellOf(box.right, side);
    for (let row = cellOf(box.bottom, side); row <= cellOf(box.top, side); row++) {
      for (let column = cellOf(box.left, side); column <= to; column++) {
        const point = layout.tops[level][row * side + column];
        if (point >= 0) yield point;
      }
    }
  }
}

function firstInCells({ xy, order }, points, level) {
  const cells = new Map();
  const half = 2 ** level / 2;
  for (const i of points) {
    const key = Math.floor((xy[2 * i + 1] + 1) * half) * 2 ** 26 + Math.floor((xy[2 * i] + 1) * half);
    const former = cells.get(key);
    if (former === undefined || order[i] < order[former]) cells.set(key, i);
  }
  return cells.values();
}

/** Thumbnails by id. Asking for others drops what was not begun, so flying over the map makes no heap of requests. */
export class PictureStore {
  /** @param {() => void} onArrival */
  constructor(onArrival) {
    this.onArrival = onArrival;
    this.held = new Map(); // id -> {bitmap, size}, oldest use first; bitmap null where there is no picture
    this.loading = new Map();
    this.queue = [];
  }

  /** @returns {ImageBitmap | null | undefined} null: there is none; undefined: it isn't here yet */
  get(id) {
    const one = this.held.get(id);
    if (!one) return undefined;
    this.held.delete(id);
    this.held.set(id, one);
    return one.bitmap;
  }

  /** @param {string[]} ids the most wanted first @param {number} size CSS pixels */
  want(ids, size) {
    this.size = size;
    this.queue = ids.filter((id) => !(this.held.get(id)?.size >= size) && !this.loading.has(id)).slice(0, KEPT / 2);
    const wanted = new Set(ids);
    for (const [id, controller] of this.loading) if (!wanted.has(id)) controller.abort();
    this.next();
  }

  next() {
    while (this.queue.length && this.loading.size < AT_ONCE) this.load(this.queue.shift());
  }

  async load(id) {
    const controller = new AbortController();
    const { size } = this;
    this.loading.set(id, controller);
    let bitmap = null;
    try {
      const response = await fetch(thumbnail({ id }, size), { signal: controller.signal });
      if (response.ok) bitmap = await createImageBitmap(await response.blob());
    } catch {} // gone, or not wanted any more
    this.loading.delete(id);
    if (!controller.signal.aborted) this.keep(id, { bitmap, size });
    this.next();
  }

  keep(id, one) {
    this.held.get(id)?.bitmap?.close();
    this.held.set(id, one);
    for (const [oldest, { bitmap }] of this.held) {
      if (this.held.size <= KEPT) break;
      bitmap?.close();
      this.held.delete(oldest);
    }
    this.onArrival();
  }

  destroy() {
    this.queue = [];
    for (const controller of this.loading.values()) controller.abort();
    for (const { bitmap } of this.held.values()) bitmap?.close();
    this.held.clear();
  }
}
