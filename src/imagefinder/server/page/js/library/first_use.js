// The start, while there are no images: how to get some.
import { html } from "../../vendor/preact.js";
import { Empty } from "../components/empty.js";
import { Progress } from "../components/progress.js";
import { isRunning, useJobs } from "../jobs.js";
import { fixed } from "../library_info.js";
import { AddImages } from "./add.js";

/** @param {{info: object}} props */
export function FirstUse({ info }) {
  const job = useJobs().find((one) => one.kind === "index" && isRunning(one));
  if (job) {
    return html`<div class="page first-use" data-testid="first-use">
      <h1>Looking at your pictures</h1>
      <p class="muted">You can search the first ones as soon as they are in. This goes on when you close the page.</p>
      <div class="card"><${Progress} job=${job} /></div>
    </div>`;
  }
  if (info.read_only) {
    return html`<${Empty} icon="library" title="There are no images yet" text="${fixed(info)}. Whoever runs it can add images with: imagefinder index FOLDER" />`;
  }
  return html`<div class="page first-use" data-testid="first-use">
    <h1>Which pictures do you want to search?</h1>
    <p class="muted">They stay on this machine: nothing is sent anywhere. Once they are indexed, find them by words or by a picture, see them in groups and on a map, and clear out duplicates.</p>
    <${AddImages} info=${info} />
  </div>`;
}
