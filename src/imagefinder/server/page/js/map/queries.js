/** Questions to a layout (see layout.js): what is in a rectangle, what is near, what is inside a drawn line. */

import { cellOf } from "./layout.js";

/**
 * The runs of sorted points in the cells that a rectangle touches: pairs of (first, count), one for each row of cells.
 * @param {{left: number, right: number, bottom: number, top: number}} box in the layout's units
 * @returns {{runs: number[][], count: number}}
 */
export function runsIn(layout, box) {
  const { side, start } = layout;
  const from = cellOf(box.left, side);
  const to = cellOf(box.right, side);
  const runs = [];
  let count = 0;
  for (let row = cellOf(box.bottom, side); row <= cellOf(box.top, side); row++) {
    const first = start[row * side + from];
    const n = start[row * side + to + 1] - first;
    const last = runs.at(-1);
    if (last && last[0] + last[1] === first) last[1] += n;
    else if (n) runs.push([first, n]);
    count += n;
  }
  return { runs, count };
}

/** The sorted points in a rectangle, exactly. */
export function pointsIn(layout, box) {
  const { xy } = layout;
  const { runs, count } = runsIn(layout, box);
  const found = new Uint32Array(count);
  let n = 0;
  for (const [first, length] of runs) {
    for (let i = first; i < first + length; i++) {
      const x = xy[2 * i];
      const y = xy[2 * i + 1];
      if (x >= box.left && x <= box.right && y >= box.bottom && y <= box.top) found[n++] = i;
    }
  }
  return found.slice(0, n);
}

/** The sorted point nearest to (x, y) and no farther than `radius`, or -1. */
export function nearest(layout, x, y, radius) {
  const { xy } = layout;
  let best = -1;
  let least = radius * radius;
  const { runs } = runsIn(layout, { left: x - radius, right: x + radius, bottom: y - radius, top: y + radius });
  for (const [first, length] of runs) {
    for (let i = first; i < first + length; i++) {
      const distance = (xy[2 * i] - x) ** 2 + (xy[2 * i + 1] - y) ** 2;
      if (distance <= least) {
        least = distance;
        best = i;
      }
    }
  }
  return best;
}

/**
 * The sorted points inside a closed line, by the even-odd rule. Each row of cells looks only at the edges that cross it,
 * and a cell that no edge comes near is decided by its first point.
 * @param {number[][]} line corners as [x, y], in the layout's units
 */
export function pointsInside(layout, line) {
  const { side, start, xy } = layout;
  const box = { left: Infinity, right: -Infinity, bottom: Infinity, top: -Infinity };
  for (const [x, y] of line) {
    box.left = Math.min(box.left, x);
    box.right = Math.max(box.right, x);
    box.bottom = Math.min(box.bottom, y);
    box.top = Math.max(box.top, y);
  }
  const found = new Uint32Array(runsIn(layout, box).count);
  let n = 0;
  for (let row = cellOf(box.bottom, side); row <= cellOf(box.top, side); row++) {
    const edges = edgesCrossing(line, row, side);
    for (let column = cellOf(box.left, side); column <= cellOf(box.right, side); column++) {
      const first = start[row * side + column];
      const end = start[row * side + column + 1];
      const mixed = end > first && comesNear(edges, column, side);
      let inside = end > first && isInside(edges, xy[2 * first], xy[2 * first + 1]);
      for (let i = first; i < end; i++) {
        if (mixed && i > first) inside = isInside(edges, xy[2 * i], xy[2 * i + 1]);
        if (inside) found[n++] = i;
      }
    }
  }
  return found.slice(0, n);
}

/** Edges as x1, y1, x2, y2 that reach into a row of cells; the outermost rows reach on for ever. */
function edgesCrossing(line, row, side) {
  const bottom = row === 0 ? -Infinity : (row / side) * 2 - 1;
  const top = row === side - 1 ? Infinity : ((row + 1) / side) * 2 - 1;
  const edges = [];
  line.forEach(([x1, y1], i) => {
    const [x2, y2] = line[(i + 1) % line.length];
    if (Math.max(y1, y2) >= bottom && Math.min(y1, y2) <= top) edges.push(x1, y1, x2, y2);
  });
  return Float64Array.from(edges);
}

function comesNear(edges, column, side) {
  const left = column === 0 ? -Infinity : (column / side) * 2 - 1;
  const right = column === side - 1 ? Infinity : ((column + 1) / side) * 2 - 1;
  for (let e = 0; e < edges.length; e += 4) {
    if (Math.max(edges[e], edges[e + 2]) >= left && Math.min(edges[e], edges[e + 2]) <= right) return true;
  }
  return false;
}

function isInside(edges, x, y) {
  let inside = false;
  for (let e = 0; e < edges.length; e += 4) {
    const y1 = edges[e + 1];
    const y2 = edges[e + 3];
    if (y1 > y !== y2 > y && x < edges[e] + ((y - y1) / (y2 - y1)) * (edges[e + 2] - edges[e])) inside = !inside;
  }
  return inside;
}
