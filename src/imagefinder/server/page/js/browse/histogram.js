// How a value is spread, as bars of which a range is chosen: by dragging over them, or by two handles, also with keys.
import { html, useEffect, useId, useRef, useState } from "../../vendor/preact.js";
import { texts } from "../texts.js";

const words = texts.filters;

/**
 * @param {object} props
 * @param {string} props.name what is spread
 * @param {(string | number)[]} props.edges one more than counts
 * @param {number[]} props.counts
 * @param {[number, number]} props.range the chosen bins, from and after the last
 * @param {(edge: string | number) => string} props.show
 * @param {(range: [number, number]) => void} props.onChange called when a choice is made, not while it is dragged
 * @param {boolean} [props.turned] large values stand on the left
 * @param {boolean} [props.open] only the lower bound can be chosen
 */
export function Histogram({ name, edges, counts, range, show, onChange, turned, open }) {
  const [now, setNow] = useState(range);
  const bars = useRef(null);
  const began = useRef(null);
  const id = useId();
  const n = counts.length;
  useEffect(() => setNow(range), [range[0], range[1], n]);
  const shownEdges = turned ? [...edges].reverse() : edges;
  const shownCounts = turned ? [...counts].reverse() : counts;
  const [from, to] = turned ? [n - now[1], n - now[0]] : now;
  const turn = ([a, b]) => (turned ? [n - b, n - a] : [a, b]);
  const choose = (next, done) => {
    const wanted = turn(next);
    setNow(wanted);
    if (done && (wanted[0] !== range[0] || wanted[1] !== range[1])) onChange(wanted);
  };
  const binAt = (event) => {
    const box = bars.current.getBoundingClientRect();
    const part = (event.clientX - box.left) / box.width;
    return Math.min(n - 1, Math.max(0, Math.floor((getComputedStyle(bars.current).direction === "rtl" ? 1 - part : part) * n)));
  };
  const dragged = (event, done) => {
    if (began.current === null) return;
    const [a, b] = [began.current, binAt(event)].sort((x, y) => x - y);
    choose(open ? [a, n] : [a, b + 1], done);
    if (done) began.current = null;
  };
  const down = (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    bars.current.setPointerCapture(event.pointerId);
    began.current = binAt(event);
    dragged(event, false);
  };
  const most = Math.max(1, ...counts);
  const inside = shownCounts.slice(from, to).reduce((sum, one) => sum + one, 0);
  const all = from === 0 && to === n;
  const said = `${words.between(show(shownEdges[from]), show(shownEdges[to]))}`;
  const handle = (which, value, label, moved) => html`<input type="range" class="spread-handle" aria-label=${label} min="0" max=${n} step="1"
    value=${value} aria-valuetext=${show(shownEdges[value])} data-which=${which}
    onInput=${(e) => choose(moved(e.target.valueAsNumber), false)} onChange=${(e) => choose(moved(e.target.valueAsNumber), true)} />`;
  return html`<section class="histogram" role="group" aria-labelledby=${id}>
    <div class="spread"><h3 id=${id}>${name}</h3>
      ${!all && html`<button type="button" class="button small quiet" onClick=${() => choose([0, n], true)}>${words.reset}</button>`}</div>
    <div ref=${bars} class="histogram-bars" title=${words.dragHint} onPointerDown=${down} onPointerMove=${(e) => dragged(e, false)}
      onPointerUp=${(e) => dragged(e, true)} onPointerCancel=${() => ((began.current = null), setNow(range))}>
      ${shownCounts.map((count, i) => html`<span key=${i} class=${i >= from && i < to ? "in" : ""}
        style=${{ height: count ? `${Math.max(4, (100 * count) / most)}%` : "0" }} />`)}
    </div>
    <div class="histogram-handles">
      ${handle("from", from, words.from(name), (value) => [Math.min(value, to - 1), to])}
      ${!open && handle("to", to, words.upTo(name), (value) => [from, Math.max(value, from + 1)])}
    </div>
    <p class="spread small-text muted number"><span>${said}</span><output>${words.inRange(inside)}</output></p>
  </section>`;
}
