/** The canvas above the points: pictures in a frame of their point's colour, names, and the line of the lasso. */

const FRAME = 2; // CSS pixels
const HALO = 4; // of the ground's colour round a name

export class Overlay {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.widths = new Map();
    this.family = getComputedStyle(canvas).fontFamily;
  }

  /**
   * @param {{spots: {x: number, y: number, size: number, bitmap?: ImageBitmap, colour: Uint8Array, to?: {x: number, y: number}}[], names: object[], line: number[][]}} what
   *   `to`: where the line from a picture leads; `line`: corners, CSS pixels
   * @param {{ink: string, ground: string}} look
   */
  draw({ spots, names, line }, look, density) {
    const { context, canvas } = this;
    context.setTransform(density, 0, 0, density, 0, 0);
    context.clearRect(0, 0, canvas.width / density, canvas.height / density);
    for (const spot of spots) if (spot.bitmap && spot.to) this.leader(spot);
    for (const spot of spots) if (spot.bitmap) this.picture(spot);
    for (const name of names) this.name(name, look);
    if (line.length > 1) this.lasso(line);
  }

  picture({ x, y, size, bitmap, colour }) {
    const { context } = this;
    const scale = (size - 2 * FRAME) / Math.max(bitmap.width, bitmap.height);
    const width = bitmap.width * scale;
    const height = bitmap.height * scale;
    context.fillStyle = css(colour);
    context.fillRect(x - width / 2 - FRAME, y - height / 2 - FRAME, width + 2 * FRAME, height + 2 * FRAME);
    context.drawImage(bitmap, x - width / 2, y - height / 2, width, height);
  }

  leader({ x, y, to, colour }) {
    const { context } = this;
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(to.x, to.y);
    context.lineWidth = 1.5;
    context.strokeStyle = css(colour);
    context.stroke();
  }

  name({ place, x, y, size }, { ink, ground }) {
    const { context } = this;
    Object.assign(context, { font: this.font(size), textAlign: "center", textBaseline: "middle", lineJoin: "round" });
    Object.assign(context, { lineWidth: HALO, strokeStyle: ground, fillStyle: ink });
    context.strokeText(place.name, x, y);
    context.fillText(place.name, x, y);
  }

  font(size) {
    return `650 ${size}px ${this.family}`;
  }

  /** CSS pixels that a name takes. */
  widthOf(name, size) {
    const key = `${size} ${name}`;
    if (!this.widths.has(key)) {
      this.context.font = this.font(size);
      this.widths.set(key, this.context.measureText(name).width);
    }
    return this.widths.get(key);
  }

  lasso(line) {
    const { context } = this;
    const style = getComputedStyle(this.canvas);
    context.beginPath();
    for (const [x, y] of line) context.lineTo(x, y);
    context.closePath();
    context.lineWidth = 2;
    context.strokeStyle = context.fillStyle = style.getPropertyValue("--accent");
    context.setLineDash([6, 4]);
    context.stroke();
    context.setLineDash([]);
    context.globalAlpha = 0.12;
    context.fill();
    context.globalAlpha = 1;
  }
}

const css = (colour) => `rgb(${colour[0]} ${colour[1]} ${colour[2]})`;
