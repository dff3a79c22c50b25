// Axes that mean something: asking for them, and saying on the map which they are.
import { html, useEffect, useId, useRef, useState } from "../../vendor/preact.js";
import { someOf } from "../actions/doing.js";
import { Icon } from "../components/icon.js";
import { Popover } from "../components/popover.js";
import { Thumb } from "../components/thumb.js";
import { setParams } from "../state.js";
import { texts } from "../texts.js";

const ID = /id:([0-9a-f-]{36})/g;
const MOST = 12; // pictures that make one axis

/** The ids of the pictures that an axis is made of, if it is made of pictures. */
export const picturesOf = (query) => Array.from(query.matchAll(ID), ([, id]) => id);
/** The query of an axis for some pictures, evenly out of all that are given. */
export const axisOf = (ids) => someOf(ids, MOST).map((id) => `id:${id}`).join(" + ");
/** What an axis is called in words. */
export const axisName = (query) => (picturesOf(query).length ? texts.map.byPictures(picturesOf(query).length) : query);

/** @param {{x: string, y: string}} props */
export function AxesChoice({ x, y }) {
  const button = html`<${Icon} name="across" /><b>${texts.map.axes}</b>`;
  return html`<span class="map-layout"><${Popover} button=${button} label=${texts.map.axesTitle} class="map-layout-button" pressed=${Boolean(x || y)} testid="axes">
    ${(close) => html`<${AxesForm} ...${{ x, y, close }} />`}
  <//></span>`;
}

function AxesForm({ x, y, close }) {
  const [across, setAcross] = useState(x);
  const [up, setUp] = useState(y);
  const arrange = (axes) => {
    close();
    setParams({ ...axes, view: null });
  };
  const submit = (event) => {
    event.preventDefault();
    arrange({ x: across.trim(), y: up.trim() });
  };
  return html`<form class="stack map-axes" onSubmit=${submit} data-testid="axes-form">
    <p class="muted small-text">${texts.map.axesText}</p>
    <${Field} label=${texts.map.across} value=${across} onChange=${setAcross} first />
    <${Field} label=${texts.map.up} value=${up} onChange=${setUp} />
    <div class="row">
      <button class="button primary small" disabled=${!across.trim() && !up.trim()}>${texts.map.arrange}</button>
      ${(x || y) && html`<button type="button" class="button small" onClick=${() => arrange({ x: null, y: null })}>${texts.map.backToMap}</button>`}
    </div>
  </form>`;
}

function Field({ label, value, onChange, first }) {
  const id = useId();
  const ids = picturesOf(value);
  const input = useRef(null);
  useEffect(() => void (first && input.current?.focus()), []);
  return html`<div class="field">
    <label for=${id}>${label}</label>
    ${ids.length
      ? html`<div id=${id} class="row"><${Pictures} ids=${ids} /><span class="grow">${axisName(value)}</span>
          <button type="button" class="icon-button" aria-label=${texts.map.takeAxis(label)} onClick=${() => onChange("")}><${Icon} name="close" /></button></div>`
      : html`<input id=${id} class="input" autocomplete="off" maxlength="200" ref=${input} value=${value} onInput=${(e) => onChange(e.target.value)} />`}
  </div>`;
}

const Pictures = ({ ids }) => ids.slice(0, 3).map((id) => html`<span key=${id} class="map-axis-picture"><${Thumb} image=${{ id }} size=${28} alt="" /></span>`);

/** The names of the axes at the edges of the map. */
export function AxisLabels({ x, y }) {
  return html`${x && html`<${AxisLabel} query=${x} side="across" />`}${y && html`<${AxisLabel} query=${y} side="up" />`}`;
}

function AxisLabel({ query, side }) {
  const [high, low] = /^(.+) - ([^-+]+)$/.exec(query)?.slice(1) ?? [query, ""]; // "day - night" has a name at each end
  return html`<div class="map-axis ${side}" data-testid="axis-${side}">
    <span>${low}</span><span class="map-axis-line" aria-hidden="true">→</span>
    <span class="row"><${Pictures} ids=${picturesOf(query)} />${axisName(high)}</span>
  </div>`;
}
