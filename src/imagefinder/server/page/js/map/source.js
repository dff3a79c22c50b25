/** What the server has of a map, made ready by a worker. Indices are the map's own order, whatever is asked. */

import { api } from "../api.js";
import { texts } from "../texts.js";

/** Columns by which points can be coloured besides a collection's own. */
export const COLOURS = ["cluster", "folder", "taken_at", "mtime", "format", "tags", "outlier", "blur", "width", "bytes"];
const EXPORTED = "id,uri,folder,format,width,height,bytes,taken_at,cluster,cluster_name,tags,caption";

export class MapSource {
  constructor() {
    this.worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    this.waiting = new Map();
    this.turn = 0;
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

  /** @returns {Promise<object>} the layout (layout.js) of the map `name` @throws {ApiError} */
  async open(name, signal) {
    const path = `/maps/${encodeURIComponent(name)}`;
    const [coordinates, ids] = await Promise.all([
      api.bytes(`${path}/coordinates`, null, { signal }),
      api.bytes(`${path}/ids`, null, { signal }),
    ]);
    Object.assign(this, { path, coordinates: new Float32Array(coordinates), ids: new Uint8Array(ids) });
    return this.work("layOut", { coordinates: coordinates.slice(0) });
  }

  /** The codes of a field, and, where images have left the index since the map was made, a layout without them. */
  async values(field, signal) {
    const fields = [...new Set(["bytes", field, ...(field === "cluster" ? ["cluster_name"] : [])])].join();
    const values = await this.work("values", { columns: await this.columns(fields, signal), field });
    for (const kind of values.kinds ?? []) kind.name ||= texts.filters.group(kind.value); // only a group may lack a name
    if (!values.gone.some((i) => Number.isFinite(this.coordinates[2 * i]))) return { values, layout: null };
    for (const i of values.gone) this.coordinates[2 * i] = NaN;
    return { values, layout: await this.work("layOut", { coordinates: this.coordinates.slice(0).buffer }) };
  }

  /** A layout by what the images mean: how well each fits the queries `x` and `y`, or one of them. @throws {ApiError} */
  async turned({ x, y }, signal) {
    const scores = async (words) => (words ? api.post(`${this.path}/scores`, { words }, { signal, as: "bytes" }) : null);
    const [across, up] = await Promise.all([scores(x), scores(y)]);
    const wide = Math.max(0.6, Math.min(1.8, innerWidth / innerHeight)); // so that the plane fills the view
    return this.work("turn", { across, up, own: this.coordinates.slice(0).buffer, wide });
  }

  async csv(points, signal) {
    return this.work("csv", { columns: await this.columns(EXPORTED, signal), points });
  }

  columns(fields, signal) {
    return api.bytes(`${this.path}/columns`, { fields }, { signal });
  }

  /** How many points the map has. */
  get size() {
    return this.ids.length / 16;
  }

  idOf(point) {
    const hex = Array.from(this.ids.subarray(16 * point, 16 * point + 16), (byte) => byte.toString(16).padStart(2, "0"));
    return [[0, 4], [4, 6], [6, 8], [8, 10], [10, 16]].map(([from, to]) => hex.slice(from, to).join("")).join("-");
  }

  /** The points of some ids, in the map's order: one pass over the map, first by 16 bits of each id. */
  pointsOf(ids) {
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
