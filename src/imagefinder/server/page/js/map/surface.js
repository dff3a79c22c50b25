/**
 * The drawn map: points by WebGL, pictures and the lasso on a canvas above. It draws a frame only when something has
 * changed, and tells what happened through `on`. Points are named by their place in the map, as in source.js.
 */

import { actsOf } from "./acts.js";
import { Camera, placeToText } from "./camera.js";
import { Front } from "./front.js";
import { watchGestures } from "./gestures.js";
import { Glide, isCalm } from "./glide.js";
import { ABSENT, boxOf, partOf, placesIn, pointsOf, ranksOf } from "./layout.js";
import { Pace, pointStyle } from "./pace.js";
import { pointsIn, runsIn } from "./queries.js";
import { PointRenderer } from "./renderer.js";

const REST_MS = 140; // without a move: then all points are drawn and pictures fetched
const TURN_MS = 700; // from one layout to another

export class Surface {
  /**
   * @param {{points: HTMLCanvasElement, overlay: HTMLCanvasElement, facts: HTMLElement}} elements `facts` gets counts as data attributes
   * @param {{move: (place: object) => void, hover: (point: number, at: number[]) => void, pick: (point: number) => void,
   *   lasso: (points: Uint32Array, how: object) => void, escape: () => void, lassoes: () => boolean,
   *   idOf: (point: number) => string}} on
   */
  constructor(elements, on) {
    this.elements = elements;
    this.on = on;
    this.camera = new Camera();
    this.renderer = new PointRenderer(elements.points);
    this.front = new Front(elements.overlay, on.idOf, () => this.invalidate());
    this.glide = new Glide(this.camera, () => this.moved());
    this.pace = new Pace();
    this.layout = null;
    this.picked = { lit: null, sure: null, selected: null };
    this.fits = null;
    this.codes = null;
    this.look = { palette: null, dim: [0.5, 0.5, 0.5], accent: [0, 0, 1], shown: true, named: true };
    this.frames = 0;
    this.frame = 0;
    this.turning = null;
    this.line = [];
    this.stopGestures = watchGestures(elements.overlay, actsOf(this));
    this.resizing = new ResizeObserver(() => this.resize());
    this.resizing.observe(elements.overlay);
    elements.points.addEventListener("webglcontextlost", (event) => event.preventDefault());
    elements.points.addEventListener("webglcontextrestored", () => this.restore());
  }

  /** The points go from where they were to their new places, where motion is welcome. */
  setLayout(layout) {
    const former = this.layout && !isCalm() ? placesIn(this.layout, layout) : null;
    this.layout = layout;
    this.camera.extent = { halfWidth: layout.halfWidth, halfHeight: layout.halfHeight, n: layout.order.length };
    this.setCodes(this.codes);
    this.renderer.setFormer(former);
    this.turning = former && { since: performance.now(), frame: 0 };
    this.setPlaces([]);
    for (const name of Object.keys(this.picked)) this.setPicked(name, this.picked[name]?.points ?? null);
    this.setFits(this.fits);
  }

  /** @param {object[]} places of names, see names.js */
  setPlaces(places) {
    this.front.setPlaces(places, this.layout);
    this.rest();
  }

  /** @param {Map<number, number> | null} fits from 0 to 1, of lit points of the map */
  setFits(fits) {
    this.fits = fits;
    const { rank, order } = this.layout;
    const sorted = fits && new Uint8Array(order.length);
    for (const [point, fit] of fits ?? []) if (rank[point] !== ABSENT) sorted[rank[point]] = Math.round(255 * fit);
    this.renderer.setFits(sorted);
    this.invalidate();
  }

  /** @param {Uint8Array | null} codes a palette's index for each point of the map */
  setCodes(codes) {
    this.codes = codes;
    const { order, xy } = this.layout;
    const sorted = new Uint8Array(order.length);
    if (codes) for (let i = 0; i < order.length; i++) sorted[i] = codes[order[i]];
    this.renderer.setPoints(xy, sorted);
    this.invalidate();
  }

  /** @param {{palette: Uint8Array, dim: number[], accent: number[], shown: boolean}} look `shown`: pictures too */
  setLook(look) {
    this.look = { ...this.look, ...look };
    if (look.palette) this.renderer.setPalette(look.palette);
    this.rest();
  }

  /** @param {"lit" | "sure" | "selected"} name @param {Uint32Array | null} points of the map; null: none is */
  setPicked(name, points) {
    const sorted = points && ranksOf(this.layout, points);
    this.picked[name] = points && { points, layout: partOf(this.layout, sorted) };
    this.renderer.setPicked(name, sorted);
    this.rest();
  }

  /** @param {number[][]} line of the lasso, on the screen */
  setLine(line) {
    this.line = line;
    this.invalidate();
  }

  moveTo(place, how) {
    return this.glide.to(place, how);
  }

  fit() {
    this.moveTo({ x: 0, y: 0, zoom: 1 }, { glide: true });
  }

  /** Shows some points large enough to see them all. */
  goTo(points) {
    if (points.length) this.moveTo(this.camera.around(boxOf(this.layout, points)), { glide: true });
  }

  zoomBy(factor) {
    this.moveTo({ ...this.glide.heading, zoom: this.camera.clamped(this.glide.heading.zoom * factor) }, { glide: true });
  }

  pointsInView() {
    return pointsOf(this.layout, pointsIn(this.layout, this.camera.box));
  }

  resize(density = Math.min(devicePixelRatio || 1, 2)) {
    const { points, overlay } = this.elements;
    const { clientWidth: width, clientHeight: height } = overlay;
    for (const canvas of [points, overlay]) Object.assign(canvas, { width: width * density, height: height * density });
    Object.assign(this.camera, { width, height });
    this.density = density;
    this.rest();
  }

  moved() {
    clearTimeout(this.timer);
    this.isMoving = true;
    this.timer = setTimeout(() => this.rest(), REST_MS);
    this.on.hover(-1, null);
    this.invalidate();
  }

  rest() {
    clearTimeout(this.timer);
    this.isMoving = false;
    this.front.wanting = true;
    this.invalidate();
    if (this.layout) this.on.move(this.camera.place);
  }

  /** How far the points are on their way from a former layout, 0 to 1. */
  way() {
    if (!this.turning) return 1;
    const t = Math.min(1, (performance.now() - this.turning.since) / TURN_MS);
    if (t === 1) {
      this.turning = null;
      this.renderer.setFormer(null);
      this.rest();
    } else this.invalidate();
    return t * t * (3 - 2 * t);
  }

  invalidate() {
    if (this.frame) return;
    const asked = performance.now();
    this.frame = requestAnimationFrame(() => this.draw(performance.now() - asked));
  }

  draw(waited) {
    this.frame = 0;
    if (!this.layout || !this.density || !this.look.palette) return;
    const { camera, layout, picked } = this;
    const way = this.way();
    const { runs, count } = way < 1 ? all(layout) : runsIn(layout, camera.box);
    const skip = this.isMoving || way < 1 ? this.pace.skip(count + this.renderer.pickedCount, waited) : 1;
    const style = { ...pointStyle(camera, layout, skip, this.density), dimmed: Boolean(picked.lit || picked.selected), dim: this.look.dim, accent: this.look.accent, ring: this.look.ring, way };
    this.renderer.draw(camera.clip, runs, skip, style);
    this.drawFront(way);
    Object.assign(this.elements.facts.dataset, {
      frames: ++this.frames,
      points: layout.order.length,
      drawn: Math.ceil(count / skip),
      ...this.front.facts(),
      lit: picked.lit?.layout.order.length ?? 0,
      sure: picked.sure?.layout.order.length ?? 0,
      selected: picked.selected?.layout.order.length ?? 0,
      resting: !this.isMoving && way === 1,
      place: placeToText(camera.place),
    });
  }

  drawFront(way) {
    const { camera, look, codes, line, density: pixels } = this;
    const { lit, sure, selected } = this.picked;
    const chosen = sure?.points.length ? sure : (lit ?? selected);
    const pictured = chosen?.layout ?? this.layout;
    this.front.draw({ camera, look, codes, line, pixels, pictured, whole: !chosen, moving: way < 1 });
  }

  restore() {
    this.renderer = new PointRenderer(this.elements.points);
    this.renderer.setPalette(this.look.palette);
    this.setCodes(this.codes);
    for (const name of Object.keys(this.picked)) this.setPicked(name, this.picked[name]?.points ?? null);
    this.setFits(this.fits);
  }

  destroy() {
    cancelAnimationFrame(this.frame);
    this.glide.stop();
    clearTimeout(this.timer);
    this.stopGestures();
    this.resizing.disconnect();
    this.front.destroy();
    this.renderer.destroy();
  }
}

/** The runs of all points. */
const all = ({ order }) => ({ runs: [[0, order.length]], count: order.length });
