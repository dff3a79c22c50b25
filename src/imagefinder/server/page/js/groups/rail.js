// The other groups beside an open one: to go to, and to drop pictures on. On narrow screens "Move to group…" does that.
import { html } from "../../vendor/preact.js";
import { Thumb } from "../components/thumb.js";
import { number } from "../format.js";
import { texts } from "../texts.js";
import { useDrop } from "./drag.js";
import { groupHref } from "./words.js";

export function Rail({ data, label, why, onImages }) {
  const groups = [...data.clusters].sort((a, b) => b.size - a.size);
  return html`<nav class="rail" aria-label=${texts.groups.title}>
    ${!why && html`<p class="muted small-text">${texts.groups.dragHint}</p>`}
    <ul>${groups.map((group) => html`<${Entry} key=${group.label} ...${{ group, label, why, onImages }} />`)}</ul>
  </nav>`;
}

function Entry({ group, label, why, onImages }) {
  const here = group.label === label;
  const [over, drop] = useDrop({ onImages: why || here ? undefined : (ids) => onImages(ids, group) });
  return html`<li class=${over ? "over" : ""} ...${drop} data-label=${group.label}>
    <a href=${groupHref(group.label)} aria-current=${here ? "page" : undefined} draggable=${false} title=${group.name}>
      <span class="pick-picture"><${Thumb} image=${{ id: group.medoid }} size=${44} /></span>
      <span class="grow ellipsis">${group.name}</span><span class="muted small-text number">${number(group.size)}</span>
    </a>
  </li>`;
}
