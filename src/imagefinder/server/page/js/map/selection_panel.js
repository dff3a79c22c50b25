// The points that were selected: what to do with them, and all of them as a list of links, without the map.
import { html, useEffect, useMemo, useRef, useState } from "../../vendor/preact.js";
import { SelectionBar } from "../actions/bar.js";
import { MOST_PARTS, someOf } from "../actions/doing.js";
import { api } from "../api.js";
import { Icon } from "../components/icon.js";
import { Thumb } from "../components/thumb.js";
import { fileName } from "../format.js";
import { imageHref, listParam, place, setParams } from "../state.js";
import { texts } from "../texts.js";
import { useWalk } from "../viewing.js";
import { axisOf } from "./axes_panel.js";

const PAGE = 30;

/** @param {{source: object, points: Uint32Array, onClear: () => void, onShow: () => void}} props */
export function SelectionPanel({ source, points, onClear, onShow }) {
  const ids = () => Array.from(points, (point) => source.idOf(point)).filter(Boolean);
  const n = points.length;
  const action = (icon, name, onClick, testid, more = {}) =>
    html`<button type="button" class="button small" data-testid=${testid} onClick=${onClick} ...${more}><${Icon} name=${icon} /><span>${name}</span></button>`;
  const steer = (name, other) => setParams(steered(someOf(ids()), name, other));
  const some = n > MOST_PARTS && { title: texts.map.searchSomeWhy(MOST_PARTS) };
  return html`<aside class="map-selection map-panel" aria-label=${texts.map.selectedImages} data-testid="selection" data-count=${n}
    onKeyDown=${(event) => event.key === "Escape" && onClear()}>
    <header class="spread">
      <h2>${texts.map.selected(n)}</h2>
      <button class="icon-button" aria-label=${texts.map.clear} title=${texts.map.clear} onClick=${onClear}><${Icon} name="close" /></button>
    </header>
    <${SelectionBar} selection=${{ list: [], clear: onClear }} ids=${ids} where="map" onGone=${onClear}>
      ${action("like", texts.map.like, () => steer("liked", "disliked"), "like-selection", some || {})}
      ${action("dislike", texts.map.dislike, () => steer("disliked", "liked"), "dislike-selection", some || {})}
      ${action("across", texts.map.axisAcross, () => setParams({ x: axisOf(ids()), view: null }), "selection-across", { title: texts.map.axisWhy })}
      ${action("up", texts.map.axisUp, () => setParams({ y: axisOf(ids()), view: null }), "selection-up", { title: texts.map.axisWhy })}
      ${action("fit", texts.map.zoomTo, onShow, "zoom-selection")}
    <//>
    <${Members} source=${source} points=${points} />
  </aside>`;
}

/** The first of the selected as links; more at a press. Names come with the pictures on show only. */
function Members({ source, points }) {
  const [shown, setShown] = useState(PAGE);
  const names = useRef(new Map());
  const [, redraw] = useState(0);
  useEffect(() => setShown(PAGE), [points]);
  const items = useMemo(() => Array.from(points.subarray(0, shown), (point) => ({ id: source.idOf(point) })), [points, shown]);
  useWalk(items);
  useEffect(() => {
    const controller = new AbortController();
    const missing = items.filter(({ id }) => !names.current.has(id));
    const next = async () => {
      for (let one = missing.shift(); one && !controller.signal.aborted; one = missing.shift()) {
        const image = await api.get(`/images/${one.id}`, null, { signal: controller.signal }).catch(() => null);
        if (image) names.current.set(one.id, fileName(image.uri));
      }
    };
    Promise.all(Array.from({ length: 4 }, next)).then(() => controller.signal.aborted || redraw((n) => n + 1));
    return () => controller.abort();
  }, [items]);
  return html`<ul class="map-members" data-testid="selection-list">
      ${items.map(({ id }, i) => html`<li key=${id}>
        <a href=${imageHref(id)} title=${names.current.get(id)}><${Thumb} image=${{ id }} size=${72} alt=${names.current.get(id) ?? texts.map.nthOfSelection(i + 1)} /></a>
      </li>`)}
    </ul>
    ${points.length > shown && html`<button class="button small quiet" onClick=${() => setShown(shown + 4 * PAGE)}>${texts.map.showMore}</button>`}`;
}

/** The parameters that light what is like these (or with the names swapped, what is not), beside what was liked before. */
function steered(ids, name, other) {
  const { params } = place.get();
  const now = listParam(params, name).filter((id) => !ids.includes(id));
  return { [name]: [...now, ...ids].slice(-MOST_PARTS), [other]: listParam(params, other).filter((id) => !ids.includes(id)), light: null };
}
