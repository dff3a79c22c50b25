// Two images of a group beside each other, on each other, or as their difference; zoomed and moved together.
import { html, useId, useLayoutEffect, useRef, useState } from "../../vendor/preact.js";
import { api, thumbnail, useRequest } from "../api.js";
import { Dialog } from "../components/dialog.js";
import { Icon } from "../components/icon.js";
import { Thumb } from "../components/thumb.js";
import { fileName } from "../format.js";
import { FactsTable } from "./facts.js";
import { imagesOf, removable } from "./report.js";
import { evidenceWords } from "./words.js";
import { WHOLE, transformOf, useZoom, zoomed } from "./zoom.js";

const MODES = { side: "Side by side", swipe: "Swipe", difference: "Difference" };

/** @param {{group: object, keepId: string | null, chosen: boolean, onClose: () => void, on: object, why: string | null}} props */
export function Compare({ group, keepId, chosen, onClose, on, why }) {
  const images = imagesOf(group);
  const keep = images.find((one) => one.id === keepId) ?? group.keep;
  const others = images.filter((one) => one !== keep);
  const gone = removable(group, keepId, chosen);
  const name = keepId === null ? "First" : "Keep";
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
  return html`<${Dialog} bare class="compare" label="Compare two images" onClose=${onClose}>
    <div class="compare-frame" data-testid="compare">
      <header class="compare-bar">
        <button class="icon-button" aria-label="Close" onClick=${onClose}><${Icon} name="close" /></button>
        <div class="segmented" role="group" aria-label="How to compare">
          ${Object.entries(MODES).map(([name, words]) => html`<button key=${name} class="button small" aria-pressed=${mode === name} onClick=${() => setMode(name)}>${words}</button>`)}
        </div>
        <p class="grow ellipsis compare-evidence">${what && html`<strong>${what}</strong>`} ${how && html`<span class="muted small-text">${how}</span>`}</p>
        <${ZoomButtons} zoom=${zoom} />
      </header>
      ${others.length > 1 && html`<${Picker} ...${{ others, other, setOtherId }} />`}
      <${Panes} ...${{ mode, keep, other, zoom, name }} mirrored=${direct && other.edits?.includes("mirrored")} />
      <div class="compare-foot">
        <${FactsTable} a=${left} b=${right} names=${[name, "Other"]} />
        ${!why && html`<div class="compare-actions">
          ${keepId === null && html`<button class="button" onClick=${() => on.keep(group, keep)}>Keep the first</button>`}
          <button class="button" onClick=${() => on.keep(group, other)}>${keepId === null ? "Keep the other" : "Keep the other instead"}</button>
          <button class="button" onClick=${() => on.decide(group, "not-duplicate")}>Not duplicates</button>
          <button class="button" onClick=${() => on.decide(group, "keep-both")}>${others.length > 1 ? "Keep all" : "Keep both"}</button>
          ${gone.length > 0 && html`<button class="button danger" onClick=${() => on.trash(group)}><${Icon} name="trash" />
            Trash ${others.length > 1 ? `the other ${gone.length}` : "the other"}</button>`}
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
    ${button("zoomOut", "Zoom out (−)", (now) => zoomed(now, 1 / 1.5))}
    <span class="number small-text" aria-live="polite">${Math.round(view.scale * 100)} %</span>
    ${button("zoomIn", "Zoom in (+)", (now) => zoomed(now, 1.5))}
    ${button("fit", "Whole picture (0)", WHOLE)}
  </div>`;
}

function Picker({ others, other, setOtherId }) {
  return html`<div class="compare-picker" role="group" aria-label="Compare with">
    ${others.map((one) => html`<button key=${one.id} aria-pressed=${one.id === other.id} aria-label=${fileName(one.uri)} onClick=${() => setOtherId(one.id)}><${Thumb} image=${one} size=${56} /></button>`)}
  </div>`;
}

function Panes({ mode, keep, other, zoom, name, mirrored }) {
  const [cut, setCut] = useState(50);
  const id = useId();
  const transform = transformOf(zoom.view);
  const picture = (image, extra, style) => html`<img class="pane-picture ${extra}" src=${thumbnail(image, 1024)} alt=${fileName(image.uri)} draggable=${false} style=${{ transform, ...style }} />`;
  const turned = mirrored ? `${transform} scaleX(-1)` : transform;
  if (mode === "side") {
    return html`<div class="panes side" ref=${zoom.ref} key="panes" ...${zoom.handlers}>
      <figure class="pane"><span class="pane-name">${name}</span>${picture(keep, "")}</figure>
      <figure class="pane"><span class="pane-name">Other</span>${picture(other, "")}</figure>
    </div>`;
  }
  return html`<div class="panes" ref=${zoom.ref} key="panes" ...${zoom.handlers}>
    <figure class="pane ${mode}">
      ${picture(keep, "")}
      <div class="pane-over" style=${{ clipPath: mode === "swipe" ? `inset(0 0 0 ${cut}%)` : "none" }}>${picture(other, "", { transform: turned })}</div>
      ${mode === "swipe" && html`<span class="pane-cut" style=${{ left: `${cut}%` }}></span><span class="pane-name">${name}</span><span class="pane-name right">Other</span>`}
    </figure>
    ${mode === "swipe"
      ? html`<label class="visually-hidden" for=${id}>How much of the other is shown</label><input id=${id} class="swipe-range" type="range" min="0" max="100" value=${cut} onInput=${(e) => setCut(e.target.valueAsNumber)} />`
      : html`<p class="muted small-text pane-note">Black where the two are the same.${mirrored ? " The other is mirrored back." : ""} A cropped or turned duplicate doesn't lie on the other.</p>`}
  </div>`;
}
