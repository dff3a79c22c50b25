// How pictures are compared: by which models, by which measure, and how several rank together.
import { html, useState } from "../../vendor/preact.js";
import { FUSES } from "../searching.js";
import { setParams } from "../state.js";
import { texts } from "../texts.js";

const words = texts.filters;
const MEASURES = { "": words.cosine, euclidean: words.euclidean, "cosine,euclidean": words.both };
const set = (changes) => setParams(changes, { replace: true });

/** Whether anything but the usual is chosen. */
export const comparesOtherwise = (search) => search.spaces.length > 0 || search.measures.length > 0;

export function Comparing({ search, info }) {
  const [open] = useState(comparesOtherwise(search)); // by itself it neither opens nor closes under somebody's hand
  const models = [...new Set(Object.values(info?.spaces ?? {}).map((space) => space.model))];
  const chosen = search.measures.length === 1 && search.measures[0] === "cosine" ? "" : search.measures.join();
  const toggle = (model) => set({ spaces: search.spaces.includes(model) ? search.spaces.filter((one) => one !== model) : [...search.spaces, model] });
  const several = search.spaces.length > 1 || search.measures.length > 1;
  return html`<details class="comparing" open=${open}><summary>${words.advancedOptions}</summary><div class="stack tight">
    ${models.length > 1 && html`<fieldset class="stack tight" data-testid="models-asked"><legend>${words.models}</legend>
      ${models.map((model) => html`<label key=${model} class="check"><input type="checkbox" checked=${search.spaces.includes(model)} onChange=${() => toggle(model)} /><span class="ellipsis">${model}</span></label>`)}
      <p class="muted small-text">${search.spaces.length ? words.modelsTogether : words.modelInUse}</p>
    </fieldset>`}
    <fieldset class="segments"><legend>${words.compareBy}</legend>
      <div class="row">${Object.entries(MEASURES).map(
        ([value, text]) => html`<label key=${value}><input type="radio" name="measure" checked=${value === chosen} onChange=${() => set({ measures: value })} /><span>${text}</span></label>`,
      )}</div>
    </fieldset>
    ${several && html`<fieldset class="segments"><legend>${words.togetherBy}</legend>
      <div class="row">${Object.entries(FUSES).map(
        ([value, text]) => html`<label key=${value}><input type="radio" name="fuse" checked=${value === search.fuse} onChange=${() => set({ fuse: value === "mean" ? null : value })} /><span>${text}</span></label>`,
      )}</div>
    </fieldset>`}
  </div></details>`;
}
