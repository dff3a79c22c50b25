// The pictures that stand for a group.
import { html } from "../../vendor/preact.js";
import { Thumb } from "../components/thumb.js";

/** The most typical picture large, beside it some that show the range. */
export function Mosaic({ group, small = false }) {
  const others = group.representatives.filter((id) => id !== group.medoid).slice(0, small ? 2 : 4);
  const pixels = small ? 120 : 220;
  return html`<span class="mosaic of-${others.length}">
    <span class="mosaic-first"><${Thumb} image=${{ id: group.medoid }} size=${pixels} /></span>
    ${others.map((id) => html`<span key=${id}><${Thumb} image=${{ id }} size=${pixels / 2} /></span>`)}
  </span>`;
}
