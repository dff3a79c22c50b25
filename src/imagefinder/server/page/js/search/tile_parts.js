// What stands on and under each picture of the results.
import { html } from "../../vendor/preact.js";
import { Icon } from "../components/icon.js";
import { Popover } from "../components/popover.js";
import { clusterName, count, placeName } from "../format.js";
import { similarHref } from "../searching.js";
import { judge } from "./judging.js";
import { Sure } from "./sure.js";

const isTouch = matchMedia("(hover: none)").matches;

export function Actions({ item, search }) {
  const liked = search.liked.includes(item.id);
  const disliked = search.disliked.includes(item.id);
  return html`
    <button type="button" aria-label="More like this one" title="More like this" aria-pressed=${liked} tabindex="-1" onClick=${() => judge(search, item.id, false)}><${Icon} name="like" /></button>
    <button type="button" aria-label="Less like this one" title="Less like this" aria-pressed=${disliked} tabindex="-1" onClick=${() => judge(search, item.id, true)}><${Icon} name="dislike" /></button>
    <a href=${similarHref(item.id)} aria-label="Similar images" title="Similar images" tabindex="-1"><${Icon} name="similar" /></a>`;
}

export function Footer({ item, search }) {
  const name = clusterName(item);
  const judged = search.liked.includes(item.id) ? "like" : search.disliked.includes(item.id) ? "dislike" : "";
  return html`
    ${judged && html`<${Icon} name=${judged} class="judged" />`}
    <${Sure} item=${item} />
    ${name && html`<a class="ellipsis" href=${`/groups/${item.cluster}`} tabindex="-1" title=${`Group: ${name}`}>${name}</a>`}
    ${placeName(item) && html`<span class="tile-place" title=${item.uri}>${placeName(item)}${item.other_parts?.length > 0 && html` <span title=${`${item.other_parts.length} more of this file`}>+${item.other_parts.length}</span>`}</span>`}
    ${item.copies?.length > 0 && html`<span class="tile-copies" title=${count(item.copies.length, "more near-identical image")}>+${item.copies.length}</span>`}
    ${isTouch && html`<${Popover} class="tile-more" label="Actions" align="end" button=${html`<${Icon} name="more" />`}>
      ${(close) => {
        const act = (down) => () => (close(), judge(search, item.id, down));
        return html`<div class="menu">
          <a class="menu-item" href=${similarHref(item.id)}><${Icon} name="similar" />Similar images</a>
          <button class="menu-item" aria-pressed=${judged === "like"} onClick=${act(false)}><${Icon} name="like" />More like this</button>
          <button class="menu-item" aria-pressed=${judged === "dislike"} onClick=${act(true)}><${Icon} name="dislike" />Less like this</button>
        </div>`;
      }}
    <//>`}`;
}
