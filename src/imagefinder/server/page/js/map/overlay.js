/** The canvas above the points: pictures in a frame of their point's colour, and the line of the lasso. */

const FRAME = 2; // CSS pixels

export class Overlay {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
  }

  /**
   * @param {{x: number, y: number, size: number, bitmap?: ImageBitmap, colour: Uint8Array}[]} spots
   * @param {number[][]} line corners, CSS pixels
   */
  draw(spots, line, density) {
    const { context, canvas } = this;
    context.setTransform(density, 0, 0, density, 0, 0);
    context.clearRect(0, 0, canvas.width / density, canvas.height / density);
    for (const spot of spots) if (spot.bitmap) this.picture(spot);
    if (line.length > 1) this.lasso(line);
  }

  picture({ x, y, size, bitmap, colour }) {
    const { context } = this;
    const scale = (size - 2 * FRAME) / Math.max(bitmap.width, bitmap.height);
    const width = bitmap.width * scale;
    const height = bitmap.height * scale;
    context.fillStyle = `rgb(${colour[0]} ${colour[1]} ${colour[2]})`;
    context.fillRect(x - width / 2 - FRAME, y - height / 2 - FRAME, width + 2 * FRAME, height + 2 * FRAME);
    context.drawImage(bitmap, x - width / 2, y - height / 2, width, height);
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
