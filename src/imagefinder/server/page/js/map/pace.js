/**
 * How many points may be drawn a frame while the view moves: as many as the browser keeps up with. Where it falls
 * behind (a million points on a slow graphics chip), every k-th point is drawn until the view comes to rest.
 */

const SLOW_MS = 24; // a frame at 60 Hz takes 16.7: one was missed
const QUICK_MS = 18;
const PAUSE_MS = 200; // after a pause the gap says nothing
const FEWEST = 30_000;
const MOST = 8_000_000;

export class Pace {
  constructor() {
    this.budget = 400_000;
    this.last = 0;
    this.gaps = [];
  }

  /** Draw each how-many-th of `count` points in the frame at `now` (milliseconds)? */
  skip(count, now) {
    const gap = now - this.last;
    this.last = now;
    if (gap < PAUSE_MS) this.gaps.push(gap);
    if (this.gaps.length === 4) this.adjust(count);
    return Math.ceil(count / this.budget);
  }

  adjust(count) {
    const [, low, high] = this.gaps.sort((a, b) => a - b);
    const middle = (low + high) / 2;
    this.gaps = [];
    if (middle > SLOW_MS) this.budget = Math.max(FEWEST, Math.min(this.budget, count) * 0.6);
    else if (middle < QUICK_MS && count > this.budget) this.budget = Math.min(MOST, this.budget * 1.15);
  }
}
