// The points that were selected: what to do with them, and all of them as a list of links, without the map.
import { html, useEffect, useMemo, useRef, useState } from "../../vendor/preact.js";
import { api, isAbort } from "../api.js";
import { ask } from "../components/dialog.js";
import { Icon } from "../components/icon.js";
import { Thumb } from "../components/thumb.js";
import { toast, toastError } from "../components/toast.js";
import { count, fileName } from "../format.js";
import { fixed, useIndex } from "../library_info.js";
import { searchHref } from "../searching.js";
import { imageHref, navigate } from "../state.js";
import { useWalk } from "../viewing.js";

const PAGE = 30;
const MOST_LIKED = 12; // pictures that stand for a selection in a search
const TAGGED_AT_ONCE = 1000;

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
  return html`<aside class="map-selection map-panel" aria-label="Selected images" data-testid="selection" data-count=${n}
    onKeyDown=${(event) => event.key === "Escape" && onClear()}>
    <header class="spread">
      <h2>${count(n, "image")} selected</h2>
      <button class="icon-button" aria-label="Clear the selection" onClick=${onClear}><${Icon} name="close" /></button>
    </header>
    <div class="row wrap map-actions">
      <button class="button small" onClick=${() => navigate(likeHref(source, points))} data-testid="search-selection"><${Icon} name="similar" />Search by these</button>
      <button class="button small" disabled=${busy || info?.read_only} title=${info?.read_only ? `${fixed(info)}: nothing can be tagged here.` : undefined} onClick=${() => while_("tag", () => tag(source, points))} data-testid="tag-selection"><${Icon} name="tag" />${busy === "tag" ? "Tagging …" : "Tag"}</button>
      <button class="button small" disabled=${busy} onClick=${() => while_("csv", () => save(source, points))} data-testid="export-selection"><${Icon} name="download" />${busy === "csv" ? "Exporting …" : "Export CSV"}</button>
      <button class="button small" onClick=${onShow}><${Icon} name="fit" />Zoom to them</button>
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
        <a href=${imageHref(id)} title=${names.current.get(id)}><${Thumb} image=${{ id }} size=${72} alt=${names.current.get(id) ?? `Image ${i + 1} of the selection`} /></a>
      </li>`)}
    </ul>
    ${points.length > shown && html`<button class="button small quiet" onClick=${() => setShown(shown + 4 * PAGE)}>Show more</button>`}`;
}

/** Some of them, evenly spread over the selection, as liked pictures of a search. */
function likeHref(source, points) {
  if (points.length === 1) return searchHref({ id: source.idOf(points[0]) });
  const n = Math.min(MOST_LIKED, points.length);
  return searchHref({ liked: Array.from({ length: n }, (_, i) => source.idOf(points[Math.floor((i * points.length) / n)])) });
}

async function tag(source, points) {
  const text = await ask({
    title: `Tag ${count(points.length, "image")}`,
    label: "Tags, with commas between them",
    hint: "A minus before a tag takes it away.",
    action: "Tag",
  });
  const words = (text ?? "").split(",").map((word) => word.trim()).filter(Boolean);
  if (!words.length) return;
  const add = words.filter((word) => !word.startsWith("-"));
  const remove = words.filter((word) => word.startsWith("-")).map((word) => word.slice(1));
  let changed = 0;
  for (let i = 0; i < points.length; i += TAGGED_AT_ONCE) {
    const ids = Array.from(points.subarray(i, i + TAGGED_AT_ONCE), (point) => source.idOf(point));
    changed += (await api.post("/images/tags", { ids, add, remove })).changed;
  }
  toast(`${count(changed, "image")} changed`);
}

async function save(source, points) {
  const text = await source.csv(points);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = "selection.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
