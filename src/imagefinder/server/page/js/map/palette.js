/** Colours of the points. The first ten can be told apart by colour-blind eyes (Paul Tol's bright and muted schemes). */

import { LAST, NONE, REST } from "./values.js";

const LIGHT = ["#4477aa", "#ee6677", "#228833", "#b59b00", "#33a7d8", "#aa3377", "#e07b00", "#332288", "#44aa99", "#882255"];
const DARK = ["#7ba7dd", "#ff8c99", "#5cc46d", "#e0cb5c", "#7fd9f7", "#d977b0", "#ffa54a", "#a59bff", "#6fd6c4", "#d1719a"];
const GOLDEN_ANGLE = 137.508; // neighbours in the list lie far apart on the colour circle
const VIRIDIS = ["#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"];

/** The colour of the n-th kind, as CSS. */
export function kindColour(n, dark) {
  const first = dark ? DARK : LIGHT;
  if (n < first.length) return first[n];
  const lightness = (dark ? 0.68 : 0.5) + 0.1 * (n % 3);
  return `oklch(${lightness.toFixed(2)} ${n % 2 ? 0.14 : 0.1} ${((n * GOLDEN_ANGLE) % 360).toFixed(1)})`;
}

/** The ends of the scale fade into the ground they are on, so each ground leaves one out. */
export const scaleStops = (dark) => (dark ? VIRIDIS.slice(2) : VIRIDIS.slice(0, -1));

/**
 * 256 colours as bytes, for codes of values.js.
 * @param {{kinds: object[] | null, scale: object | null} | null} values without them all points have one colour
 */
export function paletteOf(values, { dark, grey, accent }) {
  const canvas = new OffscreenCanvas(256, 1);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const fill = (code, colour, width = 1) => {
    context.fillStyle = colour;
    context.fillRect(code, 0, width, 1);
  };
  fill(0, values ? grey : accent, 256);
  if (values?.scale) {
    const gradient = context.createLinearGradient(REST + 1, 0, LAST + 1, 0);
    const stops = scaleStops(dark);
    stops.forEach((colour, i) => gradient.addColorStop(i / (stops.length - 1), colour));
    fill(REST + 1, gradient, LAST - REST);
  }
  values?.kinds?.forEach((kind, i) => fill(kind.code, kindColour(i, dark)));
  if (values) fill(NONE, grey);
  return new Uint8Array(context.getImageData(0, 0, 256, 1).data.buffer);
}
