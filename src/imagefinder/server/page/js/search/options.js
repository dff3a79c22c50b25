// How the results are shown: order, size of the pictures, and for a search what is left out.
import { html, useId, useLayoutEffect, useState } from "../../vendor/preact.js";
import { Icon } from "../components/icon.js";
import { Popover } from "../components/popover.js";
import { useIndex } from "../library_info.js";
import { setParams } from "../state.js";
import { keptStore, useStore } from "../store.js";
import { texts } from "../texts.js";
import { Comparing, comparesOtherwise } from "./comparing.js";

/** @type {ReturnType<typeof keptStore<"small" | "medium" | "large">>} */
export const pictureSize = keptStore("picture-size", "medium");

const set = (changes) => setParams(changes, { replace: true });

export function Options({ search, query, results }) {
  const size = useStore(pictureSize);
  const { info } = useIndex();
  const changed = query && (comparesOtherwise(search) || search.collapse || search.diversity > 0 || search.minScore !== null || search.sameCluster);
  return html`<${Popover} align="end" class="icon-button ${changed ? "on" : ""}" label=${texts.search.options} testid="options" button=${html`<${Icon} name="options" />`}>
    ${() => html`<div class="menu-body stack options">
      <fieldset class="segments"><legend>${texts.search.sizes}</legend>
        <div class="row">${[...texts.search.sizeNames].map(
          ([name, text]) => html`<label key=${name}><input type="radio" name="picture-size" checked=${name === size} onChange=${() => pictureSize.set(name)} /><span>${text}</span></label>`,
        )}</div>
      </fieldset>
      ${query && html`
        <label class="check"><input type="checkbox" checked=${search.collapse} onChange=${(e) => set({ collapse: e.target.checked })} />${texts.search.collapse}</label>
        <label class="check"><input type="checkbox" checked=${search.sameCluster} disabled=${!info?.clustered && !search.sameCluster} onChange=${(e) => set({ same_cluster: e.target.checked })} />${texts.search.sameCluster}${info?.clustered === false ? html`<span class="muted small-text">${texts.search.notGrouped}</span>` : ""}</label>
        <${Dial} name="diversity" value=${search.diversity} />
        <${Dial} name="min_score" value=${search.minScore ?? 0} />
        <${Comparing} search=${search} info=${info} />
        ${!results.approximate && !search.exact && html`<p class="muted small-text" data-testid="all-compared">${texts.search.exactTold}</p>`}
      `}
    </div>`}
  <//>`;
}

/** A slider from 0 (off) to 1 that asks only when it rests. */
function Dial({ name, value }) {
  const [now, setNow] = useState(value);
  const id = useId();
  useLayoutEffect(() => setNow(value), [value]);
  const [title, low, high] = texts.search.dials.get(name);
  return html`<div class="field dial">
    <label for=${id} class="spread">${title}<output class="muted number">${now > 0 ? now.toFixed(2) : texts.search.off}</output></label>
    <input id=${id} type="range" min="0" max="1" step="0.05" value=${now} onInput=${(e) => setNow(e.target.valueAsNumber)}
      onChange=${(e) => set({ [name]: e.target.valueAsNumber > 0 ? e.target.value : null })} />
    <div class="spread muted small-text"><span>${low}</span><span>${high}</span></div>
  </div>`;
}
