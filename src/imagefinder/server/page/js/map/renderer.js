/**
 * Draws a layout's points with WebGL 2: one program, points sorted by cell, colours from a palette of 256. Why our own
 * and not a library: benchmarks/results/map_renderers.json.
 */
import { texts } from "../texts.js";

const VERTEX = `#version 300 es
layout(location = 0) in vec2 place;
layout(location = 1) in float colour;
layout(location = 2) in float fit;
layout(location = 3) in vec2 former;
uniform vec2 scale, shift;
uniform float size, way;
uniform vec4 veil;
uniform sampler2D palette;
out vec3 tint;
out float strength, side;
void main() {
  gl_Position = vec4(mix(former, place, way) * scale + shift, 0.0, 1.0);
  side = size * mix(0.7, 1.3, fit);
  gl_PointSize = side;
  strength = min(1.0, 0.4 + 1.2 * fit);
  tint = mix(texelFetch(palette, ivec2(int(colour), 0), 0).rgb, veil.rgb, veil.a);
}`;

const FRAGMENT = `#version 300 es
precision highp float;
in vec3 tint;
in float strength, side;
uniform float opacity;
out vec4 pixel;
void main() {
  float edge = side < 2.5 ? 1.0 : clamp((0.5 - length(gl_PointCoord - 0.5)) * side, 0.0, 1.0);
  pixel = vec4(tint, 1.0) * (edge * opacity * strength);
}`;

const UNIFORMS = ["scale", "shift", "size", "veil", "opacity", "way"];
const MIDDLING = 0.5; // the fit of a point of which nothing is known: drawn as it is
const PLACE_BYTES = 8;
const NO_VEIL = [0, 0, 0, 0];
const MOST_RINGED = 30_000; // selected points; rings round more of them would be all one sees

export class PointRenderer {
  /** @param {HTMLCanvasElement} canvas @throws {Error} where the browser has no WebGL 2 */
  constructor(canvas) {
    const gl = canvas.getContext("webgl2", { antialias: false, alpha: true, powerPreference: "high-performance" });
    if (!gl) throw new Error(texts.map.noWebgl2);
    this.gl = gl;
    this.program = linked(gl);
    this.uniforms = Object.fromEntries(UNIFORMS.map((name) => [name, gl.getUniformLocation(this.program, name)]));
    this.places = gl.createBuffer();
    this.colours = gl.createBuffer();
    this.fits = gl.createBuffer();
    this.formers = gl.createBuffer();
    this.former = false;
    this.picks = { lit: picked(gl), sure: picked(gl), selected: picked(gl) };
    this.palette = gl.createTexture();
    this.count = 0;
  }

  /** @param {Float32Array} xy sorted places @param {Uint8Array} colours a palette's index for each */
  setPoints(xy, colours) {
    const { gl } = this;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.places);
    gl.bufferData(gl.ARRAY_BUFFER, xy, gl.STATIC_DRAW);
    this.count = xy.length / 2;
    this.setColours(colours);
  }

  setColours(colours) {
    const { gl } = this;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.colours);
    gl.bufferData(gl.ARRAY_BUFFER, colours, gl.STATIC_DRAW);
  }

  /** How well the lit points fit, a byte for each sorted point; null: all alike. @param {Uint8Array | null} fits */
  setFits(fits) {
    const { gl } = this;
    this.fitted = Boolean(fits);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.fits);
    gl.bufferData(gl.ARRAY_BUFFER, fits ?? new Uint8Array(0), gl.STATIC_DRAW);
  }

  /** Where the points come from, to be drawn on their `way` (0 to 1) from there. @param {Float32Array | null} xy sorted as the points are */
  setFormer(xy) {
    const { gl } = this;
    this.former = Boolean(xy);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.formers);
    gl.bufferData(gl.ARRAY_BUFFER, xy ?? new Float32Array(0), gl.STATIC_DRAW);
  }

  /** @param {Uint8Array} rgba 256 colours */
  setPalette(rgba) {
    const { gl } = this;
    gl.bindTexture(gl.TEXTURE_2D, this.palette);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, 256, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, rgba);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
  }

  /** @param {"lit" | "sure" | "selected"} name @param {Uint32Array | null} points sorted points drawn above the others */
  setPicked(name, points) {
    const { gl } = this;
    const pick = this.picks[name];
    pick.count = points ? points.length : 0;
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, pick.buffer);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, strewn(points ?? []), gl.STATIC_DRAW);
  }

  get pickedCount() {
    return this.picks.lit.count + this.picks.selected.count;
  }

  /**
   * @param {{scale: number[], shift: number[]}} view from the layout's units to clip space
   * @param {number[][]} runs (first, count) of the points to draw
   * @param {number} skip draw each skip-th point only, 31 at most
   * @param {{size: number, opacity: number, dimmed: boolean, dim: number[], accent: number[], ring?: number[], way?: number}} style size in pixels, colours 0..1
   */
  draw(view, runs, skip, style) {
    const { gl, uniforms } = this;
    gl.viewport(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    if (!this.count) return;
    gl.useProgram(this.program);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.bindTexture(gl.TEXTURE_2D, this.palette);
    gl.uniform2fv(uniforms.scale, view.scale);
    gl.uniform2fv(uniforms.shift, view.shift);
    gl.uniform1f(uniforms.way, this.former ? (style.way ?? 1) : 1);
    this.drawRuns(runs, skip, style);
    this.attributes(1, this.fitted);
    const size = Math.max(style.size, 3) * 1.25;
    const { lit, sure, selected } = this.picks;
    this.drawPicked(lit, skip, size, NO_VEIL);
    this.drawPicked(sure, skip, 1.4 * size + 3, [...(style.ring ?? style.accent), 1]);
    this.drawPicked(sure, skip, 1.4 * size, NO_VEIL);
    this.attributes(1);
    if (selected.count <= MOST_RINGED) this.drawPicked(selected, skip, 1.3 * size + 2, [...style.accent, 1]);
    this.drawPicked(selected, skip, size, NO_VEIL);
  }

  drawRuns(runs, skip, { size, opacity, dimmed, dim }) {
    const { gl } = this;
    this.attributes(skip);
    this.style(size, dimmed ? opacity * 0.5 : opacity, dimmed ? [...dim, 1] : NO_VEIL);
    for (const [first, count] of runs) {
      const from = Math.ceil(first / skip);
      const to = Math.ceil((first + count) / skip);
      if (to > from) gl.drawArrays(gl.POINTS, from, to - from);
    }
  }

  drawPicked(pick, skip, size, veil) {
    if (!pick.count) return;
    const { gl } = this;
    this.style(size, 1, veil);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, pick.buffer);
    gl.drawElements(gl.POINTS, Math.ceil(pick.count / skip), gl.UNSIGNED_INT, 0);
  }

  style(size, opacity, veil) {
    const { gl, uniforms } = this;
    gl.uniform1f(uniforms.size, size);
    gl.uniform1f(uniforms.opacity, opacity);
    gl.uniform4fv(uniforms.veil, veil);
  }

  attributes(skip, fitted = false) {
    const { gl } = this;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.places);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(0, 2, gl.FLOAT, false, PLACE_BYTES * skip, 0);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.colours);
    gl.enableVertexAttribArray(1);
    gl.vertexAttribPointer(1, 1, gl.UNSIGNED_BYTE, false, skip, 0);
    this.optional(2, fitted && this.fits, 1, gl.UNSIGNED_BYTE, skip, MIDDLING);
    this.optional(3, this.former && this.formers, 2, gl.FLOAT, PLACE_BYTES * skip, 0);
  }

  /** An attribute from its buffer, or where there is none the same for all points. */
  optional(at, buffer, size, type, stride, otherwise) {
    const { gl } = this;
    if (!buffer) {
      gl.disableVertexAttribArray(at);
      return gl.vertexAttrib2f(at, otherwise, otherwise);
    }
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.enableVertexAttribArray(at);
    return gl.vertexAttribPointer(at, size, type, type === gl.UNSIGNED_BYTE, stride, 0);
  }

  /** Gives the graphics memory back at once instead of when the canvas is collected. */
  destroy() {
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }
}

/** The same points in an order of which any first part is spread over all of them. */
function strewn(points) {
  const n = points.length;
  const all = new Uint32Array(n);
  let step = Math.max(1, Math.floor(0.618 * n));
  while (divisor(step, n) > 1) step++;
  for (let i = 0, at = 0; i < n; i++, at = (at + step) % n) all[i] = points[at];
  return all;
}

const divisor = (a, b) => (b ? divisor(b, a % b) : a);

function picked(gl) {
  return { buffer: gl.createBuffer(), count: 0 };
}

function linked(gl) {
  const program = gl.createProgram();
  for (const [type, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(type);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
    throw new Error(texts.map.noShaders(gl.getProgramInfoLog(program)));
  }
  return program;
}
