// The points that were selected: what to do with them, and all of them as a list of links, without the map.
import { html, useEffect, useMemo, useRef, useState } from "../../vendor/preact.js";
import { api, isAbort } from "../api.js";
import { Icon } from "../components/icon.js";
import { Thumb } from "../components/thumb.js";
import { toastError } from "../components/toast.js";
import { fileName } from "../format.js";
import { askWhereTo } from "../groups/changes.js";
import { reloadGroups } from "../groups/store.js";
import { fixed, useIndex } from "../library_info.js";
import { searchHref } from "../searching.js";
import { askToTag } from "../search/changing.js";
import { imageHref, listParam, navigate, place, setParams } from "../state.js";
import { texts } from "../texts.js";
import { useWalk } from "../viewing.js";
import { axisOf } from "./axes_panel.js";

const PAGE = 30;
const MOST_PARTS = 50; // pictures that stand for a selection in a search: more would not fit into an address

/** @param {{source: object, points: Uint32Array, onClear: () => void, onShow: () => void}} props */
export function SelectionPanel({ source, points, onClear, onShow }) {
  const { info } = useIndex();
  const [busy, setBusy] = useState("");
  const while_ = async (name, work) => {
    setBusy(name);
    await work().catch((error) => isAbort(error) || toastError(error));
    setBusy("");
  };
  const n = points.length;
  const fixedHere = info?.read_only ? texts.map.nothingChanges(fixed(info)) : undefined;
  const action = (icon, name, onClick, testid, more = {}) =>
    html`<button class="button small" disabled=${Boolean(busy)} data-testid=${testid} onClick=${onClick} ...${more}><${Icon} name=${icon} />${name}</button>`;
  const ids = (most = n) => spread(source, points, most);
  const steer = (name, other) => setParams(steered(ids(MOST_PARTS), name, other));
  const some = n > MOST_PARTS && { title: texts.map.searchSomeWhy(MOST_PARTS) };
  return html`<aside class="map-selection map-panel" aria-label=${texts.map.selectedImages} data-testid="selection" data-count=${n}
    onKeyDown=${(event) => event.key === "Escape" && onClear()}>
    <header class="spread">
      <h2>${texts.map.selected(n)}</h2>
      <button class="icon-button" aria-label=${texts.map.clear} title=${texts.map.clear} onClick=${onClear}><${Icon} name="close" /></button>
    </header>
    <div class="row wrap map-actions">
      ${action("similar", some ? texts.map.searchSome(MOST_PARTS) : texts.map.searchThese, () => navigate(likeHref(ids(MOST_PARTS))), "search-selection", some || {})}
      ${action("tag", busy === "tag" ? texts.map.tagging : texts.map.tag, () => while_("tag", () => askToTag(ids())), "tag-selection", { disabled: Boolean(busy || fixedHere), title: fixedHere })}
      ${info?.clustered && action("groups", texts.map.move, () => while_("move", () => move(ids())), "move-selection", { disabled: Boolean(busy || fixedHere), title: fixedHere })}
      ${action("like", texts.map.like, () => steer("liked", "disliked"), "like-selection", some || {})}
      ${action("dislike", texts.map.dislike, () => steer("disliked", "liked"), "dislike-selection", some || {})}
      ${action("right", texts.map.axisAcross, () => setParams({ x: axisOf(ids()), view: null }), "selection-across", { title: texts.map.axisWhy })}
      ${action("up", texts.map.axisUp, () => setParams({ y: axisOf(ids()), view: null }), "selection-up", { title: texts.map.axisWhy })}
      ${action("download", busy === "csv" ? texts.map.exporting : texts.map.exportCsv, () => while_("csv", () => save(source, points)), "export-selection")}
      ${action("fit", texts.map.zoomTo, onShow, "zoom-selection")}
    </div>
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

/** The ids of `most` of the points at most, evenly spread over all of them. */
function spread(source, points, most) {
  const n = Math.min(most, points.length);
  return Array.from({ length: n }, (_, i) => source.idOf(points[Math.floor((i * points.length) / n)]));
}

const likeHref = (ids) => searchHref(ids.length === 1 ? { id: ids[0] } : { liked: ids });

/** The parameters that light what is like these (or with the names swapped, what is not), beside what was liked before. */
function steered(ids, name, other) {
  const { params } = place.get();
  const now = listParam(params, name).filter((id) => !ids.includes(id));
  return { [name]: [...now, ...ids].slice(-MOST_PARTS), [other]: listParam(params, other).filter((id) => !ids.includes(id)), light: null };
}

async function move(ids) {
  const groups = await reloadGroups();
  if (groups) await askWhereTo(ids, groups.clusters);
}

async function save(source, points) {
  const text = await source.csv(points);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = "selection.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
