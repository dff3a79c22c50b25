/** What is seen of the map as a PNG, at twice the size: points, pictures, names, and what colours and axes mean. */

import { own } from "../table.js";
import { texts } from "../texts.js";
import { axisName } from "./axes_panel.js";
import { kindColour, scaleStops } from "./palette.js";

const DENSITY = 2;
const ROWS = 12; // of the legend
const LINE = 20; // CSS pixels
const PAD = 12;

/** @param {object} surface @param {{field: string, values: object | null, dark: boolean, axes: {x: string, y: string}}} shown @returns {Promise<void>} */
export async function savePicture(surface, shown) {
  const { look } = surface;
  const canvas = seen(surface);
  const context = canvas.getContext("2d");
  const pen = { context, look, width: canvas.width / DENSITY, height: canvas.height / DENSITY, family: getComputedStyle(document.body).fontFamily };
  context.setTransform(DENSITY, 0, 0, DENSITY, 0, 0);
  drawAxes(pen, shown.axes);
  if (shown.values) drawLegend(pen, shown);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = "map.png";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** What is seen, without what lies over the map. */
function seen(surface) {
  const { points, overlay } = surface.elements;
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: overlay.clientWidth * DENSITY, height: overlay.clientHeight * DENSITY });
  const context = canvas.getContext("2d");
  context.fillStyle = surface.look.ground;
  context.fillRect(0, 0, canvas.width, canvas.height);
  surface.resize(DENSITY);
  surface.draw(0); // at once: a WebGL canvas can be read only until the browser has shown it
  for (const layer of [points, overlay]) context.drawImage(layer, 0, 0);
  surface.resize();
  return canvas;
}

function write({ context, look, family }, text, x, y, { size = 13, weight = 400, align = "left" } = {}) {
  Object.assign(context, { font: `${weight} ${size}px ${family}`, textAlign: align, textBaseline: "middle", fillStyle: look.ink });
  context.fillText(text, x, y);
}

function drawAxes(pen, { x, y }) {
  const { context, width, height } = pen;
  const name = (query) => `${axisName(query)} →`;
  if (x) write(pen, name(x), width / 2, height - 2 * PAD, { size: 15, weight: 650, align: "center" });
  if (!y) return;
  context.save();
  context.translate(2 * PAD, height / 2);
  context.rotate(-Math.PI / 2);
  write(pen, name(y), 0, 0, { size: 15, weight: 650, align: "center" });
  context.restore();
}

function drawLegend(pen, { field, values, dark }) {
  const { context, look, height } = pen;
  const kinds = values.kinds?.slice(0, ROWS) ?? [];
  const rows = 1 + (values.scale ? 1 : kinds.length);
  const top = height - rows * LINE - 3 * PAD;
  context.fillStyle = look.ground;
  context.fillRect(PAD, top, 240, rows * LINE + 2 * PAD);
  write(pen, own(texts.map.colours, field) ?? field, 2 * PAD, top + PAD + LINE / 2, { weight: 650 });
  kinds.forEach((kind, i) => {
    const at = top + PAD + (i + 1.5) * LINE;
    context.fillStyle = kindColour(i, dark);
    context.fillRect(2 * PAD, at - 6, 12, 12);
    write(pen, String(kind.name).slice(0, 28), 2 * PAD + 20, at);
  });
  if (values.scale) drawScale(pen, dark, top + PAD + 1.5 * LINE);
}

function drawScale({ context }, dark, at) {
  const stops = scaleStops(dark);
  const gradient = context.createLinearGradient(2 * PAD, 0, 240 - PAD, 0);
  stops.forEach((stop, i) => gradient.addColorStop(i / (stops.length - 1), stop));
  context.fillStyle = gradient;
  context.fillRect(2 * PAD, at - 6, 216 - PAD, 12);
}
