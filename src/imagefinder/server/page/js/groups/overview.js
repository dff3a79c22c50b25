// All groups: find, sort, gather into families, select and merge.
import { html, useId, useState } from "../../vendor/preact.js";
import { api, useRequest } from "../api.js";
import { Empty } from "../components/empty.js";
import { Icon } from "../components/icon.js";
import { Popover } from "../components/popover.js";
import { dateTime, number, count } from "../format.js";
import { useIndex } from "../library_info.js";
import { setParams, withParams } from "../state.js";
import { merge } from "./changes.js";
import { Cover } from "./cover.js";
import { askToGroup } from "./start.js";
import { UndoButton } from "./undo_button.js";
import { NO_GROUP, NO_GROUP_NAME, groupHref, methodName } from "./words.js";
import { table } from "../table.js";

const SORTS = table({
  size: ["Largest first", (a, b) => b.size - a.size],
  name: ["By name", (a, b) => a.name.localeCompare(b.name)],
  tightness: ["Most alike first", (a, b) => b.tightness - a.tightness],
  loose: ["Least alike first", (a, b) => a.tightness - b.tightness],
});

/** @param {{data: object, params: URLSearchParams, why: string | null}} props `data` as `GET /v1/clusters` gives it */
export function Overview({ data, params, why }) {
  const [chosen, setChosen] = useState([]); // labels, in the order they were chosen
  const sort = SORTS[params.get("sort")] ? params.get("sort") : "size";
  const text = params.get("find") ?? "";
  const families = Number(params.get("families")) || 0;
  const groups = data.clusters;
  const found = groups.filter((one) => one.name.toLowerCase().includes(text.trim().toLowerCase())).sort(SORTS[sort][1]);
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
      : html`<ul class="covers ${selected.length ? "selecting" : ""}" aria-label="Groups">
          ${found.map(cover)}${data.n_noise > 0 && !text && html`<${NoGroup} n=${data.n_noise} since=${data.since} />`}
        </ul>`}
    ${!found.length && html`<${Empty} icon="search" title="No group is called that" text=${`There are ${number(groups.length)} groups; none has “${text}” in its name.`}>
      <button class="button" onClick=${() => setParams({ find: null }, { replace: true })}>Show all</button><//>`}
    ${selected.length > 0 && html`<div class="selection-bar" role="region" aria-label="Selected groups" data-testid="selection-bar">
      <span class="grow" role="status">${count(selected.length, "group")} selected</span>
      <button class="button primary" disabled=${selected.length < 2} title=${selected.length < 2 ? "Select another group to merge it with." : undefined} onClick=${mergeChosen}><${Icon} name="merge" />Merge…</button>
      <button class="button" onClick=${() => setChosen([])}>Cancel</button>
    </div>`}
  </div>`;
}

function Head({ data, why }) {
  const { info } = useIndex();
  const n = data.n_clusters ?? data.clusters.length;
  return html`<header class="groups-head">
    <div class="grow">
      <h1 tabindex="-1">Groups</h1>
      <p class="muted small-text">${count(data.n_images, "image")} in ${count(n, "group")}, found by ${methodName(info, data.method)} on ${dateTime(data.created)}</p>
    </div>
    <div class="row wrap">
      ${!why && html`<${UndoButton} data=${data} />`}
      <a class="button" href=${withParams({ view: "number" })}><${Icon} name="options" />How many groups?</a>
      <${Popover} align="end" label="Export" button=${html`<${Icon} name="download" />Export`}>
        <div class="menu">
          ${["csv", "json"].map((format) => html`<a key=${format} class="menu-item" download href="/v1/clusters/export?format=${format}"><${Icon} name="table" />${format.toUpperCase()}, a row for each image</a>`)}
        </div>
      <//>
      ${!why && html`<button class="button" onClick=${() => askToGroup(data)} data-testid="group-again"><${Icon} name="refresh" />Group again…</button>`}
    </div>
    ${why && html`<p class="note">${why}</p>`}
    ${data.since?.came > 0 && html`<${Since} ...${{ data, why }} />`}
  </header>`;
}

/** What came after the groups were made, and the way to group it too. */
function Since({ data, why }) {
  const { came, fit, unfit, advice } = data.since;
  const again = advice || unfit > 0;
  return html`<p class="note row wrap" data-testid="since"><span class="grow">
      ${count(came, "image")} came after the groups were made: ${number(fit)} ${fit === 1 ? "fits" : "fit"} a group, ${number(unfit)} ${unfit === 1 ? "fits none and is" : "fit none and are"} in no group.
      What is said of the groups was measured on the ${number(data.since.clustered)} before.</span>
    ${again && !why && html`<button class="button small" onClick=${() => askToGroup(data)}><${Icon} name="refresh" />Group again…</button>`}</p>`;
}

function Tools({ sort, text, families, most }) {
  const id = useId();
  const shown = families > 1 && families < most ? families : most;
  const set = (changes) => setParams(changes, { replace: true });
  return html`<div class="groups-tools">
    <label class="find"><span class="visually-hidden">Find a group by name</span><${Icon} name="search" />
      <input class="input" type="search" placeholder="Find a group" value=${text} onInput=${(e) => set({ find: e.target.value })} /></label>
    <label class="row"><span class="muted small-text">Sort</span>
      <select class="input" value=${sort} onChange=${(e) => set({ sort: e.target.value === "size" ? null : e.target.value })}>
        ${Object.entries(SORTS).map(([name, [words]]) => html`<option key=${name} value=${name} selected=${name === sort}>${words}</option>`)}
      </select></label>
    ${most > 2 && html`<div class="row families-tool" title="Gathers groups that are alike"><label class="muted small-text" for=${id}>Families</label>
      <input id=${id} type="range" min="2" max=${most} value=${shown} aria-valuetext=${shown === most ? "all groups one by one" : `${shown} families`}
        onInput=${(e) => set({ families: e.target.valueAsNumber < most ? e.target.valueAsNumber : null })} />
      <output class="small-text number" for=${id}>${shown === most ? "none" : shown}</output></div>`}
  </div>`;
}

/** Groups of groups: the tree of the groups cut into `n`. */
function Families({ n, run, found, cover }) {
  const { data } = useRequest(`${n} ${run}`, (signal) => api.get("/clusters/levels", { n }, { signal }));
  if (!data) return null;
  const by = new Map(found.map((one) => [one.label, one]));
  const parts = data.levels.map((level) => level.map((one) => by.get(one.label)).filter(Boolean)).filter((part) => part.length);
  return html`<div class="stack families">
    ${parts.map((part) => html`<section key=${part[0].label} class="stack tight" aria-label=${familyName(part)}>
      <h2>${familyName(part)} <span class="muted small-text number">${count(part.reduce((sum, one) => sum + one.size, 0), "image")}</span></h2>
      <ul class="covers">${[...found].filter((one) => part.includes(one)).map(cover)}</ul>
    </section>`)}
  </div>`;
}

function familyName(part) {
  const names = [...part].sort((a, b) => b.size - a.size).map((one) => one.name);
  return names.slice(0, 3).join(", ") + (names.length > 3 ? ` and ${names.length - 3} more` : "");
}

function NoGroup({ n, since }) {
  const like = since?.unfit > 0 ? "like none of the groups" : "like too few others";
  return html`<li class="cover none" data-testid="no-group">
    <a class="cover-link" href=${groupHref(NO_GROUP)}><span class="none-picture"><${Icon} name="image" /></span></a>
    <div class="cover-text"><h2>${NO_GROUP_NAME}</h2>
      <span class="facts"><span class="number">${count(n, "image")}</span><span>${like}</span></span></div>
  </li>`;
}
