// What the view of the map loads: the layout and its values, the hits of a search, the colours of the theme.
import { useEffect, useMemo, useState } from "../../vendor/preact.js";
import { api, useRequest } from "../api.js";
import { theme } from "../theme.js";
import { useStore } from "../store.js";
import { bytesOf, paletteOf } from "./palette.js";
import { MapSource } from "./source.js";

const MOST_HITS = 1000; // as many as the server gives at once
const FEWEST_HITS = 12;
const LIT_SHARE = 0.05; // every image matches words somewhat: light the best of them only

/** The map as a source with a layout, and the values of `field` on it ("none": all points alike). */
export function useMapData(name, field) {
  const source = useMemo(() => new MapSource(), []);
  useEffect(() => () => source.close(), []);
  const [changed, setChanged] = useState(null);
  const opened = useRequest(name, (signal) => source.open(name, signal));
  const values = useRequest(opened.data && field !== "none" ? `${name} ${field}` : null, async (signal) => {
    const answer = await source.values(field, signal);
    if (answer.layout) setChanged(answer.layout);
    return { field, ...answer.values };
  });
  const layout = changed ?? opened.data;
  return { source, layout, error: opened.error, values: values.data?.field === field ? values.data : null, valuesError: values.error };
}

/** The points that words find best, in the map's order. */
export function useHits(source, layout, words) {
  const { data, loading, error } = useRequest(layout && words ? words : null, async (signal) => {
    const k = Math.min(MOST_HITS, Math.max(FEWEST_HITS, Math.round(LIT_SHARE * layout.order.length)));
    const { hits } = await api.post("/search", { words, k }, { signal });
    return { words, points: source.pointsOf(hits.map((hit) => hit.id)) };
  });
  return { points: data?.words === words ? data.points : null, searching: loading, error };
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
    return { palette, dim: part(dark ? "#3a3c41" : "#d3d4d6"), accent: part(accent) };
  }, [field, values, dark]);
}
