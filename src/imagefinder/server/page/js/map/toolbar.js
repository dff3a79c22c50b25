// The map's controls: which map, which colours, words that light it, and moving about.
import { html, useLayoutEffect, useState } from "../../vendor/preact.js";
import { Icon } from "../components/icon.js";
import { number } from "../format.js";
import { useIndex } from "../library_info.js";
import { setParams } from "../state.js";
import { own } from "../table.js";
import { methodName } from "./making.js";
import { COLOURS } from "./source.js";

const OWN_ORDER = ["tsne", "umap", "pacmap", "pca"];

/** @param {{method: string, made: string[], field: string}} props `made`: methods of which there is a map */
export function Choices({ method, made, field }) {
  const { info } = useIndex();
  const rest = (one) => (made.includes(one) ? "" : own(info?.not_installed, one) ? " (not installed)" : " (not made yet)");
  const methods = [...new Set([...OWN_ORDER, ...(info?.methods.map ?? [])])];
  return html`<label class="map-choice"><span>Map</span>
      <select data-testid="method" value=${method} onChange=${(e) => setParams({ method: e.target.value, view: null })}>
        ${methods.map((one) => html`<option key=${one} value=${one}>${methodName(one)}${rest(one)}</option>`)}
      </select></label>
    <label class="map-choice"><span>Colour</span>
      <select data-testid="colour" value=${field} onChange=${(e) => setParams({ colour: e.target.value, light: null })}>
        ${COLOURS.map(([name, title]) => html`<option key=${name} value=${name}>${title}</option>`)}
        ${COLOURS.every(([name]) => name !== field) && field !== "none" && html`<option value=${field}>${field}</option>`}
        <option value="none">One colour</option>
      </select></label>`;
}

/** @param {{words: string, lit: number | null, searching: boolean}} props `lit`: how many hits are on the map */
export function WordsBox({ words, lit, searching }) {
  const { info } = useIndex();
  const [text, setText] = useState(words);
  useLayoutEffect(() => setText(words), [words]);
  const submit = (event) => {
    event.preventDefault();
    setParams({ q: text.trim(), light: null });
  };
  if (info?.understands_words === false) return html`<span class="muted small-text">The model in use reads no words to light up.</span>`;
  return html`<form class="map-words" role="search" aria-label="On the map" onSubmit=${submit}>
    <input type="search" data-testid="map-words" aria-label="Light up what these words find" placeholder="Light up: words"
      enterkeyhint="search" autocomplete="off" value=${text} onInput=${(e) => setText(e.target.value)}
      onKeyDown=${(e) => e.key === "Escape" && (setText(""), setParams({ q: null }))} />
    ${words && html`<span class="muted small-text number" role="status">${searching ? "…" : lit !== null && `best ${number(lit)}`}</span>`}
    ${words && html`<button type="button" class="icon-button" aria-label="Clear the words" onClick=${() => setParams({ q: null })}><${Icon} name="close" /></button>`}
  </form>`;
}

/** @param {{surface: () => object, lassoing: boolean, pictures: boolean, onLasso: () => void, onPictures: () => void, onSelectView: () => void}} props */
export function Tools({ surface, lassoing, pictures, onLasso, onPictures, onSelectView }) {
  return html`<div class="map-tools map-panel" role="toolbar" aria-label="Map">
    <${Tool} icon="lasso" label="Draw a line round images to select them (or shift and drag)" pressed=${lassoing} onClick=${onLasso} testid="lasso" />
    <${Tool} icon="box" label="Select all that is in view" onClick=${onSelectView} testid="select-view" />
    <${Tool} icon="image" label="Show pictures" pressed=${pictures} onClick=${onPictures} testid="pictures" />
    <hr />
    <${Tool} icon="plus" label="Zoom in (+)" onClick=${() => surface().zoomBy(1.6)} testid="zoom-in" />
    <${Tool} icon="minus" label="Zoom out (−)" onClick=${() => surface().zoomBy(1 / 1.6)} testid="zoom-out" />
    <${Tool} icon="fit" label="Show the whole map (0)" onClick=${() => surface().fit()} testid="fit" />
  </div>`;
}

const Tool = ({ icon, label, pressed, onClick, testid }) =>
  html`<button class="icon-button" aria-label=${label} title=${label} aria-pressed=${pressed} onClick=${onClick} data-testid=${testid}>
    <${Icon} name=${icon} /></button>`;
