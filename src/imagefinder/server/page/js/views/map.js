// All images as points: like lies by like.
import { html, useCallback, useEffect, useMemo, useRef, useState } from "../../vendor/preact.js";
import { api, useRequest } from "../api.js";
import { ErrorBox, NoPictures } from "../components/empty.js";
import { toastError } from "../components/toast.js";
import { onChanged } from "../events.js";
import { useIndex } from "../library_info.js";
import { AxesChoice, AxisLabels, axisName } from "../map/axes_panel.js";
import { placeFromText, placeToText } from "../map/camera.js";
import { HoverCard } from "../map/hover_card.js";
import { Legend } from "../map/legend.js";
import { Making, makeMap, shareDone, useMaking } from "../map/making.js";
import { savePicture } from "../map/save_picture.js";
import { SelectionPanel } from "../map/selection_panel.js";
import { Surface } from "../map/surface.js";
import { Choices, Tools, WordsBox } from "../map/toolbar.js";
import { useDark, useHits, useLook, useMapData, useNames } from "../map/use_map.js";
import { imageHref, listParam, navigate, setParams } from "../state.js";
import { texts } from "../texts.js";

const ADDRESS_MS = 400; // after a move, before it is written into the address

export default function MapView({ route: { params } }) {
  const { info } = useIndex();
  const maps = useRequest("maps", (signal) => api.get("/maps", null, { signal }));
  useEffect(() => onChanged(["maps"], maps.reload), []);
  if (maps.error && !maps.data) return html`<${ErrorBox} error=${maps.error} retry=${maps.reload} />`;
  if (!maps.data) return html`<div class="map-view" aria-busy="true" />`;
  const whole = maps.data.maps.filter((map) => !map.filter);
  const method = params.get("method") ?? whole[0]?.method ?? "tsne";
  const map = whole.find((one) => one.method === method);
  const field = params.get("colour") ?? "cluster";
  const choices = html`<${Choices} method=${method} made=${whole.map((one) => one.method)} field=${field} />`;
  return html`<div class="map-view" data-testid="map-view" data-method=${method}>
    <h1 class="visually-hidden">${texts.map.title}</h1>
    ${map
      ? html`<${Atlas} key=${map.name + map.created} ...${{ map, field, params, choices }} />`
      : info?.images === 0
        ? html`<${NoPictures} icon="map" text=${texts.map.noImagesText} />`
        : html`<div class="map-bar">${choices}</div><${Making} method=${method} />`}
  </div>`;
}

/** One map. */
function Atlas({ map, field, params, choices }) {
  const axes = { x: params.get("x") ?? "", y: params.get("y") ?? "" };
  const { source, layout, error, values, valuesError, turning, turnedError } = useMapData(map, field, axes);
  const words = params.get("q") ?? "";
  const light = params.get("light");
  const hits = useHits(source, layout, { words, liked: listParam(params, "liked"), disliked: listParam(params, "disliked") });
  const dark = useDark();
  const [selected, setSelected] = useState(null);
  const [hover, setHover] = useState(null);
  const [lassoing, setLassoing] = useState(false);
  const [pictures, named] = ["pictures", "names"].map((what) => params.get(what) !== "0");
  const places = useNames(source, layout, field, values);
  const found = hits.points?.length ? hits : null;
  const lit = useMemo(() => found?.points ?? kindPoints(values, light, source), [found?.points, values, light]);
  for (const problem of [hits.error, valuesError, turnedError]) useEffect(() => void (problem && toastError(problem)), [problem]);
  const on = {
    hover: (point, at) => setHover(point < 0 || !source.idOf(point) ? null : { id: source.idOf(point), at }),
    pick: (point, { add }) => {
      setHover(null);
      if (add) setSelected(joined(selected, [point], { toggle: true }));
      else if (source.idOf(point)) navigate(imageHref(source.idOf(point)));
    },
    lasso: (points, how) => {
      setLassoing(false);
      setSelected(joined(selected, points, how));
    },
    escape: () => {
      if (selected) setSelected(null);
      else if (lassoing) setLassoing(false);
      else setParams({ q: null, light: null, liked: null, disliked: null });
    },
    lassoes: () => lassoing,
    idOf: (point) => source.idOf(point),
  };
  const clear = () => {
    setSelected(null);
    elements.overlay.current.focus();
  };
  const look = { ...useLook(field, values, dark), shown: pictures, named };
  const { elements, surface, failure } = useSurface({ layout, values, on, params, look, places, lit, found, selected });
  useEffect(() => void (source.onIds = () => surface.current?.rest()), [source]);
  if (error ?? failure) return html`<${ErrorBox} error=${error ?? failure} />`;
  const meaning = axes.x || axes.y ? `, ${texts.map.byMeaning({ x: axes.x && axisName(axes.x), y: axes.y && axisName(axes.y) })}` : "";
  const save = () => savePicture(surface.current, { field, values: named ? null : values, dark, axes }).catch(toastError);
  return html`<div class="map-bar">
      ${choices}
      <${AxesChoice} key=${axes.x + axes.y} ...${axes} />
      <${WordsBox} words=${words} hits=${hits} />
    </div>
    <div ref=${elements.facts} class="map-stage ${lassoing ? "lassoing" : ""}" data-testid="map" aria-busy=${!layout || turning}>
      <canvas ref=${elements.points} class="map-canvas" aria-hidden="true" />
      <canvas ref=${elements.overlay} class="map-canvas map-front" tabindex="0" role="application" aria-describedby="map-help"
        aria-label=${layout ? texts.map.ofImages(layout.order.length) + meaning : texts.map.loading} />
      ${hover && html`<${HoverCard} ...${hover} room=${elements.facts.current.getBoundingClientRect()} />`}
    </div>
    ${!turning && html`<${AxisLabels} ...${axes} />`}
    <p id="map-help" class="visually-hidden">${texts.map.help}</p>
    <p class="visually-hidden" role="status">${selected ? texts.map.selected(selected.length) : ""}</p>
    <${Tools} surface=${() => surface.current} lassoing=${lassoing} pictures=${pictures} names=${named} onLasso=${() => setLassoing(!lassoing)}
      onShow=${(what, shown) => setParams({ [what]: shown ? null : "0" }, { replace: true })} onPicture=${save}
      onSelectView=${() => layout && setSelected(surface.current.pointsInView())} />
    ${values && html`<${Legend} key=${field} field=${field} values=${values} dark=${dark} lit=${light} onLight=${(value) => setParams({ light: value, q: null })} />`}
    ${selected?.length > 0 &&
    html`<${SelectionPanel} source=${source} points=${selected} onClear=${clear} onShow=${() => surface.current.goTo(selected)} />`}
    <${Newer} map=${map} />`;
}

/** Images that were added after the map was made. */
function Newer({ map }) {
  const { info } = useIndex();
  const job = useMaking(map.method);
  const newer = (info?.images ?? 0) - map.images;
  if (newer <= 0 || info.read_only) return null;
  return html`<div class="map-newer map-panel row small-text" role="status">
    <span>${texts.map.newer(newer)}${job ? ` ${texts.map.percent(shareDone(job))}` : ""}</span>
    <button class="button small" disabled=${Boolean(job)} onClick=${() => makeMap(info, map.method)}>${job ? texts.map.making : texts.map.again}</button>
  </div>`;
}

function useSurface({ layout, values, on, params, look, places, lit, found, selected }) {
  const elements = { points: useRef(null), overlay: useRef(null), facts: useRef(null) };
  const surface = useRef(null);
  const [failure, setFailure] = useState(null);
  const now = useRef(on);
  now.current = on;
  const view = params.get("view") ?? "";
  const written = useRef(view);
  const moved = useAddress(written);
  useEffect(() => {
    const handlers = Object.fromEntries(Object.keys(on).map((name) => [name, (...given) => now.current[name](...given)]));
    const canvases = Object.fromEntries(Object.entries(elements).map(([name, ref]) => [name, ref.current]));
    try {
      surface.current = new Surface(canvases, { ...handlers, move: moved });
    } catch (error) {
      setFailure({ message: error.message, remedy: texts.map.noWebgl });
    }
    return () => surface.current?.destroy();
  }, []);
  const apply = (change) => () => void (surface.current && layout && change(surface.current));
  useEffect(apply((s) => s.setLayout(layout)), [layout]);
  useEffect(apply((s) => s.moveTo(placeFromText(view))), [layout, view === written.current ? null : view]);
  useEffect(apply((s) => s.setCodes(values?.codes ?? null)), [layout, values]);
  useEffect(apply((s) => s.setPlaces(places)), [layout, places]);
  useEffect(apply((s) => s.setLook(look)), [layout, ...Object.values(look)]);
  useEffect(apply((s) => s.setPicked("lit", lit)), [layout, lit]);
  useEffect(apply((s) => (s.setPicked("sure", found?.sure ?? null), s.setFits(found?.fits ?? null))), [layout, found?.fits]);
  useEffect(apply((s) => s.setPicked("selected", selected)), [layout, selected]);
  return { elements, surface, failure };
}

/** Writes where one looks into the address, some time after the last move. */
function useAddress(written) {
  const timer = useRef(null);
  useEffect(() => () => clearTimeout(timer.current), []);
  return useCallback((place) => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      written.current = placeToText(place);
      setParams({ view: written.current }, { replace: true });
    }, ADDRESS_MS);
  }, []);
}

function kindPoints(values, light, source) {
  const kind = light !== null && values?.kinds?.find((one) => String(one.value) === light);
  if (!kind) return null;
  const points = [];
  values.codes.forEach((code, point) => code === kind.code && Number.isFinite(source.coordinates[2 * point]) && points.push(point));
  return Uint32Array.from(points);
}

/** A selection with others added, removed or toggled; without any of these it is replaced. Null when nothing is left. */
function joined(selected, points, { add, remove, toggle }) {
  if (!add && !remove && !toggle) return points.length ? points : null;
  const all = new Set(selected ?? []);
  for (const point of points) {
    if (remove || (toggle && all.has(point))) all.delete(point);
    else all.add(point);
  }
  return all.size ? Uint32Array.from(all).sort() : null;
}
