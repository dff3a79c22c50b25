/**
 * How many points may be drawn a frame while the view moves: as many as the browser keeps up with. Where it falls
 * behind (a million points on a slow graphics chip), every k-th point is drawn until the view comes to rest.
 */

const SLOW_MS = 24; // a frame at 60 Hz takes 16.7: one was missed
const QUICK_MS = 18;
const FEWEST = 20_000;
const MOST = 8_000_000;
const MOST_SKIPPED = 31; // WebGL allows a stride of 255 bytes, and a place takes 8
const LOOKED_AT = 3; // frames for each decision

export class Pace {
  constructor() {
    this.budget = 400_000;
    this.waits = [];
  }

  /**
   * Draw each how-many-th of `count` points?
   * @param {number} waited milliseconds from asking for this frame until it came: long when the one before is still being drawn
   */
  skip(count, waited) {
    this.waits.push(waited);
    if (this.waits.length === LOOKED_AT) this.adjust(count);
    return Math.max(1, Math.min(MOST_SKIPPED, Math.ceil(count / this.budget)));
  }

  adjust(count) {
    const middle = this.waits.sort((a, b) => a - b)[1];
    this.waits = [];
    if (middle > SLOW_MS) this.budget = Math.max(FEWEST, Math.min(this.budget, count) * Math.max(0.3, QUICK_MS / middle));
    else if (middle < QUICK_MS && count > this.budget) this.budget = Math.min(MOST, this.budget * 1.15);
  }
}

/** Points shrink and fade where they are many, by the density at this zoom; those left out while moving are made up for. */
export function pointStyle(camera, layout, skip, pixels) {
  const each = (4 * layout.filled * camera.scale ** 2 * skip) / Math.max(1, layout.order.length); // square pixels a point
  const size = Math.max(1.6, Math.min(9, 0.75 * Math.sqrt(each)));
  return { size: size * pixels, opacity: Math.max(0.35, Math.min(0.9, each / size ** 2)) };
}
