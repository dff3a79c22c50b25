// All groups: find, sort, gather into families, select and merge.
import { html, useEffect, useId, useRef, useState } from "../../vendor/preact.js";
import { api, useRequest } from "../api.js";
import { Empty } from "../components/empty.js";
import { Icon } from "../components/icon.js";
import { useMoves } from "../components/moves.js";
import { Popover } from "../components/popover.js";
import { dateTime } from "../format.js";
import { useIndex } from "../library_info.js";
import { setParams, withParams } from "../state.js";
import { texts } from "../texts.js";
import { merge } from "./changes.js";
import { Cover } from "./cover.js";
import { NewsCard } from "./news.js";
import { askToGroup } from "./start.js";
import { UndoButton } from "./undo_button.js";
import { NO_GROUP, NO_GROUP_NAME, groupHref, methodName } from "./words.js";
import { table } from "../table.js";

const t = texts.groups;
const REST_MS = 250;
const SORTS = table({
  size: [t.sorts.size, (a, b) => b.size - a.size],
  name: [t.sorts.name, (a, b) => a.name.localeCompare(b.name)],
  tightness: [t.sorts.tightness, (a, b) => b.tightness - a.tightness],
  loose: [t.sorts.loose, (a, b) => a.tightness - b.tightness],
});

/** @param {{data: object, params: URLSearchParams, why: string | null}} props `data` as `GET /v1/clusters` gives it */
export function Overview({ data, params, why }) {
  const [chosen, setChosen] = useState([]); // labels, in the order they were chosen
  const sort = SORTS[params.get("sort")] ? params.get("sort") : "size";
  const text = params.get("find") ?? "";
  const families = Number(params.get("families")) || 0;
  const groups = data.clusters;
  const found = groups.filter((one) => one.name.toLowerCase().includes(text.trim().toLowerCase())).sort(SORTS[sort][1]);
  const list = useRef(null);
  useMoves(list, found.map((one) => one.label).join());
  const selected = chosen.map((label) => groups.find((one) => one.label === label)).filter(Boolean);
  const toggle = (label) => setChosen((all) => (all.includes(label) ? all.filter((one) => one !== label) : [...all, label]));
  const mergeChosen = async () => {
    const made = await merge(selected);
    if (!made) return;
    setChosen([]);
    document.querySelector(`[data-label="${made.label}"] .cover-link`)?.focus();
  };
  const inFamilies = families > 1 && families < groups.length;
  const cover = (group) => html`<${Cover} key=${group.label} ...${{ group, groups, why }} as=${inFamilies ? "h3" : "h2"} selected=${chosen.includes(group.label)}
    onSelect=${() => toggle(group.label)} />`;
  return html`<div class="page groups stack">
    <${Head} ...${{ data, why }} />
    <${Tools} ...${{ sort, text, families, most: groups.length }} />
    ${inFamilies
      ? html`<${Families} n=${families} run=${data.placed_by} ...${{ found, cover }} />`
      : html`<ul ref=${list} class="covers ${selected.length ? "selecting" : ""}" aria-label=${t.title}>
          ${found.map(cover)}${data.n_noise > 0 && !text && html`<${NoGroup} n=${data.n_noise} since=${data.since} />`}
        </ul>`}
    ${!found.length && html`<${Empty} icon="search" title=${t.noneCalled} text=${t.noneCalledText(groups.length, text)}>
      <button class="button" onClick=${() => setParams({ find: null }, { replace: true })}>${t.showAll}</button><//>`}
    ${selected.length > 0 && html`<div class="selection-bar" role="region" aria-label=${t.selectedGroups} data-testid="selection-bar">
      <span class="grow" role="status">${t.selected(selected.length)}</span>
      <button class="button primary" disabled=${selected.length < 2} title=${selected.length < 2 ? t.mergeNeeds : undefined} onClick=${mergeChosen}><${Icon} name="merge" />${t.merge}</button>
      <button class="button" onClick=${() => setChosen([])}>${t.clear}</button>
    </div>`}
  </div>`;
}

function Head({ data, why }) {
  const { info } = useIndex();
  const n = data.n_clusters ?? data.clusters.length;
  return html`<header class="groups-head">
    <div class="grow">
      <h1 tabindex="-1">${t.title}</h1>
      <p class="muted small-text" title=${t.summaryTitle(methodName(info, data.method))}>${t.summary(data.n_images, n, dateTime(data.grouped ?? data.created))}</p>
    </div>
    <div class="row wrap">
      ${!why && html`<${UndoButton} data=${data} />`}
      <a class="button" href=${withParams({ view: "number" })}><${Icon} name="options" />${t.howMany}</a>
      <${Popover} align="end" label=${t.export} button=${html`<${Icon} name="download" />${t.export}`}>
        <div class="menu">
          ${["csv", "json"].map((format) => html`<a key=${format} class="menu-item" download href="/v1/clusters/export?format=${format}"><${Icon} name="table" />${t.exportRow(format.toUpperCase())}</a>`)}
        </div>
      <//>
      ${!why && html`<button class="button" onClick=${() => askToGroup(data)} data-testid="group-again"><${Icon} name="refresh" />${t.again}</button>`}
    </div>
    ${why && html`<p class="note">${why}</p>`}
    ${data.since?.came > 0 && html`<${NewsCard} ...${{ data, why }} />`}
  </header>`;
}

function Tools({ sort, text, families, most }) {
  const set = (changes) => setParams(changes, { replace: true });
  return html`<div class="groups-tools">
    <label class="find"><span class="visually-hidden">${t.find}</span><${Icon} name="search" />
      <input class="input" type="search" placeholder=${t.findHint} value=${text} onInput=${(e) => set({ find: e.target.value })} /></label>
    <label class="row"><span class="muted small-text">${t.sort}</span>
      <select class="input" value=${sort} onChange=${(e) => set({ sort: e.target.value === "size" ? null : e.target.value })}>
        ${Object.entries(SORTS).map(([name, [words]]) => html`<option key=${name} value=${name} selected=${name === sort}>${words}</option>`)}
      </select></label>
    ${most > 2 && html`<${FamiliesTool} ...${{ families, most, set }} />`}
  </div>`;
}

/** The farther to the right, the fewer families: at the left every group is by itself. What it is set to is shown at
    once, and fetched when the hand rests. */
function FamiliesTool({ families, most, set }) {
  const id = useId();
  const now = families > 1 && families < most ? families : most;
  const [wanted, setWanted] = useState(now);
  useEffect(() => setWanted(now), [now]);
  useEffect(() => {
    if (wanted === now) return;
    const rest = setTimeout(() => set({ families: wanted < most ? wanted : null }), REST_MS);
    return () => clearTimeout(rest);
  }, [wanted]);
  const off = wanted === most;
  return html`<div class="row families-tool"><label class="muted small-text" for=${id}>${t.families}</label>
    <input id=${id} type="range" min="0" max=${most - 2} value=${most - wanted} aria-valuetext=${off ? t.familiesOffLong : t.familiesOn(wanted)}
      onInput=${(e) => setWanted(most - e.target.valueAsNumber)} />
    <output class="small-text number" for=${id}>${off ? t.familiesOff : t.familiesOn(wanted)}</output></div>`;
}

/** Groups of groups: the tree of the groups cut into `n`. Those that are alone in theirs stand together at the end. */
function Families({ n, run, found, cover }) {
  const { data } = useRequest(`${n} ${run}`, (signal) => api.get("/clusters/levels", { n }, { signal }));
  if (!data) return null;
  const by = new Map(found.map((one) => [one.label, one]));
  const all = data.levels.map((level) => level.map((one) => by.get(one.label)).filter(Boolean)).filter((part) => part.length);
  const parts = all.filter((part) => part.length > 1).map((part) => [familyName(part), part]);
  const alone = all.filter((part) => part.length === 1).flat();
  if (alone.length) parts.push([t.byThemselves, alone]);
  return html`<div class="stack families">
    ${parts.map(([name, part]) => html`<section key=${part[0].label} class="stack tight" aria-label=${name}>
      <h2>${name} <span class="muted small-text number">${t.images(part.reduce((sum, one) => sum + one.size, 0))}</span></h2>
      <ul class="covers">${found.filter((one) => part.includes(one)).map(cover)}</ul>
    </section>`)}
  </div>`;
}

function familyName(part) {
  const names = [...part].sort((a, b) => b.size - a.size).map((one) => one.name);
  return t.family(names.slice(0, 3), Math.max(0, names.length - 3));
}

function NoGroup({ n, since }) {
  const like = since?.unfit > 0 ? t.notGroupedUnlike : t.notGroupedFew;
  return html`<li class="cover none" data-testid="no-group">
    <a class="cover-link" href=${groupHref(NO_GROUP)} aria-label=${t.named(NO_GROUP_NAME, n)}><span class="none-picture"><${Icon} name="image" /></span></a>
    <div class="cover-text"><h2>${NO_GROUP_NAME}</h2>
      <span class="facts"><span class="number">${t.images(n)}</span><span>${like}</span></span></div>
  </li>`;
}
