/**
 * The names of groups on the map: each stands where its group is densest, and in every further part that is a good share
 * of it. The largest come first; the nearer one is, the more of them have room. Where a name stands depends on the zoom
 * alone, so that none jumps while the map is dragged.
 */

import { cellOf } from "./layout.js";

const MOST_CELLS = 48; // across the map, in which parts of a group are looked for; fewer where there would be more than points
const PARTS = 3; // of one group that get a name
const LEAST_PART = 0.2; // of its group
const ROOM = 26_000; // square pixels of the map for each name
const GAP = 6;
const SMALLEST = 13;
const LARGEST = 18;
const LONGEST = 26; // letters

/**
 * @param {object} layout see layout.js
 * @param {{kinds: object[], codes: Uint8Array}} values see values.js
 * @param {Map<any, number>} typical the most typical point of some kinds, by their values
 * @returns {{name: string, code: number, count: number, x: number, y: number, point: number}[]} the largest first; `point` stands for the part
 */
export function placesOf(layout, values, typical = new Map()) {
  const side = Math.min(MOST_CELLS, Math.ceil(Math.sqrt(layout.order.length)));
  const cells = countsByKind(layout, values, side);
  const places = values.kinds.flatMap((kind) => (kind.name ? partsOf(cells.get(kind.code), side).map((part) => ({ ...part, kind })) : []));
  places.sort((a, b) => b.count - a.count);
  const near = nearestOfKind(layout, values.codes, places);
  const seen = new Set();
  return places.map(({ kind, ...part }, i) => {
    const first = !seen.has(kind.code) && typical.get(kind.value);
    seen.add(kind.code);
    return { name: shortened(String(kind.name)), code: kind.code, ...part, point: typeof first === "number" ? first : near[i] };
  });
}

const shortened = (name) => ([...name].length > LONGEST ? `${[...name].slice(0, LONGEST - 1).join("").trimEnd()}…` : name);

function countsByKind({ order, xy }, { kinds, codes }, side) {
  const cells = new Map(kinds.map((kind) => [kind.code, new Map()]));
  for (let i = 0; i < order.length; i++) {
    const own = cells.get(codes[order[i]]);
    if (!own) continue;
    const cell = cellOf(xy[2 * i + 1], side) * side + cellOf(xy[2 * i], side);
    own.set(cell, (own.get(cell) ?? 0) + 1);
  }
  return cells;
}

/** The parts of one kind that hang together, each with the middle of where it is densest. */
function partsOf(counts, side) {
  const left = new Map(counts);
  const total = [...counts.values()].reduce((sum, n) => sum + n, 0);
  const parts = [];
  while (left.size) {
    const [first] = left.keys();
    const part = takeOut(left, first, side);
    const count = part.reduce((sum, cell) => sum + counts.get(cell), 0);
    if (count >= LEAST_PART * total) parts.push({ count, ...densest(part, counts, side) });
  }
  return parts.sort((a, b) => b.count - a.count).slice(0, PARTS);
}

function takeOut(left, first, side) {
  const part = [first];
  left.delete(first);
  for (let at = 0; at < part.length; at++) {
    for (const near of around(part[at], side)) if (left.delete(near)) part.push(near);
  }
  return part;
}

/** A cell and its neighbours. */
function around(cell, side) {
  const [row, column] = [Math.floor(cell / side), cell % side];
  const found = [];
  for (let r = Math.max(0, row - 1); r <= Math.min(side - 1, row + 1); r++) {
    for (let c = Math.max(0, column - 1); c <= Math.min(side - 1, column + 1); c++) found.push(r * side + c);
  }
  return found;
}

function densest(part, counts, side) {
  const sum = (cell) => around(cell, side).reduce((n, near) => n + (counts.get(near) ?? 0), 0);
  const peak = part.reduce((best, cell) => (sum(cell) > sum(best) ? cell : best));
  let [x, y, n] = [0, 0, 0];
  for (const near of around(peak, side)) {
    const weight = counts.get(near) ?? 0;
    x += weight * (((near % side) + 0.5) / side);
    y += weight * ((Math.floor(near / side) + 0.5) / side);
    n += weight;
  }
  return { x: (2 * x) / n - 1, y: (2 * y) / n - 1 };
}

/** For each place the point of its kind that lies nearest to it. */
function nearestOfKind({ order, xy }, codes, places) {
  const best = places.map(() => -1);
  const least = places.map(() => Infinity);
  const ofCode = new Map();
  places.forEach(({ kind }, i) => ofCode.set(kind.code, [...(ofCode.get(kind.code) ?? []), i]));
  for (let i = 0; i < order.length; i++) {
    for (const at of ofCode.get(codes[order[i]]) ?? []) {
      const apart = (xy[2 * i] - places[at].x) ** 2 + (xy[2 * i + 1] - places[at].y) ** 2;
      if (apart < least[at]) [least[at], best[at]] = [apart, order[i]];
    }
  }
  return best;
}

/**
 * The names that have room at a zoom, as boxes on a map of `scale` pixels a unit with its middle at 0, 0, y downwards.
 * @param {(name: string, size: number) => number} widthOf
 */
export function arranged(places, { scale, extent }, widthOf) {
  const most = Math.max(3, (4 * extent.halfWidth * extent.halfHeight * scale ** 2) / ROOM);
  const largest = places[0]?.count ?? 1;
  const boxes = [];
  for (const place of places) {
    if (boxes.length >= most) break;
    const size = Math.round(SMALLEST + (LARGEST - SMALLEST) * Math.sqrt(place.count / largest));
    const box = { place, size, x: place.x * scale, y: -place.y * scale, width: widthOf(place.name, size), height: 1.3 * size };
    if (boxes.every((other) => apart(box, other))) boxes.push(box);
  }
  return boxes;
}

/** Whether two boxes, of which the middles are known, keep clear of each other. */
export const apart = (a, b) =>
  Math.abs(a.x - b.x) >= (a.width + b.width) / 2 + GAP || Math.abs(a.y - b.y) >= (a.height + b.height) / 2 + GAP;
