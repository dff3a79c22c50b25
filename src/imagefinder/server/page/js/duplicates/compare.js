// Two images of a group beside each other, laid on each other, or as their difference; zoomed and moved together.
import { html, useId, useLayoutEffect, useRef, useState } from "../../vendor/preact.js";
import { api, thumbnail, useRequest } from "../api.js";
import { Dialog } from "../components/dialog.js";
import { Icon } from "../components/icon.js";
import { Thumb } from "../components/thumb.js";
import { fileName } from "../format.js";
import { texts } from "../texts.js";
import { bytes } from "../units.js";
import { FactsTable } from "./facts.js";
import { between, cropOf } from "./geometry.js";
import { Overlay, PartShown } from "./overlay.js";
import { bytesOf, imagesOf, removable } from "./report.js";
import { evidenceWords, isCopy } from "./words.js";
import { WHOLE, transformOf, useZoom, zoomed } from "./zoom.js";

const said = texts.duplicates;

/** @param {{group: object, keepId: string | null, chosen: boolean, onClose: () => void, on: object, why: string | null}} props */
export function Compare({ group, keepId, chosen, onClose, on, why }) {
  const images = imagesOf(group);
  const keep = images.find((one) => one.id === keepId) ?? group.keep;
  const others = images.filter((one) => one !== keep);
  const gone = removable(group, keepId, chosen);
  const name = keepId === null ? said.first : said.keep;
  const [otherId, setOtherId] = useState(others[0].id);
  const [mode, setMode] = useState("side");
  const other = others.find((one) => one.id === otherId) ?? others[0];
  const zoom = useZoom();
  const left = useRecord(keep);
  const right = useRecord(other);
  const direct = keep === group.keep; // the evidence is about the one that the server would keep
  const [what, how] = direct ? evidenceWords(other) : ["", ""];
  const latest = useRef(null);
  latest.current = (event) => {
    if (event.target.closest?.("input:not([type=range])") || !isOnTop() || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { "+": 1.5, "=": 1.5, "-": 1 / 1.5 }[event.key];
    if (step) zoom.setView((now) => zoomed(now, step));
    else if (event.key === "0") zoom.setView(WHOLE);
    else if (!why && event.key === "t") on.trash(group);
    else if (!why && event.key === "b") on.decide(group, "keep-both");
    else if (!why && event.key === "n") on.decide(group, "not-duplicate");
    else return;
    event.preventDefault();
  };
  useLayoutEffect(() => {
    const keys = (event) => latest.current(event); // of the whole page: a click on a picture leaves no element focused
    addEventListener("keydown", keys);
    return () => removeEventListener("keydown", keys);
  }, []);
  return html`<${Dialog} bare class="compare" label=${said.compareTwo} onClose=${onClose}>
    <div class="compare-frame" data-testid="compare">
      <header class="compare-bar">
        <button class="icon-button" aria-label=${said.close} onClick=${onClose}><${Icon} name="close" /></button>
        <div class="segmented" role="group" aria-label=${said.howToCompare}>
          ${Object.entries(said.modes).map(([name, words]) => html`<button key=${name} class="button small" aria-pressed=${mode === name} onClick=${() => setMode(name)}>${words}</button>`)}
        </div>
        <p class="grow ellipsis compare-evidence">${what && html`<strong>${what}</strong>`} ${how && html`<span class="muted small-text">${how}</span>`}</p>
        <${ZoomButtons} zoom=${zoom} />
      </header>
      ${others.length > 1 && html`<${Picker} ...${{ others, other, setOtherId }} />`}
      <${Panes} ...${{ mode, keep, other, zoom, name }} matrix=${isCopy(group.tier) ? between(group, keep, other) : null} crop=${isCopy(group.tier) ? cropOf(group, keep, other) : null} />
      <div class="compare-foot">
        <${FactsTable} a=${left} b=${right} names=${[name, said.other]} crop=${isCopy(group.tier) ? cropOf(group, keep, other) : null} />
        ${!why && html`<div class="compare-actions">
          ${keepId === null && html`<button class="button" onClick=${() => on.keep(group, keep)}>${said.keepFirst}</button>`}
          <button class="button" onClick=${() => on.keep(group, other)}>${keepId === null ? said.keepOther : said.keepOtherInstead}</button>
          <button class="button" onClick=${() => on.decide(group, "not-duplicate")}>${said.notDuplicates}</button>
          <button class="button" onClick=${() => on.decide(group, "keep-both")}>${others.length > 1 ? said.keepAll : said.keepBoth}</button>
          ${gone.length > 0 && html`<button class="button trash" onClick=${() => on.trash(group)}><${Icon} name="trash" />
            ${said.trash(gone.length, isCopy(group.tier), bytes(bytesOf(gone)))}</button>`}
        </div>`}
      </div>
    </div>
  <//>`;
}

const isOnTop = () => [...document.querySelectorAll("dialog[open]")].at(-1)?.classList.contains("compare");

/** All that is known of an image; what the report says of it until that is there. */
function useRecord(image) {
  const { data, key } = useRequest(image.id, (signal) => api.get(`/images/${image.id}`, {}, { signal }));
  return key === image.id && data ? data : image;
}

function ZoomButtons({ zoom: { view, setView } }) {
  const button = (icon, label, next) => html`<button class="icon-button" aria-label=${label} title=${label} onClick=${() => setView(next)}><${Icon} name=${icon} /></button>`;
  return html`<div class="row zoom-buttons">
    ${button("zoomOut", said.zoomOut, (now) => zoomed(now, 1 / 1.5))}
    <span class="number small-text" aria-live="polite">${Math.round(view.scale * 100)} %</span>
    ${button("zoomIn", said.zoomIn, (now) => zoomed(now, 1.5))}
    ${button("fit", said.whole, WHOLE)}
  </div>`;
}

function Picker({ others, other, setOtherId }) {
  return html`<div class="compare-picker" role="group" aria-label=${said.compareWith}>
    ${others.map((one) => html`<button key=${one.id} aria-pressed=${one.id === other.id} aria-label=${fileName(one.uri)} onClick=${() => setOtherId(one.id)}><${Thumb} image=${one} size=${56} /></button>`)}
  </div>`;
}

function Panes({ mode, keep, other, zoom, name, matrix, crop }) {
  const [cut, setCut] = useState(50);
  const id = useId();
  const transform = transformOf(zoom.view);
  if (mode === "side") {
    const pane = (image, label) => html`<figure class="pane"><span class="pane-name">${label}</span>
      <div class="pane-picture" style=${{ transform }}><div class="pane-frame" style=${{ "--ratio": image.width / image.height || 1 }}>
        <img src=${thumbnail(image, 1024)} alt=${fileName(image.uri)} draggable=${false} />
        ${crop?.[2] === image && html`<${PartShown} matrix=${crop[0]} name=${fileName(crop[1].uri)} />`}
      </div></div></figure>`;
    return html`<div class="panes side" ref=${zoom.ref} key="panes" ...${zoom.handlers}>${pane(keep, name)}${pane(other, said.other)}</div>`;
  }
  const laid = matrix ? (crop ? said.laid : "") : said.notLaid;
  return html`<div class="panes" ref=${zoom.ref} key="panes" ...${zoom.handlers}>
    <figure class="pane ${mode}">
      <${Overlay} one=${keep} ...${{ other, matrix, mode, cut, transform }} />
      ${mode === "swipe" && html`<span class="pane-cut" style=${{ left: `${cut}%` }}></span><span class="pane-name">${name}</span><span class="pane-name right">${said.other}</span>`}
    </figure>
    ${mode === "swipe"
      ? html`<label class="visually-hidden" for=${id}>${said.howMuch}</label><input id=${id} class="swipe-range" type="range" min="0" max="100" value=${cut} onInput=${(e) => setCut(e.target.valueAsNumber)} />`
      : html`<p class="muted small-text pane-note">${[said.black, crop && said.dimmed, laid].filter(Boolean).join(" ")}</p>`}
  </div>`;
}
