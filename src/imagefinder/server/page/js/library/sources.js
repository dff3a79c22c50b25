// Where the pictures came from: how each source is, and what can be done with it.
import { html, useEffect, useState } from "../../vendor/preact.js";
import { api, useRequest } from "../api.js";
import { Chip } from "../components/chips.js";
import { Icon } from "../components/icon.js";
import { Popover } from "../components/popover.js";
import { onChanged } from "../events.js";
import { dateTime } from "../format.js";
import { isRunning, startJob, useJobs } from "../jobs.js";
import { COMMA } from "../language.js";
import { setParams, withParams } from "../state.js";
import { texts } from "../texts.js";
import { AddImages } from "./add.js";
import { indexSources } from "./adding.js";
import { sourceName } from "./names.js";
import { forgetSource, moveSource, pauseSource, removeGone, renameSource } from "./source_actions.js";
import { table } from "../table.js";

const FEW = 12; // shown at first
const STATES = table({
  missing: { word: texts.library.missing, kind: "bad", why: () => texts.library.missingWhy },
  paused: { word: texts.library.paused, why: texts.library.pausedWhy },
  interrupted: { word: texts.library.stopped, why: texts.library.stoppedWhy },
});
const ICONS = table({ folder: "folder", table: "table" });
const filterOf = (uri) => `source = "${uri.replace(/["\\]/g, "\\$&")}"`;
const found = (filter) => withParams({ filter }, { path: "/", from: "" });
const nameOf = (source) => source.label || sourceName(source.uri);

/** @param {{info: object, adding?: boolean, bare?: boolean}} props `bare`: without ways to add, which stand beside it */
export function Sources({ info, adding = false, bare = false }) {
  const [all, setAll] = useState(false);
  const jobs = useJobs().filter((job) => (job.kind === "index" || job.kind === "move-source") && isRunning(job));
  const busy = jobs.length > 0;
  const { data, reload } = useRequest(`sources ${busy}`, (signal) => api.get("/sources", {}, { signal }));
  useEffect(() => onChanged(["images"], reload), []);
  const sources = data?.sources ?? info.sources;
  const shown = sources.slice(0, all ? sources.length : FEW);
  const { read_only: fixed } = info;
  return html`<section class="stack tight">
    <div class="spread wrap"><h2>${texts.library.sources}</h2>
      <div class="row wrap">
        ${!fixed && sources.length > 0 && html`<button class="button small" disabled=${busy} title=${busy ? texts.library.busy : undefined} onClick=${() => startJob("index", { cluster: true })} data-testid="reindex"><${Icon} name="refresh" />${texts.library.rescanAll}</button>`}
        ${!fixed && !bare && html`<button class="button small primary" aria-expanded=${adding} aria-controls="add-pictures" onClick=${() => setParams({ add: !adding }, { replace: true })} data-testid="add"><${Icon} name=${adding ? "up" : "plus"} />${texts.library.add}</button>`}
      </div>
    </div>
    ${!fixed && adding && html`<div id="add-pictures"><${AddImages} info=${info} /></div>`}
    ${!sources.length && html`<p class="muted">${texts.library.sourcesNone}</p>`}
    <ul class="source-list" data-testid="sources">
      ${shown.map((source) => html`<${Source} key=${source.uri} ...${{ source, info, busy, jobs }} />`)}
    </ul>
    ${!all && sources.length > FEW && html`<button class="button small quiet" onClick=${() => setAll(true)}>${texts.library.all(sources.length)}</button>`}
  </section>`;
}

function Source({ source, info, busy, jobs }) {
  const { uri, kind, state, images, missing, last_indexed: at } = source;
  const name = nameOf(source);
  const told = state === "interrupted" && busy ? null : STATES[state];
  const when = at ? texts.library.indexed(dateTime(at)) : state === "indexing" || busy ? texts.library.indexing : texts.library.never;
  const facts = [images !== undefined && texts.library.images(images), when];
  const act = { source, name, info, busy, jobs };
  return html`<li>
    <${Icon} name=${ICONS[kind] ?? (/^https?:/.test(uri) ? "link" : "image")} />
    <div class="grow">
      <a class="ellipsis ${source.label ? "" : "mono"}" href=${found(filterOf(uri))} title=${uri}>${name}</a>
      ${source.label && html`<div class="mono small-text muted ellipsis">${uri}</div>`}
      <div class="muted small-text">${facts.filter(Boolean).join(COMMA)}</div>
      ${told && html`<div class="small-text source-state"><${Chip} kind=${told.kind}>${told.word}<//>${told.why(source)}</div>`}
      ${state !== "missing" && missing > 0 && html`<div class="small-text source-state"><a href=${found(`${filterOf(uri)} and missing = true`)}>${texts.library.gone(missing)}</a></div>`}
    </div>
    ${!info.read_only && html`<${Buttons} ...${act} stopped=${Boolean(told) && state === "interrupted"} />`}
  </li>`;
}

function Buttons({ stopped, ...act }) {
  const { source, name, busy } = act;
  const again = () => indexSources([source.uri]);
  return html`${stopped
      ? html`<button class="button small primary" aria-label=${texts.library.goOnOf(name)} onClick=${again}>${texts.library.goOn}</button>
          <button class="button small" aria-label=${texts.library.takeOutOf(name)} onClick=${() => forgetSource(source, name)}>${texts.library.takeOut}</button>`
      : html`<button class="icon-button" disabled=${busy} aria-label=${texts.library.rescanOf(name)} title=${texts.library.rescan} onClick=${again}><${Icon} name="refresh" /></button>`}
    <${Popover} class="icon-button" align="end" label=${texts.library.more(name)} button=${html`<${Icon} name="more" />`}>
      ${(close) => html`<${Menu} ...${{ ...act, close }} />`}
    <//>`;
}

function Menu({ source, name, info, busy, jobs, close }) {
  const paused = source.state === "paused";
  const act = (run) => () => (close(), run());
  const item = (icon, text, run, disabled = false) => html`<button class="menu-item" disabled=${disabled} onClick=${act(run)}><${Icon} name=${icon} />${text}</button>`;
  return html`<div class="menu">
    ${item("edit", texts.library.rename, () => renameSource(source, name))}
    ${paused ? item("refresh", texts.library.resume, () => pauseSource(source, false, jobs)) : item("clock", texts.library.pause, () => pauseSource(source, true, jobs))}
    ${source.state === "missing" && item("move", texts.library.moveIt, () => moveSource(source, info), busy)}
    ${source.state !== "missing" && source.missing > 0 && item("minus", texts.library.takeOutGone, () => removeGone(source), busy)}
    ${item("trash", texts.library.takeOut, () => forgetSource(source, name), busy)}
  </div>`;
}
