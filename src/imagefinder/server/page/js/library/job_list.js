// What runs, what needs attention, and what ran.
import { html, useState } from "../../vendor/preact.js";
import { Icon } from "../components/icon.js";
import { Progress } from "../components/progress.js";
import { dateTime } from "../format.js";
import { jobName } from "../job_names.js";
import { isRunning, startJob, useJobs } from "../jobs.js";
import { COMMA } from "../language.js";
import { table } from "../table.js";
import { texts } from "../texts.js";
import { duration } from "../units.js";
import { dismiss, useFailed } from "./failed.js";
import { showJob } from "./job_details.js";
import { sourceName } from "./names.js";

const FEW = 6;
const STATES = table({ done: ["check", texts.library.done], failed: ["warning", texts.library.failedState], cancelled: ["close", texts.library.cancelled] });
const SAME_AGAIN = new Set(["index", "cluster", "choose-k", "map", "duplicates", "outliers", "quality", "read", "pca", "model", "better-words", "classify"]); // all of whose options are told

export function RunningJobs() {
  return useJobs().filter(isRunning).map((job) => html`<div key=${job.id} class="card"><${Progress} job=${job} /></div>`);
}

/** @param {{readOnly: boolean}} props */
export function Activity({ readOnly }) {
  const jobs = useJobs();
  const failed = useFailed();
  const [all, setAll] = useState(false);
  const past = jobs.filter((job) => !isRunning(job) && !failed.includes(job));
  const running = jobs.some(isRunning);
  return html`
    ${running && html`<section class="stack tight" aria-labelledby="running"><h2 id="running">${texts.library.runningNow}</h2><${RunningJobs} /></section>`}
    ${failed.length > 0 && html`<section class="stack tight" aria-labelledby="attention"><h2 id="attention">${texts.library.attention}</h2>
      <ul class="job-list">${failed.map((job) => html`<${Past} key=${job.id} job=${job}>${!readOnly && SAME_AGAIN.has(job.kind) && html`<${Again} job=${job} />`}
        <button class="button small quiet" aria-label=${texts.library.hideOf(jobName(job))} onClick=${() => dismiss(job)}>${texts.library.hide}</button><//>`)}</ul></section>`}
    <section class="stack tight" id="jobs"><h2>${texts.library.past}</h2>
      ${!past.length && html`<p class="muted">${running || failed.length ? texts.library.nothingElse : texts.library.nothingYet}</p>`}
      <ul class="job-list">${past.slice(0, all ? past.length : FEW).map((job) => html`<${Past} key=${job.id} job=${job} />`)}</ul>
      ${!all && past.length > FEW && html`<button class="button small quiet" onClick=${() => setAll(true)}>${texts.library.allJobs(past.length)}</button>`}
    </section>`;
}

function Again({ job }) {
  const run = async () => (await startJob(job.kind, job.options)) && dismiss(job);
  return html`<button class="button small" aria-label=${texts.library.againOf(jobName(job))} onClick=${run}>${texts.library.again}</button>`;
}

export function Past({ job, children }) {
  const [icon, state] = STATES[job.state];
  const said = [job.finished ? `${state} ${dateTime(job.finished)}` : state, job.seconds >= 1 && texts.library.took(duration(job.seconds))];
  return html`<li class="job ${job.state}">
    <span class="job-state" title=${state}><${Icon} name=${icon} /></span>
    <div class="grow">
      <div class="ellipsis">${jobName(job)}${job.options.sources?.length ? html` <span class="muted">${job.options.sources.map(sourceName).join(COMMA)}</span>` : ""}</div>
      <div class="muted small-text">${said.filter(Boolean).join(COMMA)}</div>
      ${job.error && html`<div class="error-text">${job.error.message} ${job.error.remedy}</div>`}
    </div>
    ${children}
    <button class="button small quiet" aria-label=${texts.library.detailsOf(jobName(job))} onClick=${() => showJob(job)}>${job.skipped > 0 ? texts.library.skipped(job.skipped) : texts.library.details}</button>
  </li>`;
}
