// In the header: whether the server is at work, and on what.
import { html } from "../../vendor/preact.js";
import { count } from "../format.js";
import { isRunning, useJobs } from "../jobs.js";
import { Icon } from "./icon.js";
import { Popover } from "./popover.js";
import { Progress } from "./progress.js";

export function JobIndicator() {
  const running = useJobs().filter(isRunning);
  const label = running.length ? `${count(running.length, "job")} running` : "Nothing is running";
  const [first] = running;
  const share = first?.total > 0 ? first.done / first.total : 0.25;
  const ring = html`<svg class="job-ring" viewBox="0 0 24 24" aria-hidden="true">
    <circle cx="12" cy="12" r="9" class="job-ring-back" />
    <circle cx="12" cy="12" r="9" class="job-ring-done" pathLength="100" stroke-dasharray=${`${share * 100} 100`} />
  </svg>`;
  return html`<${Popover} class="icon-button ${first ? "busy" : ""}" label=${label} align="end" testid="jobs"
    button=${first ? ring : html`<${Icon} name="clock" />`}>
    ${() => html`<div class="stack menu-body">
      <h2>${label}</h2>
      ${running.map((job) => html`<${Progress} key=${job.id} job=${job} />`)}
      <a href="/library#jobs">All jobs, in the library</a>
    </div>`}
  <//>`;
}
