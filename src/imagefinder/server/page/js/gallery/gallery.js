// All images that match, of which only those looked at are loaded: a page of rows at a time, by their places. Of the
// others the shape and the colours are known, so that the wall of pictures stands from the start.
import { api, isAbort } from "../api.js";
import { ID_BYTES, IDS_A_PART, idAt } from "../uuids.js";
import { unloaded, usualShape } from "./shapes.js";

const PAGE = 200;
const FIELDS = "id,width,height,content_hash,uri,caption,colours,favorite,rating";
const FEW_PAGES = 10; // to load for the ids of a range; for more, all ids come at once
const REST_MS = 60; // without movement, before what is on the screen is loaded
const QUICK_MS = 200; // in which a page comes over a connection with room for all at once; over another
const CALM_MS = 800; // the first pictures go before the shapes of all
const RETRY_MS = 2000;
const AHEAD = 60; // images loaded above and below those drawn

export class Gallery {
  /** @param {{filter: string, sort: string}} params */
  constructor(params) {
    this.params = params;
    this.loaded = new Set(); // numbers of pages
    this.loading = new Map(); // number -> AbortController
    this.seen = [0, 0];
    this.items = [];
    this.total = 0;
    this.watcher = null;
    this.closed = new AbortController();
  }

  /**
   * Opens the images with the page that holds the image `around`, or with those on the screen of a `former` gallery.
   * With `whole` the shapes of all are waited for.
   */
  static async open(params, { signal, around = "", former = null, whole = false }) {
    const gallery = new Gallery(params);
    signal.addEventListener("abort", () => gallery.close(), { once: true });
    const [from, end] = former?.seen ?? [0, 0];
    const pages = new Set([0, ...(end ? pagesOf(from, end) : [])]);
    const shapes = whole || end ? gallery.shapes() : null;
    shapes?.catch(() => {}); // said when it is waited for
    const begun = performance.now();
    const answers = await Promise.all([...pages].map((page) => gallery.rows({ offset: page * PAGE })));
    const there = around && !answers.some(({ images }) => images.some(({ id }) => id === around));
    if (there) answers.push(await gallery.rows({ around }));
    const wait = performance.now() - begun < QUICK_MS ? 0 : CALM_MS;
    gallery.begin(answers);
    if (gallery.isWhole) return gallery;
    if (shapes) gallery.lay(await shapes);
    else gallery.later = setTimeout(() => gallery.layLater(), wait);
    return gallery;
  }

  rows(where, signal = this.closed.signal) {
    return api.get("/images", { ...this.params, fields: FIELDS, k: PAGE, ...where }, { signal });
  }

  shapes() {
    return api.bytes("/images/shapes", this.params, { signal: this.closed.signal });
  }

  get isWhole() {
    return this.items.every((item) => !item.missing);
  }

  begin(answers) {
    this.total = answers[0].total;
    const shape = usualShape(answers[0].images);
    const items = Array.from({ length: this.total }, (_, i) => unloaded(i, shape));
    for (const answer of answers) this.put(items, answer);
    this.show(items, {});
  }

  /** Rows of an answer at their places. */
  put(items, { images, offset }) {
    images.forEach((image, i) => offset + i < items.length && (items[offset + i] = { ...image, key: offset + i }));
    this.loaded.add(offset / PAGE);
  }

  /** The shapes and colours of all that are not loaded. */
  lay(bytes) {
    const codes = new Uint8Array(bytes);
    const n = codes.length / 2;
    if (n !== this.total) return; // it has changed meanwhile, and is loaded anew
    this.show(this.items.map((item, i) => (item.missing ? unloaded(i, codes[i], codes[n + i]) : item)), {});
    this.laid = true;
  }

  layLater() {
    clearTimeout(this.later);
    if (this.laid || this.asked || this.closed.signal.aborted) return;
    this.asked = true;
    this.shapes().then((bytes) => this.lay(bytes)).catch((error) => isAbort(error) || this.again(() => this.layLater())).finally(() => (this.asked = false));
  }

  /** `shapes` is another object as soon as another layout is needed. */
  show(items, shapes = this.items.shapes) {
    this.items = Object.assign(items, { gallery: this, shapes });
    this.watcher?.(items);
  }

  /** Calls `watcher` with the items whenever more of them are loaded. */
  watch(watcher) {
    this.watcher = watcher;
    return () => this.watcher === watcher && (this.watcher = null);
  }

  /** Loads the images from `from` to before `end` as soon as the page rests; what is far from them is given up. */
  need(from, end) {
    this.seen = [from, end];
    clearTimeout(this.resting);
    if (!this.missing(from - AHEAD, end + AHEAD).length) return;
    if (from > 0) this.layLater();
    this.resting = setTimeout(() => this.load(), REST_MS);
  }

  missing(from, end) {
    return pagesOf(Math.max(0, from), Math.min(this.total, end)).filter((page) => !this.loaded.has(page));
  }

  load() {
    const [from, end] = this.seen;
    const wanted = new Set(this.missing(from - AHEAD, end + AHEAD));
    for (const [page, controller] of this.loading) if (!wanted.has(page)) controller.abort();
    for (const page of wanted) if (!this.loading.has(page)) this.loadPage(page).catch((error) => isAbort(error) || this.again(() => this.load()));
  }

  again(work) {
    if (!this.closed.signal.aborted) setTimeout(work, RETRY_MS);
  }

  async fetchPage(page, signal) {
    const answer = await this.rows({ offset: page * PAGE }, signal);
    if (this.loaded.has(page)) return;
    const items = this.items.slice();
    this.put(items, answer);
    this.show(items);
  }

  /** A page that is looked at: given up as soon as it no longer is. */
  async loadPage(page) {
    const controller = new AbortController();
    const stop = () => controller.abort();
    this.closed.signal.addEventListener("abort", stop);
    this.loading.set(page, controller);
    try {
      await this.fetchPage(page, controller.signal);
    } finally {
      this.loading.delete(page);
      this.closed.signal.removeEventListener("abort", stop);
    }
  }

  /** The ids of the images from `from` to before `end`, loaded where they are not known, wherever the page is by then. */
  async ids(from, end) {
    const pages = this.missing(from, end);
    if (pages.length > FEW_PAGES) {
      const ids = [];
      for (let offset = from; offset < end; offset += IDS_A_PART) {
        const bytes = new Uint8Array(await api.bytes("/images/ids", { ...this.params, offset, k: Math.min(IDS_A_PART, end - offset) }));
        for (let i = 0; i < bytes.length / ID_BYTES; i++) ids.push(idAt(bytes, i));
      }
      return ids;
    }
    await Promise.all(pages.map((page) => this.fetchPage(page)));
    return this.items.slice(from, end).map((item) => item.id);
  }

  close() {
    clearTimeout(this.later);
    clearTimeout(this.resting);
    this.closed.abort();
  }
}

const pagesOf = (from, end) => {
  const first = Math.floor(from / PAGE);
  return end > from ? Array.from({ length: Math.floor((end - 1) / PAGE) - first + 1 }, (_, i) => first + i) : [];
};
