// How far work is: `<${Progress} job=${job} />`, and a button that starts work and turns into its progress.
import { html } from "../../vendor/preact.js";
import { number } from "../format.js";
import { jobName, stageName } from "../job_names.js";
import { cancelJob, isRunning, latestJob, startJob, useJobs } from "../jobs.js";
import { texts } from "../texts.js";
import { duration } from "../units.js";

/** To the end of the job, where an earlier one tells, else to that of its stage. */
export const secondsLeft = (job) => job.run_eta_s ?? job.eta_s;

/** "1,200 of 22,914 · 310 a second · 1 min 10 s left" */
export function progressText(job) {
  if (job.state === "queued") return texts.library.waiting;
  const parts = [];
  if (job.total > 0) parts.push(texts.library.of(job.done, job.total));
  else if (job.done > 0) parts.push(number(job.done));
  const rate = job.eta_s > 0 ? (job.total - job.done) / job.eta_s : 0; // of this stage, not since the beginning
  if (rate >= 1) parts.push(texts.library.rate(Math.round(rate)));
  const left = secondsLeft(job);
  if (left > 0) parts.push(texts.library.left(duration(left)));
  return parts.join(" · ") || texts.library.working;
}

export function Progress({ job, bare = false }) {
  const known = job.total > 0;
  const stage = stageName(job);
  return html`<div class="progress" data-testid="progress">
    <div class="spread">
      <span class="ellipsis">${bare ? "" : jobName(job)}${stage ? html`${bare ? "" : ": "}<span class="muted">${stage}</span>` : ""}</span>
      ${isRunning(job) &&
      html`<button class="button small quiet" aria-label=${texts.library.cancelOf(jobName(job))} onClick=${() => cancelJob(job)}>${texts.library.cancel}</button>`}
    </div>
    <div class="bar ${known ? "" : "unknown"}" role="progressbar" aria-label=${jobName(job)} aria-valuemin="0"
      aria-valuemax=${known ? job.total : undefined} aria-valuenow=${known ? job.done : undefined}>
      <span style=${{ width: known ? `${(100 * job.done) / job.total}%` : "" }} />
    </div>
    <div class="muted small-text number">
      ${progressText(job)}${job.skipped > 0 ? ` · ${texts.library.skippedFiles(job.skipped)}` : ""}
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
