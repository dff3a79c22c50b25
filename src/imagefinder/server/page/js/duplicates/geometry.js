// How two copies lie on each other. A matrix [a, b, c, d, e, f], as in SVG, takes places of one picture to places of
// another, both in parts of their sides from 0 to 1: (x, y) to (ax + cy + e, bx + dy + f).
import { isSure } from "./words.js";

const SAME = [1, 0, 0, 1, 0, 0];
const CUT = 0.96; // share of a picture from which a copy counts as showing all of it

export function turnedBack([a, b, c, d, e, f]) {
  const det = a * d - b * c;
  return [d / det, -b / det, -c / det, a / det, (c * f - d * e) / det, (b * e - a * f) / det];
}

/** First `second`, then `first`. */
export const chained = ([a, b, c, d, e, f], [g, h, i, j, k, l]) => [
  a * g + c * h, b * g + d * h, a * i + c * j, b * i + d * j, a * k + c * l + e, b * k + d * l + f,
];

const placed = ([a, b, c, d, e, f], [x, y]) => [a * x + c * y + e, b * x + d * y + f];
/** The corners of a picture that lies so on another. */
export const cornersOf = (matrix) => [[0, 0], [1, 0], [1, 1], [0, 1]].map((corner) => placed(matrix, corner));
/** How much of the scene it shows, for each 1 that the other shows. */
export const shareOf = ([a, b, c, d]) => Math.abs(a * d - b * c);

/** How an image of a group lies on the one that the server would keep; null where that isn't known. */
const ontoKept = (group, image) => (image === group.keep || isSure(image.tier) ? SAME : (image.onto ?? null));

/** How `other` lies on `one`, both of a group; null where that isn't known. */
export function between(group, one, other) {
  const [mine, theirs] = [ontoKept(group, one), ontoKept(group, other)];
  return mine && theirs && chained(turnedBack(mine), theirs);
}

/** Of two copies the matrix by which the one that shows less lies in the other, and which that is: [matrix, less, more]. */
export function cropOf(group, one, other) {
  const matrix = between(group, one, other);
  if (!matrix || [one, other].some((image) => image.edits?.includes("border or caption bar"))) return null;
  const share = shareOf(matrix);
  if (share < CUT) return [matrix, other, one];
  return share > 1 / CUT ? [turnedBack(matrix), one, other] : null;
}

/** The largest at which a picture of one shape fits into another, in the middle: for pictures that are no copies. */
export function fitted(one, other) {
  const ratio = other.width / other.height / (one.width / one.height);
  return ratio > 1 ? [1, 0, 0, 1 / ratio, 0, (1 - 1 / ratio) / 2] : [ratio, 0, 0, 1, (1 - ratio) / 2, 0];
}
