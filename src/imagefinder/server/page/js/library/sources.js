// Where the images came from: how each source is, and what can be done with it.
import { html, useState } from "../../vendor/preact.js";
import { api, useRequest } from "../api.js";
import { Chip } from "../components/chips.js";
import { Icon } from "../components/icon.js";
import { Popover } from "../components/popover.js";
import { count, dateTime, number } from "../format.js";
import { isRunning, startJob, useJobs } from "../jobs.js";
import { withParams } from "../state.js";
import { sourceName } from "./names.js";
import { forgetSource, moveSource, pauseSource, removeGone } from "./source_actions.js";
import { table } from "../table.js";

const FEW = 12; // shown at first
const STATES = table({
  missing: { word: "missing", kind: "bad", why: "It is not where it was. Its images stay, and are found." },
  paused: { word: "paused", why: "It is left out when changes are looked for. Its images stay." },
  interrupted: { word: "interrupted", why: "Its last run did not come to the end. Look for changes to go on." },
});
const filterOf = (uri) => `source = "${uri.replace(/["\\]/g, "\\$&")}"`;
const found = (filter) => withParams({ filter }, { path: "/", from: "" });

export function Sources({ info }) {
  const [all, setAll] = useState(false);
  const { data } = useRequest(`sources ${info.images} ${JSON.stringify(info.sources)}`, (signal) => api.get("/sources", {}, { signal }));
  const sources = data?.sources ?? info.sources;
  const shown = sources.slice(0, all ? sources.length : FEW);
  const busy = useJobs().some((job) => (job.kind === "index" || job.kind === "move-source") && isRunning(job));
  const again = (named) => startJob("index", named ? { sources: named } : {});
  return html`<section class="stack tight">
    <div class="spread"><h2>Sources</h2>
      ${!info.read_only && sources.length > 0 && html`<button class="button small" disabled=${busy} title=${busy ? "It is being done." : undefined} onClick=${() => again(null)} data-testid="reindex"><${Icon} name="refresh" />Look for changes</button>`}
    </div>
    ${!sources.length && html`<p class="muted">None yet. Add some images below.</p>`}
    <ul class="source-list" data-testid="sources">
      ${shown.map((source) => html`<${Source} key=${source.uri} ...${{ source, info, busy, again }} />`)}
    </ul>
    ${!all && sources.length > FEW && html`<button class="button small quiet" onClick=${() => setAll(true)}>Show all ${count(sources.length, "source")}</button>`}
  </section>`;
}

function Source({ source, info, busy, again }) {
  const { uri, kind, state, images, missing, last_indexed: at } = source;
  const name = sourceName(uri);
  const told = STATES[state];
  const facts = [images !== undefined && count(images, "image"), at ? `indexed ${dateTime(at)}` : "not indexed to the end yet"];
  return html`<li>
    <${Icon} name=${{ folder: "folder", table: "table" }[kind] ?? (/^https?:/.test(uri) ? "link" : "image")} />
    <div class="grow">
      <a class="ellipsis mono" href=${found(filterOf(uri))} title=${uri}>${name}</a>
      <div class="muted small-text">${facts.filter(Boolean).join(", ")}</div>
      ${told && html`<div class="small-text source-state"><${Chip} kind=${told.kind}>${told.word}<//>${told.why}</div>`}
      ${state !== "missing" && missing > 0 && html`<div class="small-text source-state"><a href=${found(`${filterOf(uri)} and missing = true`)}>${number(missing)} not there any more</a></div>`}
    </div>
    ${!info.read_only && html`<button class="icon-button" disabled=${busy} aria-label=${`Look for changes in ${name}`} title="Look for changes" onClick=${() => again([uri])}><${Icon} name="refresh" /></button>
      <${Popover} class="icon-button" align="end" label=${`More for ${name}`} button=${html`<${Icon} name="more" />`}>
        ${(close) => html`<${Actions} ...${{ source, info, busy, close }} />`}
      <//>`}
  </li>`;
}

function Actions({ source, info, busy, close }) {
  const paused = source.state === "paused";
  const act = (run) => () => (close(), run());
  return html`<div class="menu">
    <button class="menu-item" onClick=${act(() => pauseSource(source, !paused))}><${Icon} name="clock" />${paused ? "Resume" : "Pause"}</button>
    ${source.state === "missing" && html`<button class="menu-item" disabled=${busy} onClick=${act(() => moveSource(source, info))}><${Icon} name="move" />Say where it is now…</button>`}
    ${source.state !== "missing" && source.missing > 0 && html`<button class="menu-item" disabled=${busy} onClick=${act(() => removeGone(source))}><${Icon} name="minus" />Take out what is gone…</button>`}
    <button class="menu-item" disabled=${busy} onClick=${act(() => forgetSource(source))}><${Icon} name="trash" />Forget…</button>
  </div>`;
}
