// How good search is here: measured by what is known of the images, and what was measured last.
import { html, useId, useState } from "../../vendor/preact.js";
import { useRequest, api } from "../api.js";
import { Icon } from "../components/icon.js";
import { Progress } from "../components/progress.js";
import { useCount } from "../library_info.js";
import { isRunning, startJob, useJobs } from "../jobs.js";
import { showJob } from "./job_details.js";
import { leadOf } from "./measured.js";
import { texts } from "../texts.js";

const LIKES = "likes";
const FIELDS = texts.library.measureBy;

/** @param {{info: object}} props */
export function Measure({ info }) {
  const [by, setBy] = useState("folder");
  const [spaces, setSpaces] = useState("");
  const id = useId();
  const marked = useCount(by === LIKES ? null : `has ${by}`);
  const jobs = useJobs().filter((job) => job.kind === "evaluate");
  const running = jobs.find(isRunning);
  const last = jobs.find((job) => job.state === "done");
  const models = [...new Set(Object.values(info.spaces ?? {}).map((space) => space.model))];
  const pairs = models.flatMap((a) => models.filter((b) => b !== a && models.indexOf(a) < models.indexOf(b)).map((b) => [a, b]));
  const start = (event) => {
    event.preventDefault();
    startJob("evaluate", { ...(by === LIKES ? { feedback: true } : { by }), ...(spaces ? { compare: pairs[Number(spaces)] } : {}) });
  };
  return html`<section class="stack tight" id="measure" data-testid="measure"><h2>${texts.library.howGood}</h2>
    <p class="muted small-text">${texts.library.howGoodText}</p>
    <div class="way">
      ${running
        ? html`<${Progress} job=${running} />`
        : html`<form class="row wrap" onSubmit=${start}>
            <label class="row" for=${id}>${texts.library.by}</label>
            <select id=${id} class="input grow" onChange=${(e) => setBy(e.target.value)}>
              ${[...Object.entries(FIELDS), [LIKES, texts.library.thumbs]].map(([name, shown]) => html`<option key=${name} value=${name} selected=${name === by}>${shown}</option>`)}
            </select>
            ${pairs.length > 0 && html`<select class="input grow" aria-label=${texts.library.compareModels} onChange=${(e) => setSpaces(e.target.value)}>
              <option value="" selected=${spaces === ""}>${texts.library.modelInUse}</option>
              ${pairs.map(([a, b], i) => html`<option key=${i} value=${i} selected=${spaces === String(i)}>${texts.library.against(a, b)}</option>`)}
            </select>`}
            <button class="button" disabled=${by !== LIKES && marked === 0}><${Icon} name="sparkle" />${texts.library.measure}</button>
          </form>`}
      ${by !== LIKES && marked === 0 && html`<p class="small-text" data-testid="needs">${texts.library.noValue}</p>`}
      ${last && html`<${Last} job=${last} key=${last.id} />`}
    </div>
  </section>`;
}

function Last({ job }) {
  const { data } = useRequest(`measured ${job.id}`, (signal) => api.get(`/jobs/${job.id}`, {}, { signal }));
  if (!data?.result) return null;
  const { searches, comparisons, notes } = data.result;
  return html`<div class="stack tight" data-testid="measured">
    ${comparisons.map((one) => html`<p key=${`c${one.kind}`}>${one.says}</p>`)}
    ${searches.map((one) => html`<p key=${one.kind}>${leadOf(one)}</p>`)}
    ${!searches.length && notes.map((note) => html`<p key=${note}>${note}</p>`)}
    <div class="row"><button class="button small" onClick=${() => showJob(job)}>${texts.library.allOfIt}</button></div>
  </div>`;
}
