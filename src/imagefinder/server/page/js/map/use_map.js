// What the view of the map loads: the layout and its values, the hits of a search, the colours of the theme.
import { useEffect, useMemo, useState } from "../../vendor/preact.js";
import { api, useRequest } from "../api.js";
import { useIndex } from "../library_info.js";
import { theme } from "../theme.js";
import { useStore } from "../store.js";
import { placesOf } from "./names.js";
import { bytesOf, paletteOf } from "./palette.js";
import { MapSource } from "./source.js";

const MOST_HITS = 1000; // as many as the server gives at once
const FEWEST_HITS = 12;
const LIT_SHARE = 0.05; // where nobody can tell what fits: light the best of them only
const SURELY = 0.7; // as in results.py

/**
 * The map as a source with a layout, and the values of `field` on it ("none": all points alike).
 * @param {{name: string, images: number}} map @param {string} field @param {{x: string, y: string}} axes queries that make a layout of their own
 */
export function useMapData(map, field, { x, y }) {
  const source = useMemo(() => new MapSource(), []);
  useEffect(() => () => source.close(), []);
  const [changed, setChanged] = useState(null);
  const opened = useRequest(map.name, (signal) => source.open(map, signal));
  const values = useRequest(opened.data && field !== "none" ? `${map.name} ${field}` : null, async (signal) => {
    const answer = await source.values(field, signal);
    if (answer.layout) setChanged(answer.layout);
    return { field, ...answer.values };
  });
  const own = changed ?? opened.data;
  const asked = x || y ? JSON.stringify([x, y]) : null;
  const turned = useRequest(own && asked, async (signal) => ({ asked, layout: await source.turned({ x, y }, signal) }));
  const layout = asked && turned.data?.asked === asked ? turned.data.layout : own;
  const mine = values.data?.field === field ? values.data : null;
  return { source, layout, error: opened.error, values: mine, valuesError: values.error, turning: Boolean(asked) && layout === own, turnedError: turned.error };
}

/**
 * The points that a search finds, in the map's order, and how well each fits.
 * @param {{words: string, liked: string[], disliked: string[]}} search
 */
export function useHits(source, layout, { words, liked, disliked }) {
  const asked = words || liked.length || disliked.length ? JSON.stringify([words, liked, disliked]) : null;
  const { data, loading, error } = useRequest(layout && asked, async (signal) => {
    const { hits, surely, maybe } = await api.post("/search", { words: words || null, liked, disliked, k: MOST_HITS, cut: "auto" }, { signal });
    const few = Math.max(FEWEST_HITS, Math.round(LIT_SHARE * source.size));
    const lit = surely === null ? hits.slice(0, few) : hits;
    return { asked, surely, maybe, ...(await fitted(source, lit)) };
  });
  const mine = data?.asked === asked ? data : null;
  return { asked: Boolean(asked), searching: loading, error, liked: liked.length, disliked: disliked.length, points: null, sure: null, fits: null, ...mine };
}

/** Points, those of them that surely fit, and how well each does, 0 to 1. Where the server can't tell, by their order. */
async function fitted(source, hits) {
  const sure = new Map(hits.map((hit, i) => [hit.id, hit.sure ?? 1 - i / hits.length]));
  const points = await source.pointsOf(hits.map((hit) => hit.id));
  const fits = new Map(Array.from(points, (point) => [point, sure.get(source.idOf(point))]));
  const known = hits.some((hit) => typeof hit.sure === "number");
  return { points, fits, sure: points.filter((point) => known && fits.get(point) >= SURELY) };
}

/** Where names stand on the layout: those of the kinds that it is coloured by, or of the groups. */
export function useNames(source, layout, field, values) {
  const own = values?.kinds ? values : null;
  const name = layout && !own && (values || field === "none") ? "cluster" : null;
  const other = useRequest(name && "names by group", async (signal) => (await source.values("cluster", signal)).values);
  const { info } = useIndex();
  const typical = useRequest(info?.clustered && layout && (own ? field === "cluster" : name) ? "typical images" : null, (signal) => typicalPoints(source, signal));
  const named = own ?? (name ? other.data : null);
  return useMemo(() => (layout && named?.kinds ? placesOf(layout, named, typical.data ?? new Map()) : []), [layout, named, typical.data]);
}

/** The most typical image of each group, as a point, by the group's label; none where nothing is grouped. */
async function typicalPoints(source, signal) {
  const { clusters } = await api.get("/clusters", null, { signal });
  const labels = new Map(clusters.map(({ medoid, label }) => [medoid, label]));
  const points = await source.pointsOf([...labels.keys()].filter(Boolean));
  return new Map(Array.from(points, (point) => [labels.get(source.idOf(point)), point]));
}

const darkSystem = matchMedia("(prefers-color-scheme: dark)");

export function useDark() {
  const chosen = useStore(theme);
  const [system, setSystem] = useState(darkSystem.matches);
  useEffect(() => {
    const change = () => setSystem(darkSystem.matches);
    darkSystem.addEventListener("change", change);
    return () => darkSystem.removeEventListener("change", change);
  }, []);
  return chosen === "system" ? system : chosen === "dark";
}

/** Colours for the surface, by the theme that is on. */
export function useLook(field, values, dark) {
  return useMemo(() => {
    const style = getComputedStyle(document.documentElement);
    const accent = style.getPropertyValue("--accent").trim();
    const part = (colour) => bytesOf(colour).map((byte) => byte / 255);
    const grey = dark ? "#5c5f66" : "#b4b5b8";
    const palette = paletteOf(values, { dark, grey, single: field === "none" ? accent : grey });
    const [ink, ground] = ["--ink", "--ground"].map((name) => style.getPropertyValue(name).trim());
    return { palette, ink, ground, ring: part(ink), dim: part(dark ? "#3a3c41" : "#d3d4d6"), accent: part(accent) };
  }, [field, values, dark]);
}
