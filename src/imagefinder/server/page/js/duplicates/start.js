// Looking for duplicates: the panel before the first search, and the dialog to search again.
import { html, useId, useState } from "../../vendor/preact.js";
import { openDialog } from "../components/dialog.js";
import { Icon } from "../components/icon.js";
import { Progress } from "../components/progress.js";
import { percent } from "../format.js";
import { isRunning, startJob, useJobs } from "../jobs.js";
import { useIndex } from "../library_info.js";
import { TIERS } from "./words.js";

export const useSearching = () => useJobs().find((job) => job.kind === "duplicates" && isRunning(job));

const KEEP = { "": "The best quality: most pixels, then format", oldest: "The oldest file", bytes: "The largest file", path: "The shortest path" };

export function StartPanel({ why }) {
  const { info } = useIndex();
  const job = useSearching();
  return html`<div class="page narrow"><section class="card start stack" data-testid="start">
    <span class="empty-icon"><${Icon} name="duplicates" /></span>
    <h1 tabindex="-1">Find pictures you have twice</h1>
    <p class="muted">Also those that were re-encoded, resized, cropped or mirrored. Each pair is laid on each other and compared,
      and you see what shows that they are duplicates. Searching changes nothing.</p>
    ${job
      ? html`<${Progress} job=${job} />`
      : info?.images < 2
        ? html`<p class="note">There are too few images. <a href="/library">Add some in the library</a>.</p>`
        : why
          ? html`<p class="note">Nobody has looked for duplicates yet, and this server only shows what is there.</p>`
          : html`<${SearchForm} action="Find duplicates" />`}
  </section></div>`;
}

export const askToSearch = () =>
  openDialog("Search for duplicates again", (close) => html`<div class="stack">
    <p>What you decided about pairs stays decided.</p><${SearchForm} action="Search again" done=${() => close(true)} />
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
      <legend>How alike? Stricter kinds are always found too.</legend>
      ${TIERS.map(([name, title, text]) => html`<label key=${name}>
        <input type="radio" name="${id}-tier" checked=${name === tier} onChange=${() => setTier(name)} />
        <span><strong>${title}</strong><span class="muted small-text">${text}</span></span></label>`)}
    </fieldset>
    ${tier === "similar" && html`<div class="field"><label for="${id}-similar">At least <output>${percent(similar)}</output> alike</label>
      <input id="${id}-similar" type="range" min="0.6" max="0.99" step="0.01" value=${similar} onInput=${(e) => setSimilar(e.target.valueAsNumber)} /></div>`}
    <div class="field"><label for="${id}-keep">Of duplicates, suggest to keep</label>
      <select id="${id}-keep" class="input" onChange=${(e) => setKeep(e.target.value)}>
        ${Object.entries(KEEP).map(([rule, words]) => html`<option key=${rule} value=${rule} selected=${rule === keep}>${words}</option>`)}
      </select></div>
    <footer><button class="button primary">${action}</button></footer>
  </form>`;
}
