/** Leads the camera to a place in a short while, or at once where motion is unwanted. */

const GLIDE_MS = 180;

export const isCalm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

export class Glide {
  /** @param {object} camera @param {() => void} onStep */
  constructor(camera, onStep) {
    Object.assign(this, { camera, onStep, goal: null, frame: 0 });
  }

  /** Where one looks, or will in a moment: a second key press goes on from where the first one leads. */
  get heading() {
    return this.goal ?? this.camera.place;
  }

  to(place, { glide = false } = {}) {
    this.stop();
    if (!glide || isCalm()) {
      this.camera.moveTo(place);
      return this.onStep();
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
      this.onStep();
      if (t < 1) this.frame = requestAnimationFrame(step);
      else this.goal = null;
    };
    this.frame = requestAnimationFrame(step);
    return undefined;
  }

  stop() {
    cancelAnimationFrame(this.frame);
    this.goal = null;
  }
}
