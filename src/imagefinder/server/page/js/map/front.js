/** What lies over the points: pictures, the names of groups, the line of the lasso; drawn on one canvas. */

import { landmarks, sumsOf } from "./landmarks.js";
import { arranged } from "./names.js";
import { Overlay } from "./overlay.js";
import { PictureStore, isCrowded, pictureSpots } from "./pictures.js";

export class Front {
  /** @param {HTMLCanvasElement} canvas @param {(point: number) => string} idOf @param {() => void} onArrival of a picture */
  constructor(canvas, idOf, onArrival) {
    this.overlay = new Overlay(canvas);
    this.pictures = new PictureStore(onArrival);
    this.idOf = idOf;
    this.places = [];
    this.spots = [];
    this.names = [];
    this.arrangement = null;
    this.wanting = true;
  }

  /** @param {object[]} places see names.js @param {object} layout on which they are */
  setPlaces(places, layout) {
    this.places = places;
    this.density = sumsOf(layout);
    this.arrangement = null;
  }

  /** @param {{camera: object, pictured: object, whole: boolean, moving: boolean, look: object, codes: Uint8Array | null, line: number[][], pixels: number}} scene
   *   `pictured`: the layout of the points that may have pictures; `whole`: they are all there are; `moving`: points are on their way, and nothing stands on them */
  draw(scene) {
    const { camera, look } = scene;
    const { names, marks } = this.arrange(camera, look);
    const byNames = scene.whole && marks.length > 0 && isCrowded(scene.pictured, camera);
    this.names = scene.moving || !look.named ? [] : this.onScreen(names, camera);
    this.spots = scene.moving || !look.shown ? [] : byNames ? this.onScreen(marks, camera) : pictureSpots(scene.pictured, camera);
    for (const spot of this.spots) spot.id = this.idOf(spot.point);
    this.fetch(camera);
    for (const spot of this.spots) {
      spot.bitmap = this.pictures.get(spot.id);
      spot.drawn = Boolean(spot.bitmap);
      spot.colour = look.palette.subarray(4 * (scene.codes?.[spot.point] ?? 0));
    }
    this.overlay.draw({ spots: this.spots, names: this.names, line: scene.line }, look, scene.pixels);
  }

  /** Names and their pictures at this zoom, worked out once for each. */
  arrange(camera, look) {
    const key = `${camera.scale} ${look.shown}`;
    if (this.arrangement?.key === key) return this.arrangement;
    const names = this.places.length ? arranged(this.places, camera, (name, size) => this.overlay.widthOf(name, size)) : [];
    const marks = look.shown && names.length ? landmarks(names, this.density, camera) : [];
    return (this.arrangement = { key, names, marks });
  }

  onScreen(boxes, { x, y, scale, width, height }) {
    const right = width / 2 - x * scale;
    const down = height / 2 + y * scale;
    const moved = boxes.map((box) => ({ ...box, x: box.x + right, y: box.y + down, to: box.to && { x: box.to.x + right, y: box.to.y + down } }));
    return moved.filter((box) => Math.abs(box.x - width / 2) < width / 2 + 100 && Math.abs(box.y - height / 2) < height / 2 + 60);
  }

  fetch({ width, height }) {
    if (!this.wanting) return;
    this.wanting = false;
    const middle = ({ x, y }) => (x - width / 2) ** 2 + (y - height / 2) ** 2;
    const nearFirst = this.spots.toSorted((a, b) => middle(a) - middle(b));
    this.pictures.want(nearFirst.map((spot) => spot.id).filter(Boolean), this.spots[0]?.size ?? 0);
  }

  /** The point whose picture is at a place on the screen, or -1. */
  at(left, top) {
    const over = this.spots.findLast(({ x, y, size, drawn }) => drawn && Math.abs(x - left) <= size / 2 && Math.abs(y - top) <= size / 2);
    return over ? over.point : -1;
  }

  facts() {
    return {
      pictures: this.spots.filter((spot) => spot.drawn).length,
      awaited: this.spots.filter((spot) => spot.bitmap === undefined).length,
      names: this.names.length,
    };
  }

  destroy() {
    this.pictures.destroy();
  }
}
