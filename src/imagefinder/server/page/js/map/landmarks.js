/**
 * One typical picture for each name on the map, beside its group instead of on it: where the fewest points lie under it,
 * with a line to the group. Seen from afar only; nearer, pictures stand for themselves (pictures.js).
 */

import { apart } from "./names.js";

const SIZE = 52; // the longest side, CSS pixels
const STEPS = [0.5, 0.9, 1.4, 2]; // how far from the name, in sizes of a picture
const TURNS = 12;
const MOST_COVERED = 0.1; // of its group: if no place covers fewer points, there is no picture

/** Sums of points in all cells left of and below each corner: how many lie in a rectangle takes four look-ups. */
export function sumsOf({ start, side }) {
  const sums = new Float64Array((side + 1) ** 2);
  for (let row = 0; row < side; row++) {
    let along = 0;
    for (let column = 0; column < side; column++) {
      const cell = row * side + column;
      along += start[cell + 1] - start[cell];
      sums[(row + 1) * (side + 1) + column + 1] = sums[row * (side + 1) + column + 1] + along;
    }
  }
  return { sums, side };
}

/** About how many points lie in a box of the layout's units. */
function pointsUnder({ sums, side }, left, right, bottom, top) {
  const corner = (v) => Math.max(0, Math.min(side, Math.round(((v + 1) / 2) * side)));
  const at = (x, y) => sums[corner(y) * (side + 1) + corner(x)];
  return at(right, top) - at(left, top) - at(right, bottom) + at(left, bottom);
}

/**
 * @param {object[]} names boxes of names.js
 * @returns {{point: number, x: number, y: number, size: number, to: {x: number, y: number}}[]} on the map as the names are
 */
export function landmarks(names, density, { scale, extent }) {
  const inside = ({ x, y }) => Math.abs(x) < extent.halfWidth * scale && Math.abs(y) < extent.halfHeight * scale;
  const taken = [...names];
  const found = [];
  for (const name of names) {
    const spot = bestSpot(name, taken, density, scale, inside);
    if (!spot) continue;
    taken.push(spot);
    found.push({ point: name.place.point, x: spot.x, y: spot.y, size: SIZE, to: { x: name.x, y: name.y } });
  }
  return found;
}

function bestSpot(name, taken, density, scale, inside) {
  let best = null;
  for (const far of STEPS) {
    for (let turn = 0; turn < TURNS; turn++) {
      const angle = (2 * Math.PI * turn) / TURNS;
      const x = name.x + Math.cos(angle) * (name.width / 2 + far * SIZE);
      const y = name.y + Math.sin(angle) * (name.height / 2 + far * SIZE);
      const spot = { x, y, width: SIZE, height: SIZE };
      if (!inside(spot)) continue;
      const half = SIZE / 2;
      const under = pointsUnder(density, (x - half) / scale, (x + half) / scale, -(y + half) / scale, -(y - half) / scale);
      const cost = under / name.place.count + 0.02 * far;
      if (under <= MOST_COVERED * name.place.count && !(best?.cost <= cost) && taken.every((other) => apart(spot, other))) best = { ...spot, cost };
    }
  }
  return best;
}
