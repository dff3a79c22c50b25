/** Colours of the points. The first ten can be told apart by colour-blind eyes (Paul Tol's bright and muted schemes). */

import { LAST, REST } from "./values.js";

const LIGHT = ["#4477aa", "#ee6677", "#228833", "#b59b00", "#33a7d8", "#aa3377", "#e07b00", "#332288", "#44aa99", "#882255"];
const DARK = ["#7ba7dd", "#ff8c99", "#5cc46d", "#e0cb5c", "#7fd9f7", "#d977b0", "#ffa54a", "#a59bff", "#6fd6c4", "#d1719a"];
const GOLDEN_ANGLE = 137.508; // neighbours in the list lie far apart on the colour circle
const VIRIDIS = ["#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"];

/** "#rrggbb" as three bytes. */
export const bytesOf = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
const css = (bytes) => `rgb(${bytes.join(" ")})`;

/** The colour of the n-th kind, three bytes. */
function kindBytes(n, dark) {
  const first = dark ? DARK : LIGHT;
  if (n < first.length) return bytesOf(first[n]);
  return fromOklch((dark ? 0.68 : 0.5) + 0.1 * (n % 3), n % 2 ? 0.14 : 0.1, n * GOLDEN_ANGLE);
}

export const kindColour = (n, dark) => css(kindBytes(n, dark));

/** The ends of the scale fade into the ground they are on, so each ground leaves one out. */
export const scaleStops = (dark) => (dark ? VIRIDIS.slice(2) : VIRIDIS.slice(0, -1));

/** Björn Ottosson's OKLab, https://bottosson.github.io/posts/oklab/; out of sRGB's reach it is cut. */
function fromOklch(lightness, chroma, degrees) {
  const a = chroma * Math.cos((degrees * Math.PI) / 180);
  const b = chroma * Math.sin((degrees * Math.PI) / 180);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const linear = [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
  return linear.map((v) => {
    const encoded = v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055;
    return Math.round(255 * Math.max(0, Math.min(1, encoded)));
  });
}

/**
 * 256 colours as RGBA bytes, for codes of values.js.
 * @param {{kinds: object[] | null, scale: object | null} | null} values without them all points have the colour `single`
 * @param {{dark: boolean, grey: string, single: string}} look colours as #rrggbb
 */
export function paletteOf(values, { dark, grey, single }) {
  const palette = new Uint8Array(4 * 256);
  const set = (code, bytes) => palette.set([...bytes, 255], 4 * code);
  for (let code = 0; code < 256; code++) set(code, bytesOf(values ? grey : single));
  values?.kinds?.forEach((kind, i) => set(kind.code, kindBytes(i, dark)));
  if (values?.scale) {
    const stops = scaleStops(dark).map(bytesOf);
    for (let code = REST + 1; code <= LAST; code++) {
      const at = ((code - REST - 1) / (LAST - REST - 1)) * (stops.length - 1);
      const [low, high] = [stops[Math.floor(at)], stops[Math.ceil(at)]];
      set(code, low.map((v, i) => Math.round(v + (high[i] - v) * (at % 1))));
    }
  }
  return palette;
}
