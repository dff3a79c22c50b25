/**
 * Where one looks on the map: the middle of the view in the layout's units (y upwards) and the zoom, 1 where the
 * whole map fits. Screen places are CSS pixels from the top left.
 */

const MARGIN = 24;

export class Camera {
  constructor() {
    this.x = 0;
    this.y = 0;
    this.zoom = 1;
    this.width = 1;
    this.height = 1;
    this.extent = { halfWidth: 1, halfHeight: 1, n: 0 };
  }

  /** Pixels a unit of the layout. */
  get scale() {
    const { halfWidth, halfHeight } = this.extent;
    const across = Math.max(1, this.width - 2 * MARGIN) / (2 * halfWidth);
    return this.zoom * Math.min(across, Math.max(1, this.height - 2 * MARGIN) / (2 * halfHeight));
  }

  /** Far enough that a handful of points fill the view. */
  get closest() {
    return Math.max(20, 2 * Math.sqrt(this.extent.n));
  }

  get box() {
    const across = this.width / 2 / this.scale;
    const up = this.height / 2 / this.scale;
    return { left: this.x - across, right: this.x + across, bottom: this.y - up, top: this.y + up };
  }

  /** From the layout's units to clip space. */
  get clip() {
    const scale = [(2 * this.scale) / this.width, (2 * this.scale) / this.height];
    return { scale, shift: [-this.x * scale[0], -this.y * scale[1]] };
  }

  toScreen(x, y) {
    return [this.width / 2 + (x - this.x) * this.scale, this.height / 2 - (y - this.y) * this.scale];
  }

  fromScreen(left, top) {
    return [this.x + (left - this.width / 2) / this.scale, this.y - (top - this.height / 2) / this.scale];
  }

  panBy(pixelsRight, pixelsDown) {
    this.moveTo({ x: this.x - pixelsRight / this.scale, y: this.y + pixelsDown / this.scale, zoom: this.zoom });
  }

  /** Zooms so that what is under a place on the screen stays there. */
  zoomAt(factor, left, top) {
    const [x, y] = this.fromScreen(left, top);
    const zoom = this.clamped(this.zoom * factor);
    const share = this.zoom / zoom;
    this.moveTo({ x: x + (this.x - x) * share, y: y + (this.y - y) * share, zoom });
  }

  moveTo({ x, y, zoom }) {
    const { halfWidth, halfHeight } = this.extent;
    this.x = Math.max(-halfWidth, Math.min(halfWidth, x));
    this.y = Math.max(-halfHeight, Math.min(halfHeight, y));
    this.zoom = this.clamped(zoom);
  }

  clamped(zoom) {
    return Math.max(0.5, Math.min(this.closest, zoom));
  }

  /** The place that shows a rectangle whole. */
  around(box) {
    const across = Math.max(box.right - box.left, 1e-6);
    const up = Math.max(box.top - box.bottom, 1e-6);
    const scale = Math.min((this.width - 2 * MARGIN) / across, (this.height - 2 * MARGIN) / up);
    const zoom = this.clamped((this.zoom * scale) / this.scale);
    return { x: (box.left + box.right) / 2, y: (box.bottom + box.top) / 2, zoom };
  }

  get place() {
    return { x: this.x, y: this.y, zoom: this.zoom };
  }
}

/** As in the page's address, `0.1200,-0.3400,2.50`; nothing where the whole map is in view. */
export function placeToText({ x, y, zoom }) {
  const whole = Math.abs(x) < 1e-4 && Math.abs(y) < 1e-4 && Math.abs(zoom - 1) < 1e-3;
  return whole ? "" : [x.toFixed(4), y.toFixed(4), zoom.toPrecision(4)].map(Number).join(",");
}

export function placeFromText(text) {
  const [x, y, zoom] = (text ?? "").split(",").map(Number);
  return zoom > 0 && Number.isFinite(x) && Number.isFinite(y) ? { x, y, zoom } : { x: 0, y: 0, zoom: 1 };
}
