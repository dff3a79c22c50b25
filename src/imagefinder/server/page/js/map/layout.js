/**
 * The points of a map, put in order for drawing and asking: scaled into the square from -1 to 1 and sorted by the cells
 * of a grid, row by row. What lies in a rectangle is then one run of neighbours in each row of cells, every k-th point
 * is an even sample of the plane, and the first point of each cell (the one that came first) can stand for it.
 */

export const ABSENT = 2 ** 32 - 1;
const MOST_LEVELS = 8; // 256 x 256 cells: a run a row, so at most 256 drawing calls
const POINTS_A_CELL = 8;

/**
 * @param {Float32Array} coordinates x, y of each point; y upwards
 * @returns {{xy: Float32Array, order: Uint32Array, rank: Uint32Array, start: Uint32Array, levels: number,
 *   side: number, halfWidth: number, halfHeight: number, filled: number, tops: Int32Array[]}} `order[i]` is the place of sorted point
 *   i among those given and `rank` the other way round, ABSENT for those left out; `start` has side * side + 1 entries; `filled` is the share of the cells that hold a point; for
 *   `tops` see below. Points without a finite place are left out.
 */
export function layOut(coordinates) {
  const kept = finite(coordinates);
  const box = bounds(coordinates, kept);
  const half = Math.max(box.right - box.left, box.top - box.bottom) / 2 || 1;
  const middleX = (box.left + box.right) / 2;
  const middleY = (box.bottom + box.top) / 2;
  const n = kept.length;
  const levels = Math.max(0, Math.min(MOST_LEVELS, Math.ceil(Math.log2(n / POINTS_A_CELL) / 2)));
  const side = 2 ** levels;
  const scaled = new Float32Array(2 * n);
  const cells = new Uint32Array(n);
  const start = new Uint32Array(side * side + 1);
  for (let i = 0; i < n; i++) {
    scaled[2 * i] = (coordinates[2 * kept[i]] - middleX) / half;
    scaled[2 * i + 1] = (coordinates[2 * kept[i] + 1] - middleY) / half;
    cells[i] = cellOf(scaled[2 * i + 1], side) * side + cellOf(scaled[2 * i], side); // of the rounded place
    start[cells[i] + 1]++;
  }
  const filled = cumulate(start);
  const next = start.slice(0, -1);
  const xy = new Float32Array(2 * n);
  const order = new Uint32Array(n);
  const rank = new Uint32Array(coordinates.length / 2).fill(ABSENT);
  for (let i = 0; i < n; i++) {
    const place = next[cells[i]]++;
    order[place] = kept[i];
    rank[kept[i]] = place;
    xy[2 * place] = scaled[2 * i];
    xy[2 * place + 1] = scaled[2 * i + 1];
  }
  return {
    xy,
    order,
    rank,
    start,
    levels,
    side,
    halfWidth: (box.right - box.left) / 2 / half || 1,
    halfHeight: (box.top - box.bottom) / 2 / half || 1,
    filled: filled / (side * side),
    tops: topsOf(start, order, levels),
  };
}

/**
 * Which point stands for each cell, at each level: `tops[z]` has 4 ** z entries, a sorted point or -1. It is the one that
 * came first, so a point that stands for a large cell also stands for the small one it is in: going nearer adds points and
 * takes none away.
 */
function topsOf(start, order, levels) {
  const tops = [Int32Array.from({ length: 4 ** levels }, (_, c) => (start[c + 1] > start[c] ? start[c] : -1))];
  for (let z = levels - 1; z >= 0; z--) {
    const side = 2 ** z;
    const finer = tops[0];
    const coarse = new Int32Array(side * side).fill(-1);
    for (let c = 0; c < finer.length; c++) {
      const parent = (Math.floor(c / (2 * side)) >> 1) * side + ((c % (2 * side)) >> 1);
      if (finer[c] >= 0 && (coarse[parent] < 0 || order[finer[c]] < order[coarse[parent]])) coarse[parent] = finer[c];
    }
    tops.unshift(coarse);
  }
  return tops;
}

/** Where the points of `next` are in another layout of the same map, in their order; null where it lacks one of them. */
export function placesIn(layout, next) {
  const xy = new Float32Array(2 * next.order.length);
  for (let i = 0; i < next.order.length; i++) {
    const at = layout.rank[next.order[i]];
    if (at === ABSENT) return null;
    xy[2 * i] = layout.xy[2 * at];
    xy[2 * i + 1] = layout.xy[2 * at + 1];
  }
  return xy;
}

/** Points of the map, in the order it has them, for sorted points. */
export function pointsOf({ order }, sorted) {
  const points = new Uint32Array(sorted.length);
  for (let i = 0; i < points.length; i++) points[i] = order[sorted[i]];
  return points;
}

/** The sorted points, in ascending order, for points of the map; those that the layout leaves out are left out. */
export function ranksOf({ rank }, points) {
  const found = new Uint32Array(points.length);
  let n = 0;
  for (let i = 0; i < points.length; i++) if (rank[points[i]] !== ABSENT) found[n++] = rank[points[i]];
  return found.subarray(0, n).sort();
}

/** The rectangle that holds some points of the map. */
export const boxOf = (layout, points) => bounds(layout.xy, ranksOf(layout, points));

/** Some of the points as a layout of their own. @param {Uint32Array} points sorted points, in ascending order */
export function partOf(layout, points) {
  const { side, levels } = layout;
  const n = points.length;
  const part = { ...layout, xy: new Float32Array(2 * n), order: new Uint32Array(n), start: new Uint32Array(side * side + 1) };
  for (let i = 0; i < n; i++) {
    part.xy[2 * i] = layout.xy[2 * points[i]];
    part.xy[2 * i + 1] = layout.xy[2 * points[i] + 1];
    part.order[i] = layout.order[points[i]];
    part.start[cellOf(part.xy[2 * i + 1], side) * side + cellOf(part.xy[2 * i], side) + 1]++;
  }
  part.filled = cumulate(part.start) / (side * side);
  part.tops = topsOf(part.start, part.order, levels);
  return part;
}

/** Makes counts, each one place further, into starts. @returns {number} how many counts were not 0 */
function cumulate(start) {
  let filled = 0;
  for (let c = 0; c + 1 < start.length; c++) {
    filled += start[c + 1] > 0 ? 1 : 0;
    start[c + 1] += start[c];
  }
  return filled;
}

/** The row or column of the cell, of `side` in all, that holds a place between -1 and 1. */
export function cellOf(place, side) {
  return Math.max(0, Math.min(side - 1, Math.floor(((place + 1) / 2) * side)));
}

function finite(coordinates) {
  const kept = new Uint32Array(coordinates.length / 2);
  let n = 0;
  for (let i = 0; i < kept.length; i++) {
    if (Number.isFinite(coordinates[2 * i]) && Number.isFinite(coordinates[2 * i + 1])) kept[n++] = i;
  }
  return kept.subarray(0, n);
}

function bounds(coordinates, kept) {
  const box = { left: Infinity, right: -Infinity, bottom: Infinity, top: -Infinity };
  for (const i of kept) {
    const x = coordinates[2 * i];
    const y = coordinates[2 * i + 1];
    if (x < box.left) box.left = x;
    if (x > box.right) box.right = x;
    if (y < box.bottom) box.bottom = y;
    if (y > box.top) box.top = y;
  }
  return kept.length ? box : { left: -1, right: 1, bottom: -1, top: 1 };
}
