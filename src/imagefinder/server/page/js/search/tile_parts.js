// What stands on and under each picture of the results.
import { html } from "../../vendor/preact.js";
import { Icon } from "../components/icon.js";
import { Popover } from "../components/popover.js";
import { isQuery, similarHref, withPicture } from "../searching.js";
import { texts } from "../texts.js";
import { clusterName, placeName } from "../units.js";
import { judge } from "./judging.js";
import { Sure } from "./sure.js";

const isTouch = matchMedia("(hover: none)").matches;
const mayAdd = (item, search) => isQuery(search) && !search.ids.includes(item.id);

export function Actions({ item, search }) {
  const liked = search.liked.includes(item.id);
  const disliked = search.disliked.includes(item.id);
  const { moreLike, moreLikeShort, lessLike, lessLikeShort, similar, also } = texts.search;
  return html`
    <button type="button" aria-label=${moreLike} title=${moreLikeShort} aria-pressed=${liked} tabindex="-1" onClick=${() => judge(search, item.id, false)}><${Icon} name="like" /></button>
    <button type="button" aria-label=${lessLike} title=${lessLikeShort} aria-pressed=${disliked} tabindex="-1" onClick=${() => judge(search, item.id, true)}><${Icon} name="dislike" /></button>
    <a href=${similarHref(item.id)} aria-label=${similar} title=${similar} tabindex="-1"><${Icon} name="similar" /></a>
    ${mayAdd(item, search) && html`<a href=${withPicture(search, { value: item.id })} aria-label=${also} title=${also} tabindex="-1"><${Icon} name="plus" /></a>`}`;
}

/** @param {{item: object, items: object[], search: object, named: Set<number>, select: () => void}} props `items` are all hits, the best first; `named` see group_names.js */
export function Footer({ item, items, search, named, select }) {
  const name = named.has(item.cluster) ? clusterName(item) : "";
  const judged = search.liked.includes(item.id) ? "like" : search.disliked.includes(item.id) ? "dislike" : "";
  return html`
    ${judged && html`<${Icon} name=${judged} class="judged" />`}
    <${Sure} item=${item} items=${items} all=${search.all} />
    ${name && html`<a class="ellipsis" href=${`/groups/${item.cluster}`} tabindex="-1" title=${texts.search.group(name)}>${name}</a>`}
    ${placeName(item) && html`<span class="tile-place" title=${item.uri}>${placeName(item)}${item.other_parts?.length > 0 && html` <span title=${texts.search.ofFile(item.other_parts.length)}>+${item.other_parts.length}</span>`}</span>`}
    ${item.copies?.length > 0 && html`<span class="tile-copies" title=${texts.search.copies(item.copies.length)}>+${item.copies.length}</span>`}
    ${isTouch && html`<${Popover} class="tile-more" label=${texts.search.actions} align="end" button=${html`<${Icon} name="more" />`}>
      ${(close) => html`<${Menu} ...${{ item, search, judged, select, close }} />`}
    <//>`}`;
}

function Menu({ item, search, judged, select, close }) {
  const act = (down) => () => (close(), judge(search, item.id, down));
  return html`<div class="menu">
    <button type="button" class="menu-item" onClick=${() => (close(), select())}><${Icon} name="check" />${texts.search.select}</button>
    <a class="menu-item" href=${similarHref(item.id)}><${Icon} name="similar" />${texts.search.similar}</a>
    ${mayAdd(item, search) && html`<a class="menu-item" href=${withPicture(search, { value: item.id })}><${Icon} name="plus" />${texts.search.also}</a>`}
    <button type="button" class="menu-item" aria-pressed=${judged === "like"} onClick=${act(false)}><${Icon} name="like" />${texts.search.moreLikeShort}</button>
    <button type="button" class="menu-item" aria-pressed=${judged === "dislike"} onClick=${act(true)}><${Icon} name="dislike" />${texts.search.lessLikeShort}</button>
  </div>`;
}
