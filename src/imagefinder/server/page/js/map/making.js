// What stands where a map has yet to be made, and how far the making is.
import { html } from "../../vendor/preact.js";
import { Empty } from "../components/empty.js";
import { secondsLeft } from "../components/progress.js";
import { cancelJob, isRunning, startJob, useJobs } from "../jobs.js";
import { useIndex } from "../library_info.js";
import { own, table } from "../table.js";
import { texts } from "../texts.js";
import { duration } from "../units.js";

export const METHODS = table(texts.map.layouts);
export const methodName = (method) => METHODS[method]?.[0] ?? method;

/** Where each stage begins and ends, as shares of the whole: measured with 22,914 images on two cores. */
const SHARES = table({
  "": [0, 0.02],
  "reading vectors": [0.02, 0.05],
  "sorting images": [0.05, 0.08],
  "comparing images": [0.08, 0.2],
  "laying out": [0.2, 0.93],
  "scoring the map": [0.93, 1],
});

/** How far a job that makes a map is, 0 to 1; within a stage that doesn't count, its begin. */
export function shareDone({ stage, done, total }) {
  const [from, to] = SHARES[stage] ?? SHARES[""];
  return from + (total > 0 ? ((to - from) * done) / total : 0);
}

/** The job that is making a map by this method, if one is. */
export const useMaking = (method) =>
  useJobs().find((job) => job.kind === "map" && isRunning(job) && (job.options?.method ?? "tsne") === method);

/** Makes a map where that can be done. @returns {Promise<object | null>} */
export const makeMap = (info, method) => (canMake(info, method) ? startJob("map", { method }) : null);
const canMake = (info, method) => Boolean(info && !info.read_only && info.images > 0 && METHODS[method] && !own(info.not_installed, method));

export function Making({ method }) {
  const { info } = useIndex();
  const job = useMaking(method);
  const command = own(info?.not_installed, method);
  const title = job ? texts.map.makingTitle(methodName(method)) : texts.map.noneYet(methodName(method));
  return html`<${Empty} icon="map" title=${title} text=${METHODS[method]?.[1]}>
    ${job && html`<${MapProgress} job=${job} />`}
    ${command && html`<p class="muted small-text" data-testid="not-installed">${texts.map.install} <code>${command}</code></p>`}
    ${!job &&
      !command &&
      html`<button class="button primary" data-testid="make-map" disabled=${!canMake(info, method)} onClick=${() => makeMap(info, method)}>${texts.map.make}</button>`}
    ${info?.read_only && !command && html`<p class="muted small-text">${texts.map.readOnly(`imagefinder map --method ${method}`)}</p>`}
  <//>`;
}

/** "Laying out: 150 of 375 rounds, 40 s left", and a bar for all stages together. */
function MapProgress({ job }) {
  const share = shareDone(job);
  const queued = job.state === "queued";
  const parts = [job.total > 0 && texts.map.step(job.done, job.total), secondsLeft(job) > 0 && duration(secondsLeft(job))].filter(Boolean);
  const stage = queued ? texts.map.queued : (own(texts.map.stages, job.stage) ?? job.stage);
  return html`<div class="progress map-progress" data-testid="progress">
    <div class="spread"><span>${stage}</span>
      <button class="button small quiet" aria-label=${texts.map.cancelMaking} onClick=${() => cancelJob(job)}>${texts.common.cancel}</button></div>
    <div class="bar" role="progressbar" aria-label=${texts.map.making} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${Math.floor(100 * share)}>
      <span style=${{ width: `${100 * share}%` }} /></div>
    <div class="muted small-text number spread"><span>${parts.join(" · ")}</span><span>${texts.map.percent(share)}</span></div>
  </div>`;
}
