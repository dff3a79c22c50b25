// Favourites and ratings: shown at once, before the server has answered.
import { html } from "../../vendor/preact.js";
import { Icon } from "../components/icon.js";
import { toastError } from "../components/toast.js";
import { COMMA } from "../language.js";
import { useIndex } from "../library_info.js";
import { texts } from "../texts.js";
import { forAll } from "./calls.js";
import { made, markOf, showMark, useMarks } from "./marked.js";
import { told } from "./undo.js";

const STARS = [1, 2, 3, 4, 5];

/** @param {{favorite?: boolean, rating?: number}} mark exactly one of both */
export async function mark(ids, given) {
  const before = made.get();
  showMark(ids, given);
  try {
    const { n, changes } = await forAll("/images/marks", ids, given);
    const words = texts.actions;
    if (!n) return;
    told(given.rating === undefined ? (given.favorite ? words.favorited(n) : words.unfavorited(n)) : words.rated(n, given.rating), changes);
  } catch (error) {
    made.set(before);
    toastError(error);
  }
}

/** What a key does with an image, or with all that are selected where it is one of them. @returns {boolean} whether it did */
export function markByKey(event, image, ids = [image.id]) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return false;
  const now = markOf(image);
  if (event.key === "f") mark(ids, { favorite: !now.favorite });
  else if (/^[1-5]$/.test(event.key)) mark(ids, { rating: now.rating === Number(event.key) ? 0 : Number(event.key) });
  else return false;
  return true;
}

/** A heart and five stars to press; `ids` are all that they are for, `image` says how they stand. */
export function Marks({ image, ids = [image.id] }) {
  useMarks();
  const { info } = useIndex();
  const { favorite, rating } = markOf(image);
  if (info?.read_only ?? true) return null;
  return html`<span class="marks" role="group" aria-label=${texts.actions.marks}>
    <button type="button" class="icon-button mark" aria-label=${texts.actions.favorite} title=${`${texts.actions.favorite} (f)`} aria-pressed=${favorite}
      onClick=${() => mark(ids, { favorite: !favorite })}><${Icon} name="heart" /></button>
    <${Stars} value=${rating} onPick=${(stars) => mark(ids, { rating: stars })} />
  </span>`;
}

/** Five stars; the one that is pressed already takes the rating away. */
export function Stars({ value, onPick }) {
  return html`<span class="stars" role="group" aria-label=${texts.actions.rate}>
    ${STARS.map((n) => html`<button key=${n} type="button" class="icon-button star ${n <= value ? "on" : ""}" aria-label=${texts.actions.stars(n)} title=${`${texts.actions.stars(n)} (${n})`}
      aria-pressed=${n === value} onClick=${() => onPick(n === value ? 0 : n)}><${Icon} name="star" /></button>`)}
  </span>`;
}

/** What stands on a picture in a grid: whether it is a favourite, and its stars. */
export function MarkSigns({ image }) {
  useMarks();
  const { favorite, rating } = markOf(image);
  if (!favorite && !rating) return null;
  const label = [favorite && texts.actions.favorite, rating && texts.actions.stars(rating)].filter(Boolean).join(COMMA);
  return html`<span class="mark-signs" role="img" aria-label=${label}>
    ${favorite && html`<${Icon} name="heart" />`}${rating > 0 && html`<span class="number">${rating}</span><${Icon} name="star" />`}
  </span>`;
}
