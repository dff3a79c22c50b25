// Making groups: the panel where there are none yet, and the dialog to make them anew.
import { html, useId, useState } from "../../vendor/preact.js";
import { openDialog } from "../components/dialog.js";
import { NoPictures } from "../components/empty.js";
import { Icon } from "../components/icon.js";
import { Progress } from "../components/progress.js";
import { isRunning, startJob, useJobs } from "../jobs.js";
import { useIndex } from "../library_info.js";
import { withParams } from "../state.js";
import { own } from "../table.js";
import { texts } from "../texts.js";
import { methodName } from "./words.js";

const t = texts.groups;

/** The grouping under way, if there is one. */
export const useGrouping = () => useJobs().find((job) => job.kind === "cluster" && isRunning(job));

export function StartPanel({ why }) {
  const { info } = useIndex();
  const job = useGrouping();
  const images = info?.images ?? 0;
  if (info && images < 2) return html`<h1 class="visually-hidden">${t.title}</h1><${NoPictures} icon="groups" title=${images ? t.one : undefined} text=${t.startText} />`;
  return html`<div class="page narrow"><section class="card start stack" data-testid="start">
    <span class="empty-icon"><${Icon} name="groups" /></span>
    <h1 tabindex="-1">${t.startTitle}</h1>
    <p class="muted">${t.startText}</p>
    ${job
      ? html`<${Progress} job=${job} />`
      : why
        ? html`<p class="note">${t.onlyShows}</p>`
        : html`<${GroupForm} images=${images} action=${t.make} />`}
  </section></div>`;
}

/** Asks how to group again; what was corrected stays unless one wants to start afresh. */
export const askToGroup = (data) =>
  openDialog(t.againTitle, (close) => html`<div class="stack">
    <p>${t.againText}</p>
    <${GroupForm} images=${data.n_images} again former=${data} action=${t.againTitle} done=${() => close(true)} />
  </div>`);

function GroupForm({ images, action, former, again = false, done }) {
  const { info } = useIndex();
  const clusterers = info?.clusterers ?? {};
  const [method, setMethod] = useState(former && own(clusterers, former.method) ? former.method : "leiden");
  const [fixed, setFixed] = useState(Number.isInteger(former?.asked));
  const [n, setN] = useState(Number.isInteger(former?.asked) ? former.asked : Math.min(20, images));
  const [fresh, setFresh] = useState(false);
  const [busy, setBusy] = useState(false);
  const id = useId();
  const self = own(clusterers, method)?.counts === false; // it finds the number itself and refuses one
  const submit = async (event) => {
    event.preventDefault();
    setBusy(true);
    const options = { method, n_clusters: fixed && !self ? n : null, ...(fresh ? { fresh } : {}) };
    const job = await startJob("cluster", options);
    setBusy(false);
    if (job) done?.();
  };
  return html`<form class="stack" onSubmit=${submit}>
    <fieldset class="stack tight" disabled=${self}>
      <legend>${t.numberAsk}</legend>
      <label class="check"><input type="radio" name="${id}-n" checked=${!fixed || self} onChange=${() => setFixed(false)} />${t.numberData}</label>
      <div class="row">
        <label class="check"><input type="radio" name="${id}-n" checked=${fixed && !self} onChange=${() => setFixed(true)} />${t.numberExactly}</label>
        <input class="input short" type="number" aria-label=${t.numberLabel} min="1" max=${images} value=${n} required=${fixed}
          onFocus=${() => setFixed(true)} onInput=${(e) => setN(e.target.valueAsNumber)} />
      </div>
      <p class="muted small-text">${t.notSure} <a href=${withParams({ view: "number" }, { path: "/groups", from: "" })} onClick=${() => done?.()}>${t.measureLink}</a></p>
    </fieldset>
    <div class="field">
      <label for="${id}-method">${t.method}</label>
      <select id="${id}-method" class="input" onChange=${(e) => setMethod(e.target.value)}>
        ${(info?.methods.cluster ?? ["leiden"]).map((one) => html`<option key=${one} value=${one} selected=${one === method}>${methodName(info, one)}</option>`)}
      </select>
      <p class="muted small-text theirs" lang="en">${own(clusterers, method)?.summary ?? ""}</p>
    </div>
    ${again && html`<label class="check"><input type="checkbox" checked=${fresh} onChange=${(e) => setFresh(e.target.checked)} />${t.fresh}</label>`}
    <footer class="row wrap ${again ? "dialog-buttons" : ""}">
      <button class="button primary" disabled=${busy || (fixed && !self && !(n >= 1))}>${action}</button>
      ${!again && html`<span class="muted small-text">${t.images(images)}</span>`}
    </footer>
  </form>`;
}
