// A place on a small map of the world, drawn from coast lines that come with the page: nothing is asked elsewhere.
import { html, useEffect, useState } from "../../vendor/preact.js";
import { texts } from "../texts.js";

const FILE = new URL("../../vendor/land-110m.json", import.meta.url);
const TOP = 84; // degrees; nothing but ice beyond
const BOTTOM = -60;

let outlines = null; // the promise of the path of all coasts

/**
 * The path of an SVG, with degrees east and south as coordinates, of the land in a TopoJSON: lines as steps of whole
 * numbers, which polygons name by their number, or by its complement where a line runs the other way.
 */
function pathOf({ arcs, objects, transform: { scale, translate } }) {
  const lines = arcs.map((arc) => {
    let [x, y] = [0, 0];
    return arc.map(([dx, dy]) => [(x += dx) * scale[0] + translate[0], -((y += dy) * scale[1] + translate[1])]);
  });
  const line = (number) => (number < 0 ? lines[~number].toReversed() : lines[number]);
  const rings = objects.land.geometries.flatMap((one) => (one.type === "Polygon" ? [one.arcs] : one.arcs)).flat();
  return rings.flatMap((ring) => wholeAcross(ring.flatMap(line))).map(drawn).join("");
}

const drawn = (points) => `M${points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}Z`;

/** A ring that crosses the date line, in one piece on each of its sides. */
function wholeAcross(ring) {
  let turns = 0;
  const points = ring.map(([x, y], i) => {
    const step = i ? x - ring[i - 1][0] : 0;
    if (Math.abs(step) > 180) turns -= Math.sign(step);
    return [x + 360 * turns, y];
  });
  const beyond = points.some(([x]) => x > 180) ? -360 : points.some(([x]) => x < -180) ? 360 : 0;
  return beyond ? [points, points.map(([x, y]) => [x + beyond, y])] : [points];
}

const load = () =>
  (outlines ??= fetch(FILE)
    .then((answer) => answer.json())
    .then(pathOf)
    .catch(() => ((outlines = null), "")));

/** @param {{lat: number, lon: number, label: string}} props */
export function WorldMap({ lat, lon, label }) {
  const [path, setPath] = useState("");
  useEffect(() => {
    let on = true;
    load().then((found) => on && setPath(found));
    return () => (on = false);
  }, []);
  if (!path) return html`<div class="world"></div>`;
  return html`<svg class="world" viewBox=${`-180 ${-TOP} 360 ${TOP - BOTTOM}`} role="img" aria-label=${texts.viewer.mapAt(label)} data-testid="world">
    <path d=${path} /><circle class="around" cx=${lon} cy=${-lat} r="9" /><circle cx=${lon} cy=${-lat} r="4" />
  </svg>`;
}
