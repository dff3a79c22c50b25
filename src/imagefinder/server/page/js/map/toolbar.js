// The map's controls: which layout, which colours, words that light it, and moving about.
import { html, useLayoutEffect, useState } from "../../vendor/preact.js";
import { Icon } from "../components/icon.js";
import { Popover } from "../components/popover.js";
import { useIndex } from "../library_info.js";
import { fitting } from "../search/sure.js";
import { setParams } from "../state.js";
import { own } from "../table.js";
import { texts } from "../texts.js";
import { METHODS, makeMap, methodName } from "./making.js";
import { COLOURS } from "./source.js";

const OWN_ORDER = ["tsne", "umap", "pacmap", "pca"];

/** @param {{method: string, made: string[], field: string}} props `made`: methods of which there is a map */
export function Choices({ method, made, field }) {
  return html`<${Layouts} method=${method} made=${made} />
    <label class="map-choice"><span>${texts.map.colour}</span>
      <select data-testid="colour" value=${field} onChange=${(e) => setParams({ colour: e.target.value, light: null })}>
        ${COLOURS.map((name) => html`<option key=${name} value=${name}>${texts.map.colours[name]}</option>`)}
        ${!COLOURS.includes(field) && field !== "none" && html`<option value=${field}>${field}</option>`}
        <option value="none">${texts.map.oneColour}</option>
      </select></label>`;
}

/** The layouts, with a line on each; choosing one that isn't made makes it. */
function Layouts({ method, made }) {
  const { info } = useIndex();
  const methods = [...new Set([...OWN_ORDER, ...(info?.methods.map ?? [])])];
  const choose = (one, close) => {
    close();
    setParams({ method: one, view: null });
    if (!made.includes(one)) makeMap(info, one);
  };
  const state = (one) => (made.includes(one) ? "" : own(info?.not_installed, one) ? texts.map.notInstalled : texts.map.notMade);
  const button = html`<span class="muted">${texts.map.layout}</span><b class="ellipsis">${methodName(method)}</b><${Icon} name="down" />`;
  return html`<span class="map-layout"><${Popover} button=${button} label=${`${texts.map.layout}: ${methodName(method)}`} class="map-layout-button" testid="method">
    ${(close) => html`<div class="map-layouts">
      ${methods.map((one) => html`<button key=${one} class="map-layout-choice" aria-pressed=${one === method} onClick=${() => choose(one, close)} data-testid="method-choice" data-method=${one}>
        <b>${methodName(one)}</b><span class="small-text">${METHODS[one]?.[1]}</span>
        ${state(one) && html`<span class="muted small-text">${state(one)}</span>`}
      </button>`)}
    </div>`}
  <//></span>`;
}

/** @param {{words: string, hits: object, searching: boolean}} props */
export function WordsBox({ words, hits }) {
  const { info } = useIndex();
  const [text, setText] = useState(words);
  useLayoutEffect(() => setText(words), [words]);
  const submit = (event) => {
    event.preventDefault();
    setParams({ q: text.trim(), light: null });
  };
  const clear = () => setParams({ q: null, liked: null, disliked: null });
  if (info?.understands_words === false && !hits.asked) return html`<span class="muted small-text map-note">${texts.map.readsNoWords}</span>`;
  const steered = texts.map.steered(hits.liked, hits.disliked);
  return html`<form class="map-words" role="search" aria-label=${texts.map.onTheMap} onSubmit=${submit}>
    <input type="search" data-testid="map-words" aria-label=${texts.map.highlight} placeholder=${texts.map.highlight}
      enterkeyhint="search" autocomplete="off" value=${text} onInput=${(e) => setText(e.target.value)}
      onKeyDown=${(e) => e.key === "Escape" && (setText(""), clear())} />
    ${steered && html`<span class="chip accent">${steered}</span>`}
    ${hits.asked && html`<span class="muted small-text number" role="status">${hits.searching ? "…" : found(hits)}</span>`}
    ${hits.asked && html`<button type="button" class="icon-button" aria-label=${texts.map.clearWords} onClick=${clear}><${Icon} name="close" /></button>`}
  </form>`;
}

/** "23 surely, 9 maybe" */
function found({ points, surely, maybe }) {
  if (!points) return "";
  return surely === null && points.length ? texts.map.most(points.length) : fitting({ surely, maybe });
}

/** @param {{surface: () => object, lassoing: boolean, pictures: boolean, names: boolean, onLasso: () => void, onShow: (what: string, on: boolean) => void, onSelectView: () => void, onPicture: () => void}} props */
export function Tools({ surface, lassoing, pictures, names, onLasso, onShow, onSelectView, onPicture }) {
  return html`<div class="map-tools map-panel" role="toolbar" aria-label=${texts.map.tools}>
    <${Tool} icon="lasso" label=${texts.map.lasso} pressed=${lassoing} onClick=${onLasso} testid="lasso" />
    <${Tool} icon="box" label=${texts.map.selectView} onClick=${onSelectView} testid="select-view" />
    <${Tool} icon="image" label=${texts.map.pictures} pressed=${pictures} onClick=${() => onShow("pictures", !pictures)} testid="pictures" />
    <${Tool} icon="text" label=${texts.map.names} pressed=${names} onClick=${() => onShow("names", !names)} testid="names" />
    <${Tool} icon="download" label=${texts.map.picture} onClick=${onPicture} testid="save-picture" />
    <hr />
    <${Tool} icon="plus" label=${texts.map.zoomIn} onClick=${() => surface().zoomBy(1.6)} testid="zoom-in" />
    <${Tool} icon="minus" label=${texts.map.zoomOut} onClick=${() => surface().zoomBy(1 / 1.6)} testid="zoom-out" />
    <${Tool} icon="fit" label=${texts.map.fit} onClick=${() => surface().fit()} testid="fit" />
  </div>`;
}

const Tool = ({ icon, label, pressed, onClick, testid }) =>
  html`<button class="icon-button" aria-label=${label} title=${label} aria-pressed=${pressed} onClick=${onClick} data-testid=${testid}>
    <${Icon} name=${icon} /></button>`;
