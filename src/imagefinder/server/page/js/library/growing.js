// Above the pictures while more are being read: a slim line that says how far it is.
import { html } from "../../vendor/preact.js";
import { progressText } from "../components/progress.js";
import { isRunning, useJobs } from "../jobs.js";
import { texts } from "../texts.js";

const READS = new Set(["index", "urls"]);
const GROUPS = /cluster|group|neighbo|fitting|describing|resampling|usual/;

export function Growing() {
  const job = useJobs().find((one) => READS.has(one.kind) && one.state === "running" && isRunning(one));
  if (!job) return null;
  const known = job.total > 0;
  const what = GROUPS.test(job.stage) ? texts.library.grouping : texts.library.reading;
  return html`<aside class="growing" aria-label=${texts.library.growing} data-testid="growing">
    <div class="bar ${known ? "" : "unknown"}" role="progressbar" aria-label=${what} aria-valuemin="0"
      aria-valuemax=${known ? job.total : undefined} aria-valuenow=${known ? job.done : undefined}>
      <span style=${{ width: known ? `${(100 * job.done) / job.total}%` : "" }} />
    </div>
    <p class="muted small-text number"><strong>${what}</strong> ${progressText(job)}. ${texts.library.searchAlready} <a href="/library?part=activity">${texts.library.showActivity}</a></p>
  </aside>`;
}
