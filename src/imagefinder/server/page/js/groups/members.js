// The images of a group, a page at a time, the most typical first or by date or name.
import { useCallback, useEffect, useMemo, useRef, useState } from "../../vendor/preact.js";
import { api, isAbort } from "../api.js";
import { texts } from "../texts.js";
import { NO_GROUP } from "./words.js";
import { table } from "../table.js";

const PAGE = 200;
const MOST = 1000; // of one call
export const ORDERS = table(texts.groups.orders);
const COLUMNS = table({ new: "-taken_at", name: "uri", odd: "-outlier" });

/** The most typical is what lies nearest to the group's most typical image, which itself comes first. */
async function typicalPage(group, offset, k, signal) {
  const filter = `cluster = ${group.label}`;
  const search = api.post("/search", { parts: [{ id: group.medoid }], filter, k, offset }, { signal });
  const first = offset ? null : api.get(`/images/${group.medoid}`, {}, { signal }).catch(() => null);
  const [found, medoid] = await Promise.all([search, first]);
  const images = found.hits.filter((hit) => hit.id !== group.medoid);
  if (medoid?.cluster === group.label) images.unshift(medoid);
  return { images, next: found.next_offset };
}

async function orderedPage(group, order, offset, k, signal) {
  const params = { filter: `cluster = ${group.label}`, sort: COLUMNS[order] ?? "id", k, offset };
  const found = await api.get("/images", params, { signal });
  return { images: found.images, next: found.next_offset };
}

/**
 * @param {{label: number, medoid?: string}} group
 * @param {string} order one of ORDERS
 * @param {string} run that put the images where they are; they are read again when it changes, as many as there were
 * @returns {{images: object[] | null, error: Error | null, more: () => void, reload: () => void}}
 */
export function useMembers(group, order, run) {
  const [state, setState] = useState({ key: "", images: null, next: null, error: null });
  const [turn, setTurn] = useState(0);
  const busy = useRef(null);
  const key = `${group.label} ${order}`;
  const mine = state.key === key;
  const count = mine ? (state.images?.length ?? 0) : 0;
  const read = (offset, k) => {
    busy.current?.abort();
    const controller = (busy.current = new AbortController());
    const typical = order === "typical" && group.label !== NO_GROUP;
    return (typical ? typicalPage : (one, ...rest) => orderedPage(one, order, ...rest))(group, offset, k, controller.signal)
      .catch((error) => {
        if (!isAbort(error)) setState((s) => ({ ...s, key, error }));
        return null;
      })
      .finally(() => busy.current === controller && (busy.current = null));
  };
  useEffect(() => {
    read(0, Math.min(MOST, Math.max(PAGE, count))).then((page) => page && setState({ key, ...page, error: null }));
    return () => busy.current?.abort();
  }, [key, run, turn]);
  const more = useCallback(() => {
    if (!mine || state.next == null || busy.current) return;
    read(state.next, PAGE).then((page) => {
      if (page) setState((s) => ({ ...s, next: page.next, images: [...s.images, ...page.images] }));
    });
  }, [mine, state.next, key]);
  const images = useMemo(() => (mine ? state.images : null), [mine, state.images]);
  return { images, error: mine ? state.error : null, more, reload: () => setTurn((n) => n + 1) };
}
