// A group as it is seen from outside: its most typical pictures, its name, and what is known of it.
import { html } from "../../vendor/preact.js";
import { Icon } from "../components/icon.js";
import { Popover } from "../components/popover.js";
import { COMMA } from "../language.js";
import { texts } from "../texts.js";
import { merge, setLocked, split } from "./changes.js";
import { startGroup, useDrop } from "./drag.js";
import { Mosaic } from "./mosaic.js";
import { Name } from "./name.js";
import { groupHref, hasGrown, measuredOn, stabilityWord, tightnessWord } from "./words.js";

const t = texts.groups;

/** "416 images · varied, fairly reliable"; the figures come up under the pointer and the focus. Of a group that has
    got images since, it is said how many were measured. */
export function Facts({ group }) {
  const reliable = group.stability != null && !hasGrown(group);
  return html`<span class="facts">
    <span class="number">${t.images(group.size)}</span>
    ${group.size > 1 && html`<span title=${t.tightnessHint(group.tightness)}>${tightnessWord(group.tightness)}<${Figure} name=${t.figures.tightness} value=${group.tightness} /></span>`}
    ${reliable && html`<span class="and" title=${t.stabilityHint(group.stability)}>${stabilityWord(group.stability)}<${Figure} name=${t.figures.stability} value=${group.stability} /></span>`}
  </span>
  ${group.size > 1 && measuredOn(group) && html`<span class="facts">${measuredOn(group)}</span>`}`;
}

const Figure = ({ name, value }) => html`<span class="visually-hidden">${COMMA}${name} ${value.toFixed(2)}</span>
  <span class="figure-value number" aria-hidden="true"> ${value.toFixed(2)}</span>`;

/**
 * @param {{group: object, groups: object[], selected: boolean, onSelect: () => void, why: string | null, as: string}} props
 *   `why` says why nothing may be changed, if so; `as` is the heading of its name
 */
export function Cover({ group, groups, selected, onSelect, why, as }) {
  const [over, drop] = useDrop({
    onGroup: why ? undefined : (label) => label !== group.label && merge([group, groups.find((one) => one.label === label)]),
  });
  return html`<li class="cover ${selected ? "selected" : ""} ${over ? "over" : ""}" data-testid="group" data-label=${group.label}
    draggable=${!why} onDragStart=${startGroup(group.label)} ...${drop}>
    <a class="cover-link" href=${groupHref(group.label)} draggable=${false} aria-label=${t.named(group.name, group.size)}>
      <${Mosaic} group=${group} />
    </a>
    ${!why &&
    html`<label class="cover-check"><input type="checkbox" checked=${selected} aria-label=${t.select(group.name)} onChange=${onSelect} />
      <span><${Icon} name="check" /></span></label>`}
    <div class="cover-text">
      <div class="row cover-name">
        <${Name} ...${{ group, why, as }} />
        ${group.locked && html`<span title=${t.lockedHint}><${Icon} name="lock" /><span class="visually-hidden">${t.locked}</span></span>`}
        <${CoverMenu} ...${{ group, groups, why, onSelect }} />
      </div>
      <${Facts} group=${group} />
    </div>
  </li>`;
}

function CoverMenu({ group, why, onSelect }) {
  const item = (icon, text, run) => ({ icon, text, run });
  const items = why
    ? []
    : [
        item(group.locked ? "unlock" : "lock", group.locked ? t.unlock : t.lock, () => setLocked(group, !group.locked)),
        group.size > 1 && item("split", t.split, () => split(group)),
        item("merge", t.selectToMerge, onSelect),
      ].filter(Boolean);
  return html`<${Popover} class="icon-button" align="end" label=${t.more(group.name)} button=${html`<${Icon} name="more" />`}>
    ${(close) => html`<div class="menu">
      ${items.map(({ icon, text, run }) => html`<button key=${text} class="menu-item" onClick=${() => (close(), run())}><${Icon} name=${icon} />${text}</button>`)}
      <a class="menu-item" href=${`/?filter=${encodeURIComponent(`cluster = ${group.label}`)}`}><${Icon} name="search" />${t.searchIn}</a>
    </div>`}
  <//>`;
}
