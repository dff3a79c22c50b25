// In the header: whether the server is at work, and on what; and whether something failed.
import { html } from "../../vendor/preact.js";
import { jobName } from "../job_names.js";
import { isRunning, useJobs } from "../jobs.js";
import { COMMA } from "../language.js";
import { useFailed } from "../library/failed.js";
import { texts } from "../texts.js";
import { Icon } from "./icon.js";
import { Popover } from "./popover.js";
import { Progress } from "./progress.js";

export function JobIndicator() {
  const running = useJobs().filter(isRunning);
  const failed = useFailed();
  const said = [running.length > 0 && texts.library.running(running.length), failed.length > 0 && texts.library.failed(failed.length)].filter(Boolean);
  const label = said.join(COMMA) || texts.library.idle;
  const [first] = running;
  const share = first?.total > 0 ? first.done / first.total : 0.25;
  const ring = html`<svg class="job-ring" viewBox="0 0 24 24" aria-hidden="true">
    <circle cx="12" cy="12" r="9" class="job-ring-back" />
    <circle cx="12" cy="12" r="9" class="job-ring-done" pathLength="100" stroke-dasharray=${`${share * 100} 100`} />
  </svg>`;
  return html`<${Popover} class="icon-button ${first ? "busy" : ""} ${failed.length ? "failing" : ""}" label=${label} align="end" testid="jobs"
    button=${first ? ring : html`<${Icon} name=${failed.length ? "warning" : "clock"} />`}>
    ${(close) => html`<div class="stack menu-body">
      <h2>${label}</h2>
      ${running.map((job) => html`<${Progress} key=${job.id} job=${job} />`)}
      ${failed.slice(0, 3).map((job) => html`<p key=${job.id} class="error-text">${jobName(job)}: ${job.error?.message}</p>`)}
      <a href="/library?part=activity" onClick=${close}>${texts.library.allActivity}</a>
    </div>`}
  <//>`;
}
