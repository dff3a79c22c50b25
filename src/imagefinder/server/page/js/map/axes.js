/** Axes that mean something: how well the images fit two queries, as places on the plane. */

const BEYOND = 1.15; // what lies farther out than nearly all others is drawn at the edge

/**
 * @param {Float32Array | null} across scores, left to right; without them the map's own place counts
 * @param {Float32Array | null} up scores, bottom to top
 * @param {Float32Array} own the map's places, x and y of each; a point without a place or a score has none
 * @param {number} wide how wide the plane is for its height
 * @returns {Float32Array} places, x and y of each
 */
export function placesByMeaning(across, up, own, wide) {
  const xs = spread(across ?? own.filter((_, i) => i % 2 === 0), wide);
  const ys = spread(up ?? own.filter((_, i) => i % 2 === 1), 1);
  const places = new Float32Array(own.length);
  for (let i = 0; i < xs.length; i++) {
    const gone = !Number.isFinite(own[2 * i]) || !Number.isFinite(xs[i]) || !Number.isFinite(ys[i]);
    places[2 * i] = gone ? NaN : xs[i];
    places[2 * i + 1] = gone ? NaN : ys[i];
  }
  return places;
}

function spread(values, reach) {
  const sorted = values.filter(Number.isFinite).sort();
  const at = (share) => sorted[Math.round(share * (sorted.length - 1))] ?? 0;
  const [low, high] = [at(0.002), at(0.998)];
  const half = (high - low) / 2 || 1;
  const most = reach * BEYOND;
  return values.map((value) => Math.max(-most, Math.min(most, ((value - low - half) / half) * reach)));
}
