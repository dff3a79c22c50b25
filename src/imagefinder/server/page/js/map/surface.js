/**
 * The drawn map: points by WebGL, pictures and the lasso on a canvas above. It draws a frame only when something has
 * changed, and tells what happened through `on`. Points are named by their place in the map, as in source.js.
 */

import { Camera, placeToText } from "./camera.js";
import { watchGestures } from "./gestures.js";
import { Overlay } from "./overlay.js";
import { Pace } from "./pace.js";
import { PictureStore, pictureSpots } from "./pictures.js";
import { ABSENT, partOf } from "./layout.js";
import { nearest, pointsIn, pointsInside, runsIn } from "./queries.js";
import { PointRenderer } from "./renderer.js";

const REST_MS = 140; // without a move: then all points are drawn and pictures fetched
const GLIDE_MS = 180;
const REACH = { mouse: 10, touch: 22 }; // how near a click must come, CSS pixels

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
    this.overlay = new Overlay(elements.overlay);
    this.pictures = new PictureStore(() => this.invalidate());
    this.pace = new Pace();
    this.layout = null;
    this.picked = { lit: null, selected: null };
    this.look = { palette: null, dim: [0.5, 0.5, 0.5], accent: [0, 0, 1], shown: true };
    this.frames = 0;
    this.frame = 0;
    this.goal = null;
    this.line = [];
    this.stopGestures = watchGestures(elements.overlay, this.gestures());
    this.resizing = new ResizeObserver(() => this.resize());
    this.resizing.observe(elements.overlay);
    elements.points.addEventListener("webglcontextlost", (event) => event.preventDefault());
    elements.points.addEventListener("webglcontextrestored", () => this.restore());
  }

  setLayout(layout) {
    this.layout = layout;
    this.camera.extent = { halfWidth: layout.halfWidth, halfHeight: layout.halfHeight, n: layout.order.length };
    this.setCodes(null);
    for (const name of ["lit", "selected"]) this.setPicked(name, this.picked[name]?.points ?? null);
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

  /** @param {"lit" | "selected"} name @param {Uint32Array | null} points of the map; null: none is */
  setPicked(name, points) {
    const sorted = points && this.sorted(points);
    this.picked[name] = points && { points, layout: partOf(this.layout, sorted) };
    this.renderer.setPicked(name, sorted);
    this.rest();
  }

  moveTo(place, { glide = false } = {}) {
    this.stopGlide();
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (!glide || calm) {
      this.camera.moveTo(place);
      return this.moved();
    }
    const from = this.camera.place;
    const start = performance.now();
    this.goal = place;
    const step = (now) => {
      const t = Math.min(1, (now - start) / GLIDE_MS);
      const eased = 1 - (1 - t) ** 3;
      const zoom = from.zoom * (place.zoom / from.zoom) ** eased;
      const share = place.zoom === from.zoom ? eased : (1 / from.zoom - 1 / zoom) / (1 / from.zoom - 1 / place.zoom);
      this.camera.moveTo({ x: from.x + (place.x - from.x) * share, y: from.y + (place.y - from.y) * share, zoom });
      this.moved();
      if (t < 1) this.gliding = requestAnimationFrame(step);
      else this.goal = null;
    };
    this.gliding = requestAnimationFrame(step);
    return undefined;
  }

  stopGlide() {
    cancelAnimationFrame(this.gliding);
    this.goal = null;
  }

  /** Where one looks, or will in a moment: a second key press goes on from where the first one leads. */
  get heading() {
    return this.goal ?? this.camera.place;
  }

  fit() {
    this.moveTo({ x: 0, y: 0, zoom: 1 }, { glide: true });
  }

  /** Shows some points large enough to see them all. */
  goTo(points) {
    const { xy } = this.layout;
    const box = { left: Infinity, right: -Infinity, bottom: Infinity, top: -Infinity };
    for (const point of points) {
      const i = this.layout.rank[point];
      box.left = Math.min(box.left, xy[2 * i]);
      box.right = Math.max(box.right, xy[2 * i]);
      box.bottom = Math.min(box.bottom, xy[2 * i + 1]);
      box.top = Math.max(box.top, xy[2 * i + 1]);
    }
    if (points.length) this.moveTo(this.camera.around(box), { glide: true });
  }

  zoomBy(factor) {
    this.moveTo({ ...this.heading, zoom: this.camera.clamped(this.heading.zoom * factor) }, { glide: true });
  }

  pointsInView() {
    return this.originals(pointsIn(this.layout, this.camera.box));
  }

  originals(sorted) {
    const { order } = this.layout;
    const points = new Uint32Array(sorted.length);
    for (let i = 0; i < points.length; i++) points[i] = order[sorted[i]];
    return points;
  }

  /** The places of points in the layout; those it leaves out are left out. */
  sorted(points) {
    const { rank } = this.layout;
    const found = new Uint32Array(points.length);
    let n = 0;
    for (let i = 0; i < points.length; i++) if (rank[points[i]] !== ABSENT) found[n++] = rank[points[i]];
    return found.subarray(0, n).sort();
  }

  gestures() {
    const { camera } = this;
    const moving = (change) => (...by) => {
      this.stopGlide();
      change(...by);
      this.moved();
    };
    return {
      panBy: moving((right, down) => camera.panBy(right, down)),
      zoomAt: moving((...at) => camera.zoomAt(...at)),
      stepBy: (right, down) => {
        const { x, y, zoom } = this.heading;
        this.moveTo({ x: x - right / camera.scale, y: y + down / camera.scale, zoom }, { glide: true });
      },
      zoomBy: (factor) => this.zoomBy(factor),
      fit: () => this.fit(),
      hover: (place) => this.hover(place),
      pick: (place, how) => {
        const point = this.at(place, how.touch ? REACH.touch : REACH.mouse);
        if (point >= 0) this.on.pick(point, how);
      },
      lassoes: () => this.on.lassoes(),
      lasso: (line, done) => this.lasso(line, done),
      escape: () => this.on.escape(),
    };
  }

  hover(place) {
    const point = place && this.layout ? this.at(place, REACH.mouse) : -1;
    this.elements.overlay.style.cursor = point >= 0 ? "pointer" : "";
    this.on.hover(point, place);
  }

  /** The point whose picture is there, or the nearest within reach, or -1. */
  at([left, top], reach) {
    if (!this.layout) return -1;
    const over = (this.spots ?? []).findLast(
      ({ x, y, size, drawn }) => drawn && Math.abs(x - left) <= size / 2 && Math.abs(y - top) <= size / 2,
    );
    if (over) return over.point;
    const near = nearest(this.layout, ...this.camera.fromScreen(left, top), reach / this.camera.scale);
    return near < 0 ? -1 : this.layout.order[near];
  }

  lasso(line, done) {
    this.line = done ? [] : line;
    this.invalidate();
    if (!done || !this.layout) return;
    const start = performance.now();
    const corners = line.map((place) => this.camera.fromScreen(...place));
    const points = this.originals(pointsInside(this.layout, corners));
    this.elements.facts.dataset.lassoMs = (performance.now() - start).toFixed(1);
    this.on.lasso(points, done);
  }

  resize() {
    const { points, overlay } = this.elements;
    const density = Math.min(devicePixelRatio || 1, 2);
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
    this.wanting = true;
    this.invalidate();
    if (this.layout) this.on.move(this.camera.place);
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
    const { runs, count } = runsIn(layout, camera.box);
    const skip = this.isMoving ? this.pace.skip(count + this.renderer.pickedCount, waited) : 1;
    const style = { ...this.pointStyle(skip), dimmed: Boolean(picked.lit || picked.selected), dim: this.look.dim, accent: this.look.accent };
    this.renderer.draw(camera.clip, runs, skip, style);
    const pictured = (picked.lit ?? picked.selected)?.layout ?? layout;
    this.spots = this.look.shown && pictured.order.length ? pictureSpots(pictured, camera) : [];
    this.drawPictures();
    Object.assign(this.elements.facts.dataset, {
      frames: ++this.frames,
      points: layout.order.length,
      drawn: Math.ceil(count / skip),
      pictures: this.spots.filter((spot) => spot.drawn).length,
      awaited: this.spots.filter((spot) => spot.bitmap === undefined).length,
      lit: picked.lit?.layout.order.length ?? 0,
      selected: picked.selected?.layout.order.length ?? 0,
      resting: !this.isMoving,
      place: placeToText(camera.place),
    });
  }

  /** Points shrink and fade where they are many, by the density at this zoom; those left out while moving are made up for. */
  pointStyle(skip) {
    const { camera, layout } = this;
    const each = (4 * layout.filled * camera.scale ** 2 * skip) / Math.max(1, layout.order.length); // square pixels a point
    const size = Math.max(1.6, Math.min(9, 0.75 * Math.sqrt(each)));
    return { size: size * this.density, opacity: Math.max(0.35, Math.min(0.9, each / size ** 2)) };
  }

  drawPictures() {
    const { spots, camera, look } = this;
    const middle = ({ x, y }) => (x - camera.width / 2) ** 2 + (y - camera.height / 2) ** 2;
    for (const spot of spots) spot.id = this.on.idOf(spot.point);
    if (this.wanting) {
      this.wanting = false;
      const nearFirst = spots.toSorted((a, b) => middle(a) - middle(b));
      this.pictures.want(nearFirst.map((spot) => spot.id), spots[0]?.size ?? 0);
    }
    for (const spot of spots) {
      spot.bitmap = this.pictures.get(spot.id);
      spot.drawn = Boolean(spot.bitmap);
      spot.colour = look.palette.subarray(4 * (this.codes?.[spot.point] ?? 0));
    }
    this.overlay.draw(spots, this.line, this.density);
  }

  restore() {
    this.renderer = new PointRenderer(this.elements.points);
    this.renderer.setPalette(this.look.palette);
    this.setCodes(this.codes);
    for (const name of ["lit", "selected"]) this.setPicked(name, this.picked[name]?.points ?? null);
  }

  destroy() {
    cancelAnimationFrame(this.frame);
    this.stopGlide();
    clearTimeout(this.timer);
    this.stopGestures();
    this.resizing.disconnect();
    this.pictures.destroy();
    this.renderer.destroy();
  }
}
