// A wall of pictures: justified rows, only those on the screen in the document, moved about with the arrow keys.
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../../vendor/preact.js";
import { MarkSigns, markByKey } from "../actions/marks.js";
import { useLongPress } from "../actions/press.js";
import { fileName } from "../format.js";
import { useAnchor } from "../gallery/anchor.js";
import { tint } from "../gallery/shapes.js";
import { ALONG, FORMER_KEY, NEXT_KEY } from "../language.js";
import { useIndex } from "../library_info.js";
import { imageHref } from "../state.js";
import { texts } from "../texts.js";
import { rowOf, visibleRows, wall } from "./layout.js";
import { Thumb } from "./thumb.js";
import { Icon } from "./icon.js";
import { table } from "../table.js";

const OVERSCAN = 600; // CSS pixels drawn above and below the screen
const ROW_HEIGHTS = table({ small: [120, 96], medium: [200, 150], large: [300, 220] }); // on desks, on phones
const SEEN = 1000; // an image that has gone farther down than this isn't followed
const HEADING = 48; // CSS pixels of the heading of a section
const UPSCALED = table({ small: 1, medium: 1.5, large: 3 }); // times their own height that most pictures are shown at, at most
const LOWEST = 72; // CSS pixels that a row has at least, however small the pictures are

/**
 * @param {object} props
 * @param {object[]} props.items images: `id`, `width`, `height`, `content_hash`, and what the functions below read
 * @param {string} props.label what the pictures are, for screen readers
 * @param {"small" | "medium" | "large"} [props.size]
 * @param {(item) => string} [props.href] where a picture leads; the big view by default
 * @param {(item, index: number) => any} [props.footer] a line under each picture, 28 px high
 * @param {(item, index: number) => any} [props.actions] buttons shown over a picture under the pointer or the focus
 * @param {{ids: Set<string>, toggle: (index: number, range: boolean) => void}} [props.selection] from `useSelection`
 * @param {(event: KeyboardEvent, item, index: number) => void} [props.onKey] keys the grid doesn't use itself
 * @param {() => void} [props.onEnd] called when the end comes near, to load more
 * @param {{start: number, title: string, note: string}[]} [props.sections] headings, each over the item `start` and those after it
 * @param {(given: {layout, element}) => any} [props.beside] what stands beside the wall
 */
export function Grid({ items, label, size = "medium", href, footer, actions, selection, onKey, onEnd, sections, beside }) {
  const element = useRef(null);
  const marks = useIndex().info?.read_only === false;
  const width = useWidth(element);
  const phone = width < 560;
  const gap = phone ? 4 : 8;
  const height = rowHeight(items, ROW_HEIGHTS[size][phone ? 1 : 0], UPSCALED[size]);
  const options = { width, gap, rowHeight: height, footer: footer ? 28 : 0, starts: sections?.map((one) => one.start), heading: HEADING };
  const layout = useMemo(
    () => (width > 0 ? wall(items, options) : { rows: [], heads: [], x: [], w: [], height: 0 }),
    [items.shapes ?? items, width, height, Boolean(footer), sections],
  );
  useAnchor(element, layout, items.gallery ?? items);
  const [first, end] = useVisibleRows(element, layout.rows);
  const [active, setActive] = useState(0);
  const wanted = useRef(null); // the index to focus as soon as it is drawn
  const held = useKeptFocus(element, items, wanted, setActive);

  useEffect(() => {
    if (layout.rows.length && end >= layout.rows.length) onEnd?.();
  }, [end, layout]);

  useEffect(() => {
    const drawn = layout.rows.slice(first, end);
    if (drawn.length) items.gallery?.need(drawn[0].start, drawn.at(-1).end);
  }, [items.gallery, first, end, layout]);

  useLayoutEffect(() => {
    if (wanted.current === null) return;
    const link = element.current.querySelector(`[data-index="${wanted.current}"] .tile-link`);
    if (!link) return;
    wanted.current = null;
    link.focus({ preventScroll: true });
  });

  const moveTo = (index) => {
    const row = layout.rows[rowOf(layout.rows, index)];
    wanted.current = index;
    setActive(index);
    showRow(element.current, row);
  };
  const keys = (event) => {
    if (!event.target.closest?.(".tile-link")) return;
    const index = Number(event.target.closest("[data-index]").dataset.index);
    const target = arrowTarget(event.key, index, layout, items.length);
    if (event.key === " " && selection) selection.toggle(index, event.shiftKey);
    else if (target !== null && !event.ctrlKey && !event.metaKey && !event.altKey) moveTo(target);
    else if (items[index].missing) return;
    else if (!marks || !markByKey(event, items[index], selection?.ids.has(items[index].id) ? selection.list : undefined)) return onKey?.(event, items[index], index);
    event.preventDefault();
  };

  const tiles = [];
  for (let r = first; r < end && r < layout.rows.length; r++) {
    const row = layout.rows[r];
    for (let i = row.start; i < row.end; i++) {
      tiles.push(html`<${Tile} key=${items[i].key ?? items[i].id} item=${items[i]} index=${i} total=${items.length} x=${layout.x[i]}
        y=${row.top} w=${layout.w[i]} h=${row.height} tabbable=${i === Math.min(active, items.length - 1)}
        onFocus=${() => (held(items[i].id, i), setActive(i))} ...${{ href, footer, actions, selection }} />`);
    }
  }
  const from = layout.rows[first]?.top ?? 0;
  const to = layout.rows[Math.min(end, layout.rows.length) - 1]?.top ?? 0;
  return html`<div class="grid-frame ${beside ? "beside" : ""}">
    ${sections?.map((one, i) => layout.heads[i] >= from - HEADING && layout.heads[i] <= to && html`<h2 key=${one.title} class="grid-heading"
      style=${{ top: `${layout.heads[i]}px` }}>${one.title} ${one.note && html`<span class="muted small-text">${one.note}</span>`}</h2>`)}
    <div ref=${element} class="grid ${selection?.ids.size ? "selecting" : ""}" role="list" aria-label=${label}
      data-testid="grid" style=${{ height: `${layout.height}px` }} onKeyDown=${keys}>${tiles}</div>
    ${layout.rows.length > 0 && beside?.({ layout, element })}
  </div>`;
}

/** The height of rows: the one wanted, or less where most pictures are so small that they would be blurred by it. */
function rowHeight(items, wanted, upscaled) {
  const heights = items.slice(0, 500).map((one) => one.height).filter((height) => height > 0).sort((a, b) => a - b);
  if (heights.length === 0) return wanted;
  return Math.min(wanted, Math.max(LOWEST, upscaled * heights[heights.length >> 1]));
}

/**
 * When the list changes under the focus, it goes to the same image, or to the one in its place if that has left; but not
 * where it is on its way to another, which is `wanted`.
 */
function useKeptFocus(element, items, wanted, setActive) {
  const last = useRef(null);
  useEffect(() => {
    const left = (event) => element.current?.contains(event.target) || (last.current = null);
    document.addEventListener("focusin", left);
    document.addEventListener("pointerdown", left);
    return () => (document.removeEventListener("focusin", left), document.removeEventListener("pointerdown", left));
  }, []);
  useLayoutEffect(() => {
    if (!last.current || wanted.current !== null || !items.length || document.activeElement !== document.body) return;
    const { id, index } = last.current;
    const there = !id || items[index]?.id === id ? index : items.slice(0, SEEN).findIndex((item) => item.id === id);
    wanted.current = Math.min(there >= 0 ? there : index, items.length - 1);
    setActive(wanted.current);
  });
  return (id, index) => (last.current = { id, index });
}

/** Of a double click only the first counts: by the second, another picture or button may lie under the pointer. */
function onlyOnce(event) {
  if (event.detail < 2 || !event.target.closest(".tile-actions, .tile-link")) return;
  event.preventDefault();
  event.stopPropagation();
}

function Tile({ item, index, total, x, y, w, h, tabbable, onFocus, href, footer, actions, selection }) {
  const selected = selection?.ids.has(item.id) ?? false;
  const name = item.caption || (item.uri ? fileName(item.uri) : texts.actions.image(index + 1));
  const link = item.missing ? undefined : (href ?? ((one) => imageHref(one.id)))(item);
  const click = (event) => {
    if (ended()) return event.preventDefault();
    const touched = event.pointerType === "touch" && selection?.ids.size > 0;
    if (!selection || !(event.shiftKey || event.ctrlKey || event.metaKey || touched)) return;
    event.preventDefault();
    selection.toggle(index, event.shiftKey);
  };
  const { ended, ...press } = useLongPress(() => selection?.toggle(index, false));
  return html`<div role="listitem" class="tile ${selected ? "selected" : ""}" data-index=${index} data-id=${item.id} onClickCapture=${onlyOnce}
    aria-setsize=${total} aria-posinset=${index + 1} style=${{ transform: `translate(${ALONG * x}px, ${y}px)`, width: `${w}px` }}>
    <a class="tile-link" href=${link} tabindex=${tabbable ? 0 : -1}
      aria-label=${name} style=${{ height: `${h}px`, background: tint(item) }} onClick=${click} ...${selection ? press : {}} onFocus=${onFocus}>
      <${Thumb} image=${item} size=${Math.max(w, h)} />
      <${MarkSigns} image=${item} />
    </a>
    ${selection && !item.missing &&
    html`<label class="tile-check"><input type="checkbox" checked=${selected} tabindex="-1" aria-label=${texts.actions.select(name)}
      onClick=${(event) => selection.toggle(index, event.shiftKey)} />
      <span><${Icon} name="check" /></span></label>`}
    ${actions && !item.missing && html`<div class="tile-actions">${actions(item, index)}</div>`}
    ${footer && html`<div class="tile-footer">${footer(item, index)}</div>`}
  </div>`;
}

/** Where an arrow key leads from `index`; null for other keys. Up and down keep to the column as well as they can. */
function arrowTarget(key, index, { rows, x, w }, total) {
  if (key === NEXT_KEY) return Math.min(total - 1, index + 1);
  if (key === FORMER_KEY) return Math.max(0, index - 1);
  if (key === "Home") return 0;
  if (key === "End") return total - 1;
  const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 4, PageUp: -4 }[key];
  if (!step) return null;
  const row = rows[Math.max(0, Math.min(rows.length - 1, rowOf(rows, index) + step))];
  const middle = x[index] + w[index] / 2;
  for (let i = row.start; i < row.end; i++) if (x[i] + w[i] >= middle) return i;
  return row.end - 1;
}

function showRow(element, row) {
  const top = element.getBoundingClientRect().top + row.top;
  const style = getComputedStyle(document.documentElement);
  const head = parseFloat(style.scrollPaddingTop) || 0;
  if (top < head) scrollBy(0, top - head);
  else if (top + row.height > innerHeight - 40) scrollBy(0, top + row.height - innerHeight + 40);
}

function useWidth(element) {
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const watch = new ResizeObserver(([entry]) => setWidth(Math.floor(entry.contentRect.width)));
    watch.observe(element.current);
    setWidth(Math.floor(element.current.clientWidth));
    return () => watch.disconnect();
  }, []);
  return width;
}

/** The rows on the screen and a little more, wherever the grid stands and whatever scrolls. */
function useVisibleRows(element, rows) {
  const [range, setRange] = useState([0, 0]);
  useLayoutEffect(() => {
    const measure = () => {
      const top = element.current.getBoundingClientRect().top;
      const next = visibleRows(rows, -top - OVERSCAN, innerHeight - top + OVERSCAN);
      setRange((former) => (former[0] === next[0] && former[1] === next[1] ? former : next));
    };
    let frame = 0;
    const soon = () => (frame ||= requestAnimationFrame(() => ((frame = 0), measure())));
    measure();
    document.addEventListener("scroll", soon, { capture: true, passive: true });
    addEventListener("resize", soon);
    return () => {
      cancelAnimationFrame(frame);
      document.removeEventListener("scroll", soon, { capture: true });
      removeEventListener("resize", soon);
    };
  }, [rows]);
  return range;
}

