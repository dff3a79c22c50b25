/** What the server has of a map, made ready by a worker. Indices are the map's own order, whatever is asked. */

import { api } from "../api.js";
import { texts } from "../texts.js";
import { ID_BYTES, PART_BYTES, idAt } from "../uuids.js";
import { GONE } from "./values.js";

/** Columns by which points can be coloured besides a collection's own. */
export const COLOURS = ["cluster", "folder", "taken_at", "mtime", "format", "tags", "outlier", "blur", "width", "bytes"];
const SCORE_BYTES = 4;
const bytesIn = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));

export class MapSource {
  constructor() {
    this.worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    this.waiting = new Map();
    this.turn = 0;
    this.known = 0; // ids, so many from the first on
    this.onIds = () => {};
    this.worker.onmessage = ({ data: { turn, result, error } }) => {
      const { resolve, reject } = this.waiting.get(turn);
      this.waiting.delete(turn);
      if (error) reject(new Error(error));
      else resolve(result);
    };
    this.worker.onerror = () => {
      for (const { reject } of this.waiting.values()) reject(new Error(texts.map.noWorker));
      this.waiting.clear();
    };
  }

  /**
   * The ids come after the layout: `onIds` is called as they do.
   * @param {{name: string, images: number}} map @returns {Promise<object>} its layout (layout.js) @throws {ApiError}
   */
  async open({ name, images }, signal) {
    const path = `/maps/${encodeURIComponent(name)}`;
    const coordinates = new Uint8Array(8 * images);
    await this.load(`${path}/coordinates`, coordinates, images, signal);
    Object.assign(this, { path, coordinates: new Float32Array(coordinates.buffer), ids: new Uint8Array(ID_BYTES * images), known: 0 });
    const onPart = (known) => {
      this.known = known;
      this.onIds();
    };
    this.allIds = this.load(`${path}/ids`, this.ids, images, signal, { onPart });
    this.allIds.catch(() => {}); // said where they are waited for
    return this.work("layOut", { coordinates: coordinates.buffer.slice(0) });
  }

  /**
   * Fills `bytes`, the same number for each image of the map, by parts in their order.
   * @param {{body?: object, most?: number}} how with a `body`, they are asked for by POST; `most`: bytes of a part
   */
  async load(path, bytes, images, signal, { onPart = () => {}, body, most = PART_BYTES } = {}) {
    const k = Math.floor((most * images) / bytes.length);
    for (let offset = 0; offset < images; offset += k) {
      const part = body
        ? await api.post(path, body, { params: { offset, k }, signal, as: "bytes" })
        : await api.bytes(path, { offset, k }, { signal });
      bytes.set(new Uint8Array(part), (offset * bytes.length) / images);
      onPart(Math.min(images, offset + k));
    }
  }

  /** The codes of a field, and, where images have left the index since the map was made, a layout without them. */
  async values(field, signal) {
    const found = await api.get(`${this.path}/values`, { field }, { signal });
    const codes = bytesIn(found.codes);
    const values = { ...found, codes };
    for (const kind of values.kinds ?? []) kind.name ||= texts.filters.group(kind.value); // only a group may lack a name
    const gone = [...codes.keys()].filter((i) => codes[i] === GONE && Number.isFinite(this.coordinates[2 * i]));
    if (!gone.length) return { values, layout: null };
    for (const i of gone) this.coordinates[2 * i] = NaN;
    return { values, layout: await this.work("layOut", { coordinates: this.coordinates.slice(0).buffer }) };
  }

  /** A layout by what the images mean: how well each fits the queries `x` and `y`, or one of them. @throws {ApiError} */
  async turned({ x, y }, signal) {
    const scores = async (words) => {
      if (!words) return null;
      const bytes = new Uint8Array(SCORE_BYTES * this.size);
      await this.load(`${this.path}/scores`, bytes, this.size, signal, { body: { words } });
      return bytes.buffer;
    };
    const [across, up] = await Promise.all([scores(x), scores(y)]);
    const wide = Math.max(0.6, Math.min(1.8, innerWidth / innerHeight)); // so that the plane fills the view
    return this.work("turn", { across, up, own: this.coordinates.slice(0).buffer, wide });
  }

  /** How many points the map has. */
  get size() {
    return this.ids.length / ID_BYTES;
  }

  /** The id of a point; empty until it is known. */
  idOf(point) {
    if (point >= this.known) return "";
    return idAt(this.ids, point);
  }

  /** The points of some ids, in the map's order: one pass over the map, first by 16 bits of each id. @throws {ApiError} */
  async pointsOf(ids) {
    await this.allIds;
    const wanted = new Set(ids);
    const maybe = new Uint8Array(65536);
    for (const id of ids) maybe[parseInt(id.slice(-4), 16)] = 1;
    const found = [];
    for (let i = 0, end = 15; end < this.ids.length; i++, end += 16) {
      if (maybe[(this.ids[end - 1] << 8) | this.ids[end]] && wanted.has(this.idOf(i))) found.push(i);
    }
    return Uint32Array.from(found);
  }

  work(task, input) {
    const turn = this.turn++;
    const transfer = Object.values(input).filter((value) => value instanceof ArrayBuffer);
    return new Promise((resolve, reject) => {
      this.waiting.set(turn, { resolve, reject });
      this.worker.postMessage({ turn, task, input }, transfer);
    });
  }

  close() {
    this.worker.terminate();
  }
}
