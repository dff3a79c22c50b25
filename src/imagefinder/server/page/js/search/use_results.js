// The images of the search that the URL describes: hits a page at a time, or without a query all images, see gallery.js.
import { useCallback, useEffect, useMemo, useRef, useState } from "../../vendor/preact.js";
import { api, isAbort } from "../api.js";
import { NEWEST, isByDate } from "../browse/sort.js";
import { byDate, monthsSoon } from "../browse/timeline.js";
import { onChanged } from "../events.js";
import { Gallery } from "../gallery/gallery.js";
import { isQuery, searchBody } from "../searching.js";
import { cameBack, isId, place } from "../state.js";

const PAGE = 100;
const MOST = 1000; // hits of one call
const SOON_MS = 400; // changes come in bursts
let kept = { key: null, items: [], total: 0, next: null, took: 0 }; // the latest answer: there at once on coming back

async function browse({ filter, sort: wanted }, signal, former) {
  const sort = wanted || NEWEST;
  const asked = isByDate(sort) ? monthsSoon(filter, signal) : null; // with the pictures, so that headings move nothing
  const image = place.get().params.get("image");
  const around = isId(image) ? image : null;
  const { items, total } = await Gallery.open({ filter, sort }, { signal, around, former, whole: !former && cameBack() });
  return { items, total, next: null, took: 0, order: { sort, filter, months: await asked } };
}

async function hits(search, offset, k, signal) {
  if (isByDate(search.sort)) [offset, k] = [0, MOST]; // of those that fit, all are asked for and put in their order
  const answer = await api.post("/search", { ...searchBody(search), k, offset }, { signal });
  const { hits: items, total, next_offset: next, took_ms: took, notice, surely, maybe, approximate } = answer;
  const found = { items, total, next, took, notice, surely, maybe, approximate, exact: search.exact };
  return isByDate(search.sort) ? { ...found, items: byDate(items, search.sort), next: null, order: search } : found;
}

/**
 * @param {import("../searching.js").Search} search
 * @returns {{items: object[], total: number, took: number, surely: number | null, maybe: number | null, approximate: boolean, exact: boolean, hasMore: boolean, query: boolean, ready: boolean, stale: boolean,
 *   waiting: boolean, error: Error | null, more?: () => void, reload: () => void}} `approximate`: a few of the
 *   best may be missing; `exact`: all were to be compared; `ready`: there is an answer, if `stale` one to the question before; `waiting`: for longer than 150 ms
 */
export function useResults(search) {
  const query = isQuery(search);
  const key = JSON.stringify(query ? [searchBody(search), isByDate(search.sort) ? search.sort : ""] : ["all", search.filter, search.sort]);
  const [state, setState] = useState(kept);
  kept = state;
  const [error, setError] = useState(null);
  const [waiting, setWaiting] = useState(false);
  const [turn, setTurn] = useState(0);
  const busy = useRef(null);
  const shown = useRef(0);
  shown.current = state.key === key ? state.items.length : 0;

  useEffect(() => {
    const controller = (busy.current = new AbortController());
    const late = setTimeout(() => setWaiting(true), 150);
    const wanted = Math.min(MOST, Math.max(PAGE, shown.current));
    (query ? hits(search, 0, wanted, controller.signal) : browse(search, controller.signal, state.key === key ? state.items.gallery : null))
      .then((found) => (setState({ key, query, ...found }), setError(null)))
      .catch((cause) => isAbort(cause) || setError(cause))
      .finally(() => {
        clearTimeout(late);
        if (busy.current !== controller) return;
        busy.current = null;
        setWaiting(false);
      });
    return () => (clearTimeout(late), controller.abort());
  }, [key, turn]);

  const { gallery } = state.items;
  useEffect(() => gallery?.watch((items) => setState((former) => (former.items.gallery === gallery ? { ...former, items } : former))), [gallery]);

  const reload = useCallback(() => setTurn((n) => n + 1), []);
  useEffect(() => {
    let timer = 0;
    const stop = onChanged(["images", "clusters"], () => (clearTimeout(timer), (timer = setTimeout(reload, SOON_MS))));
    return () => (clearTimeout(timer), stop());
  }, []);

  const more = useCallback(() => {
    if (busy.current || state.key !== key || state.next === null) return;
    const controller = (busy.current = new AbortController());
    hits(search, state.next, PAGE, controller.signal)
      .then((found) =>
        setState((former) => {
          if (former.key !== key) return former;
          const known = new Set(former.items.map((item) => item.id));
          return { ...former, next: found.next, items: [...former.items, ...found.items.filter((item) => !known.has(item.id))] };
        }),
      )
      .catch((cause) => isAbort(cause) || setError(cause))
      .finally(() => busy.current === controller && (busy.current = null));
  }, [key, state]);

  const { items, total, took, next } = state;
  const facts = { items, total, took, notice: state.notice ?? null, surely: state.surely ?? null, maybe: state.maybe ?? null, approximate: state.approximate ?? false, exact: state.exact ?? false, hasMore: next !== null, query, scored: Boolean(state.query), order: state.order ?? null };
  const how = { ready: state.key !== null, stale: state.key !== key, waiting, error, reload, more: query && next !== null ? more : undefined };
  return useMemo(() => ({ ...facts, ...how }), [state, key, waiting, error, more]);
}
