// How far work is: `<${Progress} job=${job} />`, and a button that starts work and turns into its progress.
import { html } from "../../vendor/preact.js";
import { count, duration, number } from "../format.js";
import { jobName } from "../job_names.js";
import { cancelJob, isRunning, latestJob, startJob, useJobs } from "../jobs.js";

/** "1,200 of 22,914 · 310 a second · 1 min 10 s left" */
export function progressText(job) {
  if (job.state === "queued") return "Waiting for its turn";
  const parts = [];
  if (job.total > 0) parts.push(`${number(job.done)} of ${number(job.total)}`);
  else if (job.done > 0) parts.push(number(job.done));
  const rate = job.eta_s > 0 ? (job.total - job.done) / job.eta_s : 0; // of this stage, not since the beginning
  if (rate >= 1) parts.push(`${number(Math.round(rate))} a second`);
  if (job.eta_s > 0) parts.push(`${duration(job.eta_s)} left`);
  return parts.join(" · ") || "Working";
}

export function Progress({ job, bare = false }) {
  const known = job.total > 0;
  return html`<div class="progress" data-testid="progress">
    <div class="spread">
      <span class="ellipsis">${bare ? "" : jobName(job)}${job.stage ? html`${bare ? "" : ": "}<span class="muted">${job.stage}</span>` : ""}</span>
      ${isRunning(job) &&
      html`<button class="button small quiet" aria-label=${`Cancel ${jobName(job).toLowerCase()}`} onClick=${() => cancelJob(job)}>Cancel</button>`}
    </div>
    <div class="bar ${known ? "" : "unknown"}" role="progressbar" aria-label=${jobName(job)} aria-valuemin="0"
      aria-valuemax=${known ? job.total : undefined} aria-valuenow=${known ? job.done : undefined}>
      <span style=${{ width: known ? `${(100 * job.done) / job.total}%` : "" }} />
    </div>
    <div class="muted small-text number">
      ${progressText(job)}${job.skipped > 0 ? ` · ${count(job.skipped, "file")} skipped` : ""}
    </div>
  </div>`;
}

/** @param {{kind: string, options?: object, children: any, primary?: boolean}} props */
export function JobButton({ kind, options, children, primary = false, disabled = false }) {
  const job = latestJob(useJobs(), kind);
  if (job && isRunning(job)) return html`<${Progress} job=${job} />`;
  return html`<button class="button ${primary ? "primary" : ""}" disabled=${disabled} onClick=${() => startJob(kind, options)}>
    ${children}
  </button>`;
}
