// One picture laid on another where it belongs: to be swiped over, or as the difference of the two.
import { html, useId } from "../../vendor/preact.js";
import { thumbnail } from "../api.js";
import { fileName } from "../format.js";
import { texts } from "../texts.js";
import { cornersOf, fitted } from "./geometry.js";

const SIDE = 1000; // units of the drawing along the height of the first picture
const SHOWN = 1024; // pixels

const listed = (points) => points.map((point) => point.join()).join(" ");

/** The drawing's units for parts of the sides of the first picture. */
const unitsOf = (one) => ({ across: (SIDE * one.width) / one.height, down: SIDE });
const drawn = (matrix, { across, down }) => cornersOf(matrix).map(([x, y]) => [x * across, y * down]);

function boxAround(points) {
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  return `${left} ${top} ${Math.max(...xs) - left} ${Math.max(...ys) - top}`;
}

/**
 * @param {object} props
 * @param {object} props.one
 * @param {object} props.other
 * @param {number[] | null} props.matrix how the other lies on the one; null where it isn't known
 * @param {"swipe" | "difference"} props.mode
 * @param {number} props.cut how much of the one is shown from the left, in per cent
 * @param {string} props.transform the zoom
 */
export function Overlay({ one, other, matrix, mode, cut, transform }) {
  const units = unitsOf(one);
  const onto = matrix ?? fitted(one, other);
  const [own, theirs] = [drawn([1, 0, 0, 1, 0, 0], units), drawn(onto, units)];
  const box = boxAround([...own, ...theirs]);
  const [a, b, c, d, e, f] = onto;
  const { across, down } = units;
  const lain = `matrix(${[(a * across) / SIDE, (b * down) / SIDE, (c * across) / SIDE, (d * down) / SIDE, e * across, f * down].join(" ")})`;
  const first = { href: thumbnail(one, SHOWN), width: across, height: down };
  const second = { href: thumbnail(other, SHOWN), width: SIDE, height: SIDE, transform: lain };
  const style = { transform };
  if (mode === "difference") return html`<${Difference} ...${{ box, first, second, own, theirs, style }} names=${[one, other].map((image) => fileName(image.uri))} />`;
  const layer = (image, picture, inset) => html`<div class="pane-over" style=${{ clipPath: inset }}>
    <svg class="pane-picture" viewBox=${box} role="img" aria-label=${fileName(image.uri)} style=${style}><image ...${picture} preserveAspectRatio="none" /></svg></div>`;
  return html`${layer(one, first, `inset(0 ${100 - cut}% 0 0)`)}${layer(other, second, `inset(0 0 0 ${cut}%)`)}`;
}

/** What both show as the difference, and dimmed what only one of them does. */
function Difference({ box, first, second, own, theirs, style, names }) {
  const id = useId();
  const clip = (name, points) => html`<clipPath id="${id}-${name}"><polygon points=${listed(points)} /></clipPath>`;
  const within = (name, picture) => html`<g clip-path="url(#${id}-${name})"><image ...${picture} preserveAspectRatio="none" /></g>`;
  return html`<svg class="pane-picture" viewBox=${box} role="img" aria-label=${names.join(texts.duplicates.and)} style=${style}>
    <defs>${clip("own", own)}${clip("theirs", theirs)}</defs>
    <image class="dimmed" ...${first} preserveAspectRatio="none" /><image class="dimmed" ...${second} preserveAspectRatio="none" />
    <g class="both"><g clip-path="url(#${id}-own)"><polygon points=${listed(theirs)} fill="#000" />${within("theirs", first)}<g class="minus">${within("theirs", second)}</g></g></g>
  </svg>`;
}

/** A frame around the part of a picture that a copy shows; covers the element it stands in. */
export function PartShown({ matrix, name }) {
  return html`<svg class="part-shown" viewBox="0 0 1 1" preserveAspectRatio="none" role="img" aria-label=${texts.duplicates.partShown(name)}>
    <polygon class="under" points=${listed(cornersOf(matrix))} /><polygon points=${listed(cornersOf(matrix))} />
  </svg>`;
}
