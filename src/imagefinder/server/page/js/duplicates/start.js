// Looking for duplicates: the panel before the first search, and the dialog to search again.
import { html, useId, useState } from "../../vendor/preact.js";
import { openDialog } from "../components/dialog.js";
import { NoPictures } from "../components/empty.js";
import { Icon } from "../components/icon.js";
import { Progress } from "../components/progress.js";
import { percent } from "../format.js";
import { isRunning, startJob, useJobs } from "../jobs.js";
import { useIndex } from "../library_info.js";
import { texts } from "../texts.js";
import { TIERS } from "./words.js";

const said = texts.duplicates;

export const useSearching = () => useJobs().find((job) => job.kind === "duplicates" && isRunning(job));

export function StartPanel({ why }) {
  const { info } = useIndex();
  const job = useSearching();
  if (info?.images < 2) return html`<h1 class="visually-hidden">${said.title}</h1><${NoPictures} icon="duplicates" title=${info.images ? said.tooFew : undefined} text=${said.startText} />`;
  return html`<div class="page narrow"><section class="card start stack" data-testid="start">
    <span class="empty-icon"><${Icon} name="duplicates" /></span>
    <h1 tabindex="-1">${said.startTitle}</h1>
    <p class="muted">${said.startText}</p>
    ${job
      ? html`<${Progress} job=${job} />`
      : why
        ? html`<p class="note">${said.nobodySearched}</p>`
        : html`<${SearchForm} action=${said.find} />`}
  </section></div>`;
}

export const askToSearch = () =>
  openDialog(said.askAgain, (close) => html`<div class="stack">
    <p>${said.staysDecided}</p><${SearchForm} action=${said.searchAgain} done=${() => close(true)} />
  </div>`);

function SearchForm({ action, done }) {
  const [tier, setTier] = useState("same-picture");
  const [similar, setSimilar] = useState(0.8);
  const [keep, setKeep] = useState("");
  const id = useId();
  const submit = async (event) => {
    event.preventDefault();
    const options = { tier, ...(tier === "similar" ? { similar } : {}), ...(keep ? { keep: [keep] } : {}) };
    if (await startJob("duplicates", options)) done?.();
  };
  return html`<form class="stack" onSubmit=${submit}>
    <fieldset class="tier-choice">
      <legend>${said.howAlikeStricter}</legend>
      ${TIERS.map(([name, title, text]) => html`<label key=${name}>
        <input type="radio" name="${id}-tier" checked=${name === tier} onChange=${() => setTier(name)} />
        <span><strong>${title}</strong><span class="muted small-text">${text}</span></span></label>`)}
    </fieldset>
    ${tier === "similar" && html`<div class="field"><label for="${id}-similar">${said.atLeast(html`<output>${percent(similar)}</output>`)}</label>
      <input id="${id}-similar" type="range" min="0.6" max="0.99" step="0.01" value=${similar} onInput=${(e) => setSimilar(e.target.valueAsNumber)} /></div>`}
    <div class="field"><label for="${id}-keep">${said.suggestToKeep}</label>
      <select id="${id}-keep" class="input" onChange=${(e) => setKeep(e.target.value)}>
        ${Object.entries(said.rules).map(([rule, words]) => html`<option key=${rule} value=${rule} selected=${rule === keep}>${words}</option>`)}
      </select></div>
    <footer><button class="button primary">${action}</button></footer>
  </form>`;
}
