// The points that were selected: what to do with them, and all of them as a list of links, without the map.
import { html, useEffect, useMemo, useRef, useState } from "../../vendor/preact.js";
import { SelectionBar } from "../actions/bar.js";
import { api } from "../api.js";
import { Icon } from "../components/icon.js";
import { Thumb } from "../components/thumb.js";
import { count, fileName } from "../format.js";
import { imageHref } from "../state.js";
import { useWalk } from "../viewing.js";

const PAGE = 30;

/** @param {{source: object, points: Uint32Array, onClear: () => void, onShow: () => void}} props */
export function SelectionPanel({ source, points, onClear, onShow }) {
  const ids = useMemo(() => Array.from(points, (point) => source.idOf(point)), [source, points]);
  const n = points.length;
  return html`<aside class="map-selection map-panel" aria-label="Selected images" data-testid="selection" data-count=${n}
    onKeyDown=${(event) => event.key === "Escape" && onClear()}>
    <header class="spread">
      <h2>${count(n, "image")} selected</h2>
      <button class="icon-button" aria-label="Clear the selection" onClick=${onClear}><${Icon} name="close" /></button>
    </header>
    <${SelectionBar} selection=${{ list: [], clear: onClear }} ids=${() => ids} where="map" onGone=${onClear}>
      <button type="button" class="button small" onClick=${onShow}><${Icon} name="fit" /><span>Zoom to them</span></button>
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
        <a href=${imageHref(id)} title=${names.current.get(id)}><${Thumb} image=${{ id }} size=${72} alt=${names.current.get(id) ?? `Image ${i + 1} of the selection`} /></a>
      </li>`)}
    </ul>
    ${points.length > shown && html`<button class="button small quiet" onClick=${() => setShown(shown + 4 * PAGE)}>Show more</button>`}`;
}
