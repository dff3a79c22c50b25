// A line with a band around it, as SVG. It is a slider to the keyboard and to screen readers: arrow keys walk along it.
import { html, useLayoutEffect, useMemo, useRef, useState } from "../../vendor/preact.js";
import { locale } from "../language.js";
import { texts } from "../texts.js";

const t = texts.groups;
const HEIGHT = 240;
const PAD = { left: 52, right: 12, top: 44, bottom: 30 };
const ticksAt = new Intl.NumberFormat(locale, { maximumSignificantDigits: 3, notation: "compact" });

/** Round steps that cover [low, high] with about `n` ticks. */
function ticks(low, high, n) {
  const rough = (high - low || 1) / n;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough);
  const found = [];
  for (let i = Math.ceil(low / step); i * step <= high + step * 1e-9; i++) found.push(i * step);
  return found;
}

/**
 * @param {object} props
 * @param {{x: number, y: number, low: number, high: number, text: string}[]} props.points by ascending x
 * @param {string} props.label what it shows
 * @param {string} props.axis name of the measure
 * @param {{x: number, text: string}} props.mark an x that stands out
 * @param {number} props.selected the x that is chosen
 * @param {number | null} props.hover the x under the pointer, shared by charts that stand beside each other
 */
export function Chart({ points, label, axis, mark, selected, hover, onHover, onSelect }) {
  const element = useRef(null);
  const width = useWidth(element);
  const plot = useMemo(() => layout(points, width), [points, width]);
  const index = (x) => points.findIndex((one) => one.x === x);
  const at = Math.max(0, index(hover ?? selected));
  const nearest = (event) => {
    const box = element.current.getBoundingClientRect();
    const x = plot.inverse(event.clientX - box.left);
    return points.reduce((best, one) => (Math.abs(one.x - x) < Math.abs(best.x - x) ? one : best)).x;
  };
  const keys = (event) => {
    const now = index(selected);
    const steps = { ArrowLeft: now - 1, ArrowDown: now - 1, ArrowRight: now + 1, ArrowUp: now + 1, PageDown: now - 10, PageUp: now + 10, Home: 0, End: points.length - 1 };
    if (!(event.key in steps)) return;
    event.preventDefault();
    onSelect(points[Math.max(0, Math.min(points.length - 1, steps[event.key]))].x);
  };
  const { sx, sy } = plot;
  const point = points[at];
  const bottom = HEIGHT - PAD.bottom;
  return html`<div ref=${element} class="chart" role="slider" tabindex="0" aria-label=${label} aria-valuemin=${points[0].x}
    aria-valuemax=${points.at(-1).x} aria-valuenow=${selected} aria-valuetext=${t.pointText(selected, axis, points[index(selected)]?.text)}
    onKeyDown=${keys} onPointerMove=${(e) => onHover(nearest(e))} onPointerLeave=${() => onHover(null)} onClick=${(e) => onSelect(nearest(e))}>
    ${width > 0 &&
    html`<svg width=${width} height=${HEIGHT} aria-hidden="true">
      ${plot.yTicks.map((y) => html`<g key=${`y${y}`}><line class="chart-line" x1=${PAD.left} x2=${width - PAD.right} y1=${sy(y)} y2=${sy(y)} />
        <text class="chart-tick" x=${PAD.left - 8} y=${sy(y) + 4} text-anchor="end">${ticksAt.format(y)}</text></g>`)}
      ${plot.xTicks.map((x) => html`<text key=${`x${x}`} class="chart-tick" x=${sx(x)} y=${HEIGHT - 10} text-anchor="middle">${x}</text>`)}
      <text class="chart-tick" x=${PAD.left - 8} y=${HEIGHT - 10} text-anchor="end">${t.axisGroups}</text>
      ${plot.band && html`<path class="chart-band" d=${plot.band} />`}
      <line class="chart-mark" x1=${sx(mark.x)} x2=${sx(mark.x)} y1=${PAD.top - 6} y2=${bottom} />
      <text class="chart-mark-text" x=${sx(mark.x) + (sx(mark.x) > width * 0.7 ? -6 : 6)} y=${PAD.top - 10} text-anchor=${sx(mark.x) > width * 0.7 ? "end" : "start"}>${mark.text}</text>
      <path class="chart-path" d=${plot.path} />
      <line class="chart-at" x1=${sx(point.x)} x2=${sx(point.x)} y1=${PAD.top} y2=${bottom} />
      <circle class="chart-dot" cx=${sx(point.x)} cy=${sy(point.y)} r="5" />
      <text class="chart-tip" x=${width - PAD.right} y="14" text-anchor="end">${t.atPoint(point.x, point.text)}</text>
    </svg>`}
  </div>`;
}

function layout(points, width) {
  const low = Math.min(...points.map((one) => one.low));
  const high = Math.max(...points.map((one) => one.high));
  const spread = (high - low || Math.abs(high) || 1) * 0.06;
  const [y0, y1] = [low - spread, high + spread];
  const [x0, x1] = [points[0].x, points.at(-1).x];
  const across = Math.max(1, width - PAD.left - PAD.right - 12);
  const sx = (x) => PAD.left + 6 + ((x - x0) / (x1 - x0 || 1)) * across;
  const sy = (y) => PAD.top + ((y1 - y) / (y1 - y0)) * (HEIGHT - PAD.top - PAD.bottom);
  const line = (rows, get) => rows.map((one, i) => `${i ? "L" : "M"}${sx(one.x).toFixed(1)} ${sy(get(one)).toFixed(1)}`).join("");
  const band = points.some((one) => one.high > one.low)
    ? `${line(points, (one) => one.high)}${line([...points].reverse(), (one) => one.low).replace("M", "L")}Z`
    : "";
  const xTicks = [...new Set(ticks(x0, x1, Math.max(2, width / 90)).map(Math.round))];
  const inverse = (px) => x0 + ((px - PAD.left - 6) / across) * (x1 - x0);
  return { sx, sy, inverse, band, path: line(points, (one) => one.y), xTicks, yTicks: ticks(y0, y1, 4) };
}

function useWidth(element) {
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const watch = new ResizeObserver(([entry]) => setWidth(Math.floor(entry.contentRect.width)));
    watch.observe(element.current);
    return () => watch.disconnect();
  }, []);
  return width;
}
