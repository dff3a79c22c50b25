/** The candidates that draw a map, each behind the same few calls. Bundled and served by map_renderers.py. */

const WIDTH = 1400;
const HEIGHT = 900;
const SIZE = 2;
const LONGEST_MS = 8000; // of a run of frames: a candidate that takes a second for each is known by then

/** Points in 200 round clouds, the same at every call; x and y from -1 to 1. */
export function cloud(n) {
  let state = 7;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const middles = Array.from({ length: 200 }, () => [random() * 1.6 - 0.8, random() * 1.6 - 0.8, 0.02 + random() * 0.05]);
  const xy = new Float32Array(2 * n);
  const group = new Uint8Array(n);
  for (let i = 0; i < n; i++) {
    const c = Math.floor(random() * 200);
    const distance = middles[c][2] * Math.sqrt(-2 * Math.log(1 - random()));
    const angle = 2 * Math.PI * random();
    xy[2 * i] = Math.max(-1, Math.min(1, middles[c][0] + distance * Math.cos(angle)));
    xy[2 * i + 1] = Math.max(-1, Math.min(1, middles[c][1] + distance * Math.sin(angle)));
    group[i] = c % 10;
  }
  return { xy, group };
}

const COLOURS = ["#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bb5566", "#004488", "#ddaa33", "#777777"];
const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

function canvasIn(host) {
  const canvas = document.createElement("canvas");
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  host.append(canvas);
  return canvas;
}

async function ours(host, { xy, group }, budget) {
  const [{ layOut }, { PointRenderer }, { runsIn, pointsInside }, { Pace }] = await Promise.all(
    ["layout", "renderer", "queries", "pace"].map((name) => import(`/map/${name}.js`)),
  );
  const renderer = new PointRenderer(canvasIn(host));
  const layout = layOut(xy);
  renderer.setPoints(layout.xy, Uint8Array.from(layout.order, (i) => group[i]));
  const palette = new Uint8Array(1024);
  COLOURS.forEach((hex, i) => palette.set([...rgb(hex), 255], 4 * i));
  renderer.setPalette(palette);
  const pace = new Pace();
  let last = 0;
  const style = { size: SIZE, opacity: 0.7, dimmed: false, dim: [0.5, 0.5, 0.5], accent: [1, 0, 0] };
  return {
    view({ x, y, zoom }) {
      const half = (HEIGHT / 2) * zoom;
      const scale = [(2 * half) / WIDTH, (2 * half) / HEIGHT];
      const box = { left: x - WIDTH / 2 / half, right: x + WIDTH / 2 / half, bottom: y - 1 / zoom, top: y + 1 / zoom };
      const { runs, count } = runsIn(layout, box);
      const now = performance.now();
      const skip = budget === "all" ? 1 : pace.skip(count, now - last);
      last = now;
      renderer.draw({ scale, shift: [-x * scale[0], -y * scale[1]] }, runs, skip, style);
    },
    lasso: (line) => pointsInside(layout, line).length,
  };
}

async function regl(host, { xy, group }) {
  const { default: createScatterplot } = await import("/bundles/regl-scatterplot.js");
  const canvas = canvasIn(host);
  const plot = createScatterplot({ canvas, width: WIDTH, height: HEIGHT, pointSize: SIZE, opacity: 0.7, aspectRatio: WIDTH / HEIGHT });
  plot.set({ colorBy: "valueA", pointColor: COLOURS });
  await plot.draw({ x: xy.filter((_, i) => i % 2 === 0), y: xy.filter((_, i) => i % 2), valueA: Array.from(group) });
  return {
    view({ x, y, zoom }) {
      plot.view(Float32Array.of(zoom, 0, 0, 0, 0, zoom, 0, 0, 0, 0, 1, 0, -x * zoom, -y * zoom, 0, 1), { preventEvent: true });
    },
  };
}

async function deck(host, { xy, group }) {
  const { Deck, OrthographicView, ScatterplotLayer } = await import("/bundles/deck.gl.js");
  const colours = new Uint8Array(group.length * 4);
  group.forEach((g, i) => colours.set([...rgb(COLOURS[g]), 178], 4 * i));
  const places = xy.map((value, i) => (value * HEIGHT) / 2);
  const attributes = { getPosition: { value: places, size: 2 }, getFillColor: { value: colours, size: 4 } };
  const layer = new ScatterplotLayer({ id: "points", data: { length: group.length, attributes }, radiusUnits: "pixels", getRadius: SIZE / 2 });
  let drawn;
  const first = new Promise((resolve) => (drawn = resolve));
  const plot = new Deck({
    parent: host, width: WIDTH, height: HEIGHT, views: new OrthographicView({ flipY: false }), layers: [layer], useDevicePixels: false,
    viewState: { target: [0, 0, 0], zoom: 0 }, onAfterRender: () => drawn(), onError: (error) => console.error(error),
  });
  await Promise.race([first, new Promise((resolve) => setTimeout(resolve, 20000))]);
  return {
    view: ({ x, y, zoom }) => plot.setProps({ viewState: { target: [(x * HEIGHT) / 2, (y * HEIGHT) / 2, 0], zoom: Math.log2(zoom) } }),
  };
}

async function atlas(host, { xy, group }) {
  const { EmbeddingView } = await import("/bundles/embedding-atlas.js");
  const data = { x: xy.filter((_, i) => i % 2 === 0), y: xy.filter((_, i) => i % 2), category: group };
  const config = { mode: "points", pointSize: SIZE, autoLabelEnabled: false };
  const state = ({ x, y, zoom }) => ({ x, y, scale: zoom });
  const first = { x: 0, y: 0, zoom: 1 };
  const view = new EmbeddingView(host, {
    data, categoryColors: COLOURS, width: WIDTH, height: HEIGHT, pixelRatio: 1, config, viewportState: state(first), onViewportState() {},
  });
  return { view: (place) => view.update({ viewportState: state(place) }) };
}

const CANDIDATES = {
  "own, all points": (host, points) => ours(host, points, "all"),
  "own, as shipped": (host, points) => ours(host, points, "paced"),
  "regl-scatterplot": regl,
  "deck.gl": deck,
  "embedding-atlas": atlas,
};

const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
const quantile = (values, share) => [...values].sort((a, b) => a - b)[Math.ceil(share * (values.length - 1))];

async function frames(candidate, n, place) {
  const took = [];
  let last = await frame();
  const until = last + LONGEST_MS;
  for (let i = 0; i < n && last < until; i++) {
    candidate.view(place(i / n));
    const now = await frame();
    took.push(now - last);
    last = now;
  }
  took.sort((a, b) => a - b);
  return { p50: +quantile(took, 0.5).toFixed(1), p95: +quantile(took, 0.95).toFixed(1), mean: +(took.reduce((sum, ms) => sum + ms, 0) / took.length).toFixed(1) };
}

/** One candidate on `n` points: milliseconds of the load, the frames and a lasso round about a quarter of the points. */
export async function measure(name, n) {
  const points = cloud(n);
  const host = document.getElementById("host");
  await frame();
  const from = performance.now();
  const candidate = await CANDIDATES[name](host, points);
  candidate.view({ x: 0, y: 0, zoom: 1 });
  for (let i = 0; i < 3; i++) await frame();
  const load = performance.now() - from;
  const pan = await frames(candidate, 60, (t) => ({ x: 0.4 * Math.sin(6 * t), y: 0.3 * Math.sin(9 * t), zoom: 1 }));
  const zoom = await frames(candidate, 60, (t) => ({ x: 0.1, y: 0.1, zoom: 30 ** Math.sin(Math.PI * t) }));
  candidate.view({ x: 0, y: 0, zoom: 1 });
  for (let i = 0; i < 3; i++) await frame();
  const result = { first_frame_ms: Math.round(load), pan_ms: pan, zoom_ms: zoom };
  if (candidate.lasso) {
    const line = Array.from({ length: 200 }, (_, i) => {
      const angle = (2 * Math.PI * i) / 200;
      const radius = 0.5 + 0.05 * Math.sin(7 * angle);
      return [radius * Math.cos(angle), radius * Math.sin(angle)];
    });
    const start = performance.now();
    const found = candidate.lasso(line);
    result.lasso_ms = +(performance.now() - start).toFixed(1);
    result.lasso_points = found;
  }
  return result;
}
