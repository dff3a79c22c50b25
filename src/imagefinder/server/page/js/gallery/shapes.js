// Shapes and colours of images in a byte each, as GET /v1/images/shapes gives them (routes/shapes.py).
import { table } from "../table.js";

const MIDDLE = 127;
const WIDEST = Math.log(3);
const UNKNOWN = 255;
const COLOURS = ["black", "grey", "white", "brown", "beige", "red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink"];
const RATIOS = Float32Array.from({ length: 256 }, (_, code) => (code === UNKNOWN ? 1 : Math.exp(((code - MIDDLE) / MIDDLE) * WIDEST)));

const codeOf = (width, height) => MIDDLE + Math.round(MIDDLE * Math.max(-1, Math.min(1, Math.log(width / height) / WIDEST)));

/**
 * Width / height of an image, always to the nearest step of a byte, so that its place stays when more is known of it.
 *
 * @param {{shape?: number, width?: number, height?: number}} image
 */
export const ratio = ({ shape, width, height }) => RATIOS[shape ?? (width > 0 && height > 0 ? codeOf(width, height) : UNKNOWN)];

const names = Array.from({ length: 256 }, (_, code) => [COLOURS[(code >> 4) - 1], COLOURS[(code & 15) - 1]].filter(Boolean));

/** What is known of image `i` before it is loaded; `shape` alone where the colours are not known either. */
export const unloaded = (i, shape, colours = 0) => ({ key: i, id: "", missing: true, shape, colours: names[colours] });

/** The byte of most of these images. */
export function usualShape(images) {
  const counts = new Map();
  for (const { width, height } of images) {
    const code = width > 0 && height > 0 ? codeOf(width, height) : UNKNOWN;
    counts.set(code, (counts.get(code) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? UNKNOWN;
}

const TINTS = table(Object.fromEntries(COLOURS.map((name) => [name, `var(--tint-${name})`])));

/** The ground behind a picture until it is there: its main colours. */
export function tint({ colours }) {
  const [first, second = first] = (colours ?? []).map((name) => TINTS[name]).filter(Boolean);
  return first ? `linear-gradient(135deg, ${first} 30%, ${second})` : undefined;
}
