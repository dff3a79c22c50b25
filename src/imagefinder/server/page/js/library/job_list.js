// What runs, and what ran.
import { html, useState } from "../../vendor/preact.js";
import { Icon } from "../components/icon.js";
import { Progress } from "../components/progress.js";
import { count, dateTime, duration } from "../format.js";
import { jobName } from "../job_names.js";
import { isRunning, useJobs } from "../jobs.js";
import { sourceName } from "./names.js";
import { showJob } from "./job_details.js";
import { table } from "../table.js";

const FEW = 6;
const STATES = table({ done: ["check", "Done"], failed: ["warning", "Failed"], cancelled: ["close", "Cancelled"] });

export function RunningJobs() {
  return useJobs().filter(isRunning).map((job) => html`<div key=${job.id} class="card"><${Progress} job=${job} /></div>`);
}

export function JobList() {
  const jobs = useJobs();
  const [all, setAll] = useState(false);
  const past = jobs.filter((job) => !isRunning(job));
  if (!past.length) return html`<p class="muted">Nothing has run yet.</p>`;
  return html`<ul class="job-list">${past.slice(0, all ? past.length : FEW).map((job) => html`<${Past} key=${job.id} job=${job} />`)}</ul>
    ${!all && past.length > FEW && html`<button class="button small quiet" onClick=${() => setAll(true)}>Show all ${past.length}</button>`}`;
}

function Past({ job }) {
  const [icon, state] = STATES[job.state];
  return html`<li class="job ${job.state}">
    <span class="job-state" title=${state}><${Icon} name=${icon} /></span>
    <div class="grow">
      <div class="ellipsis">${jobName(job)}${job.options.sources?.length ? html` <span class="muted">${job.options.sources.map(sourceName).join(", ")}</span>` : ""}</div>
      <div class="muted small-text">${state}${job.finished ? ` ${dateTime(job.finished)}` : ""}${job.seconds >= 1 ? `, took ${duration(job.seconds)}` : ""}</div>
      ${job.error && html`<div class="error-text">${job.error.message} ${job.error.remedy}</div>`}
    </div>
    <button class="button small quiet" aria-label=${`Details of ${jobName(job)}`} onClick=${() => showJob(job)}>${job.skipped > 0 ? `${count(job.skipped, "skipped", "skipped")}` : "Details"}</button>
  </li>`;
}
