// The start, while there are no pictures: how to get some, and what came of it so far.
import { html } from "../../vendor/preact.js";
import { Empty } from "../components/empty.js";
import { LanguageMenu } from "../components/language_menu.js";
import { Progress } from "../components/progress.js";
import { isRunning, useJobs } from "../jobs.js";
import { fixed } from "../library_info.js";
import { texts } from "../texts.js";
import { AddImages } from "./add.js";
import { Past } from "./job_list.js";
import { Sources } from "./sources.js";

/** @param {{info: object}} props */
export function FirstUse({ info }) {
  const jobs = useJobs();
  const job = jobs.find((one) => (one.kind === "index" || one.kind === "urls") && isRunning(one));
  if (job) {
    return html`<div class="page first-use" data-testid="first-use">
      <h1>${texts.library.lookingTitle}</h1>
      <p class="muted">${texts.library.lookingText}</p>
      <div class="card"><${Progress} job=${job} /></div>
    </div>`;
  }
  if (info.read_only) {
    return html`<${Empty} icon="library" title=${texts.library.noneTitle} text=${texts.library.noneText(fixed(info))} />`;
  }
  const past = jobs.filter((one) => !isRunning(one));
  return html`<div class="page first-use" data-testid="first-use">
    <h1>${texts.library.firstTitle}</h1>
    <p class="muted">${texts.library.firstText}</p>
    <div class="only-narrow"><${LanguageMenu} named /></div>
    ${info.sources.length > 0 && html`<${Sources} info=${info} bare />`}
    <${AddImages} info=${info} />
    ${past.length > 0 && html`<section class="stack tight" id="jobs"><h2>${texts.library.activity}</h2><ul class="job-list">${past.slice(0, 3).map((one) => html`<${Past} key=${one.id} job=${one} />`)}</ul></section>`}
  </div>`;
}
