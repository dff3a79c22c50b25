// What the colours mean, folded away where the names stand on the map itself. A kind can be clicked to light its points.
import { html, useState } from "../../vendor/preact.js";
import { date, number } from "../format.js";
import { ALONG } from "../language.js";
import { own } from "../table.js";
import { texts } from "../texts.js";
import { kindColour, scaleStops } from "./palette.js";

const FIRST_SHOWN = 40;

/** @param {{field: string, values: object, dark: boolean, lit: string | null, onLight: (name: string | null) => void}} props */
export function Legend({ field, values, dark, lit, onLight }) {
  const title = own(texts.map.colours, field) ?? field;
  return html`<details class="map-legend map-panel" open=${Boolean(values.scale)} data-testid="legend">
    <summary><span>${title}</span>${lit && html`<span class="chip accent">${texts.map.oneLit}</span>`}</summary>
    <div class="map-legend-body" tabindex="0" role="group" aria-label=${texts.map.coloursOf(title)}>
      ${values.kinds && html`<${Kinds} ...${{ values, dark, lit, onLight }} />`}
      ${values.scale && html`<${Scale} ...${{ values, dark }} />`}
      ${values.missing > 0 && html`<p class="muted small-text">${texts.map.without(values.missing)}</p>`}
    </div>
  </details>`;
}

function Kinds({ values, dark, lit, onLight }) {
  const [all, setAll] = useState(false);
  const shown = all ? values.kinds : values.kinds.slice(0, FIRST_SHOWN);
  if (!values.kinds.length) return html`<p class="muted small-text">${texts.map.noneHas}</p>`;
  return html`<ul>
      ${shown.map((kind, i) => {
        const isLit = String(kind.value) === lit;
        return html`<li key=${kind.value}>
          <button class="map-kind" aria-pressed=${isLit} data-testid="legend-item" data-value=${kind.value}
            onClick=${() => onLight(isLit ? null : String(kind.value))}>
            <span class="map-swatch" style=${{ background: kindColour(i, dark) }} />
            <span class="ellipsis grow">${kind.name}</span>
            <span class="muted number">${number(kind.count)}</span>
          </button>
        </li>`;
      })}
    </ul>
    ${values.kinds.length > shown.length &&
    html`<button class="button small quiet" onClick=${() => setAll(true)}>${texts.map.showAll(values.kinds.length)}</button>`}
    ${values.rest > 0 && html`<p class="muted small-text">${texts.map.rarer(values.rest)}</p>`}`;
}

function Scale({ values: { scale }, dark }) {
  const show = (value) => (scale.is_date ? date(new Date(value).toISOString()) : number(Math.round(value * 100) / 100));
  return html`<div class="map-scale" style=${{ background: `linear-gradient(to ${ALONG > 0 ? "right" : "left"}, ${scaleStops(dark).join()})` }} />
    <div class="spread small-text number"><span>${show(scale.low)}</span><span>${show(scale.high)}</span></div>`;
}
