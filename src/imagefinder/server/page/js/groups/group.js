// One group: what is known of it, its images, and what can be done with both.
import { html, useEffect, useMemo, useState } from "../../vendor/preact.js";
import { SelectionBar } from "../actions/bar.js";
import { group as toGroup } from "../actions/doing.js";
import { Empty, ErrorBox, Skeleton } from "../components/empty.js";
import { Grid } from "../components/grid.js";
import { Icon } from "../components/icon.js";
import { Thumb } from "../components/thumb.js";
import { percent } from "../format.js";
import { useSelection } from "../selection.js";
import { imageHref, navigate, setParams } from "../state.js";
import { texts } from "../texts.js";
import { useWalk } from "../viewing.js";
import { askWhatToMerge, moveTo, setLocked, split } from "./changes.js";
import { Facts } from "./cover.js";
import { startImages } from "./drag.js";
import { ORDERS, useMembers } from "./members.js";
import { Name } from "./name.js";
import { Rail } from "./rail.js";
import { Review } from "./review.js";
import { UndoButton } from "./undo_button.js";
import { NO_GROUP, NO_GROUP_NAME, groupHref } from "./words.js";

const t = texts.groups;

/** @param {{data: object, label: number, params: URLSearchParams, why: string | null}} props */
export function Group({ data, label, params, why }) {
  const isNone = label === NO_GROUP;
  const group = isNone
    ? { label, name: NO_GROUP_NAME, size: data.n_noise, representatives: [], borderline: [], words: [] }
    : data.clusters.find((one) => one.label === label);
  if (!group) {
    return html`<h1 class="visually-hidden">${t.title}</h1><${Empty} icon="groups" title=${t.gone} text=${t.goneText}>
      <a class="button" href="/groups">${t.all}</a><//>`;
  }
  if (params.get("view") === "review" && !isNone && !why) return html`<${Review} key=${label} ...${{ data, group }} onlyNew=${params.has("new")} />`;
  return html`<${Shown} key=${label} ...${{ data, group, isNone, params, why }} />`;
}

function Shown({ data, group, isNone, params, why }) {
  const order = ORDERS[params.get("sort")] ? params.get("sort") : isNone ? "odd" : "typical";
  const { images, error, more, reload } = useMembers(group, order, data.placed_by);
  const items = useMemo(() => images ?? [], [images]);
  const selection = useSelection(items);
  useWalk(items, more);
  useEffect(() => {
    document.title = t.groupTitle(group.name);
    return () => (document.title = t.documentTitle);
  }, [group.name]);
  const move = async (target) => {
    const moved = target ? await moveTo(selection.list, target) : await toGroup(selection.list, group.label);
    if (!moved) return;
    selection.clear();
    document.querySelector("h1.group-name")?.focus();
  };
  const drag = (event) => {
    const id = event.target.closest?.("[data-id]")?.dataset.id;
    if (id && !why) startImages(event, selection.ids.has(id) ? selection.list : [id]);
  };
  return html`<div class="page group-page">
    <div class="group-main stack">
      <${Head} ...${{ data, group, isNone, why }} />
      ${!isNone && html`<${About} ...${{ group, why }} />`}
      <div class="spread wrap">
        <h2>${isNone ? t.noneImages : t.members}</h2>
        <label class="row"><span class="muted small-text">${t.sort}</span>
          <select class="input" onChange=${(e) => setParams({ sort: e.target.value }, { replace: true })}>
            ${Object.entries(ORDERS).filter(([name]) => !(isNone && name === "typical")).map(([name, words]) => html`<option key=${name} value=${name} selected=${name === order}>${words}</option>`)}
          </select></label>
      </div>
      ${error && html`<${ErrorBox} error=${error} retry=${reload} />`}
      ${!images && !error && html`<${Skeleton} />`}
      <div onDragStart=${drag}>
        ${images && html`<${Grid} items=${items} label=${t.membersOf(group.name)} selection=${why ? undefined : selection} onEnd=${more} />`}
      </div>
      ${selection.ids.size > 0 &&
      html`<${SelectionBar} selection=${selection} items=${items} total=${items.length} hasMore=${items.length < group.size} where="group" onGone=${reload}>
        ${!why && html`<button type="button" class="button small primary" data-testid="move" onClick=${() => move()}><${Icon} name="move" /><span>${texts.actions.group}</span></button>`}
      <//>`}
    </div>
    <${Rail} ...${{ data, label: group.label, why }} onImages=${(ids, target) => moveTo(ids, target).then((made) => made && selection.clear())} />
  </div>`;
}

function Head({ data, group, isNone, why }) {
  const merged = async () => {
    const made = await askWhatToMerge(group, data.clusters);
    if (made && made.label !== group.label) navigate(groupHref(made.label), { replace: true });
  };
  return html`<header class="stack tight">
    <a class="back small-text" href="/groups"><${Icon} name="left" />${t.all}</a>
    <div class="groups-head">
      <div class="grow">
        <div class="row">${isNone ? html`<h1 class="group-name" tabindex="-1">${group.name}</h1>` : html`<${Name} group=${group} why=${why} as="h1" />`}
          ${group.locked && html`<span class="chip"><${Icon} name="lock" />${t.lockedChip}</span>`}</div>
        ${isNone
          ? html`<p class="muted">${t.notGroupedText(group.size, data.since?.unfit > 0)}</p>`
          : html`<p class="muted shown-facts"><${Facts} group=${group} /></p>`}
      </div>
      ${!why && !isNone &&
      html`<div class="row wrap">
        <${UndoButton} data=${data} />
        <button class="button" aria-pressed=${group.locked} title=${t.lockHint} onClick=${() => setLocked(group, !group.locked)}>
          <${Icon} name=${group.locked ? "unlock" : "lock"} />${group.locked ? t.unlock : t.lock}</button>
        <button class="button" onClick=${merged}><${Icon} name="merge" />${t.merge}</button>
        <button class="button" disabled=${group.size < 2} title=${group.size < 2 ? t.split1 : undefined} onClick=${() => split(group)}><${Icon} name="split" />${t.split}</button>
      </div>`}
    </div>
    ${why && html`<p class="note">${why}</p>`}
  </header>`;
}

/** Its words, and the pictures at its heart and at its edge. */
function About({ group, why }) {
  return html`<div class="about">
    ${group.words.length > 0 &&
    html`<section class="words" aria-label=${t.words}><h2>${t.words}</h2>
      <ul class="row wrap">${group.words.map(
        ([word, lead]) => html`<li key=${word}><a class="word" href=${`/?q=${encodeURIComponent(word)}`} title=${t.wordHint}>
          ${word}<meter min="0" max="1" value=${lead} aria-label=${t.lead}></meter><span class="number">${percent(lead)}</span></a></li>`,
      )}</ul></section>`}
    <${Strip} title=${t.range} ids=${group.representatives} />
    <${Strip} title=${t.edge} ids=${group.borderline} more=${!why && html`<a class="button small" href=${`${groupHref(group.label)}?view=review`}>${t.review}</a>`} />
  </div>`;
}

function Strip({ title, ids, more }) {
  if (!ids.length) return null;
  return html`<section aria-label=${title}><div class="row strip-head"><h2>${title}</h2>${more}</div>
    <ul class="strip">${ids.map((id, i) => html`<li key=${id}><a href=${imageHref(id)} aria-label=${t.imageOf(title, i + 1)}><${Thumb} image=${{ id }} size=${110} /></a></li>`)}</ul>
  </section>`;
}
