// Pictures by date: where each month begins among them, hits in the order of their dates, and the scrubber beside them.
import { html, useMemo, useRef } from "../../vendor/preact.js";
import { api, useRequest } from "../api.js";
import { texts } from "../texts.js";
import { monthName } from "./ranges.js";
import { Scrubber } from "./scrubber.js";
import { NEWEST, isByDate } from "./sort.js";

const words = texts.filters;
const FEW = 4; // pictures a month, below which headings are of years
const PATIENCE_MS = 300;
const ZONED = /(Z|[+-]\d\d:\d\d)$|^\d{4}-\d\d-\d\d$/;

/** When a picture was taken, else the date of its file, in milliseconds; null where neither is known. A time without a zone is UTC. */
function moment({ taken_at: taken, taken_guess: guess }) {
  const text = taken ?? guess ?? "";
  const time = Date.parse(ZONED.test(text) ? text : `${text}Z`);
  return Number.isNaN(time) ? null : time;
}

/** The same images by date, those without one last. */
export function byDate(items, sort) {
  const sign = sort === NEWEST ? -1 : 1;
  const times = new Map(items.map((item) => [item, moment(item)]));
  const dated = items.filter((item) => times.get(item) !== null).sort((a, b) => sign * (times.get(a) - times.get(b)));
  return [...dated, ...items.filter((item) => times.get(item) === null)];
}

/** Months of hits, counted here, as the server counts those of all images. */
function countedMonths(items) {
  const months = new Map();
  let undated = 0;
  for (const item of items) {
    const time = moment(item);
    if (time === null) {
      undated += 1;
      continue;
    }
    const month = new Date(time).toISOString().slice(0, 7);
    const found = months.get(month) ?? { month, count: 0, guessed: 0 };
    months.set(month, { ...found, count: found.count + 1, guessed: found.guessed + (item.taken_at ? 0 : 1) });
  }
  return { total: items.length, undated, months: [...months.values()].sort((a, b) => (a.month < b.month ? 1 : -1)) };
}

/** The months, or where they are nearly empty the years, in their order. */
function spans(months) {
  const total = months.reduce((sum, month) => sum + month.count, 0);
  const length = total < FEW * months.length ? 4 : 7; // characters of "2024-05"
  const found = new Map();
  for (const { month, count, guessed } of months) {
    const span = month.slice(0, length);
    const former = found.get(span) ?? { count: 0, guessed: 0 };
    found.set(span, { span, count: former.count + count, guessed: former.guessed + guessed });
  }
  return [...found.values()];
}

/** The months of all images that pass a filter; null where they take longer than the pictures should wait for them. */
export function monthsSoon(filter, signal) {
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS, null));
  return Promise.race([api.get("/timeline", { filter }, { signal }).catch(() => null), late]);
}

/**
 * The headings of a gallery by date: `[{start, title, note, count}]`, `start` the index of the first picture. Null where
 * it is in another order, or all are of one month. Where months hold few pictures, headings are of years.
 */
export function useSections({ items, total, scored, order }) {
  const here = items.length > 0 && isByDate(order?.sort);
  const turn = useRef({ items: null, n: 0 });
  const loaded = items.gallery ?? items; // of which ever more is there
  if (turn.current.items !== loaded) turn.current = { items: loaded, n: turn.current.n + 1 }; // they may be others: counted again
  const key = here && !scored && !order.months ? `timeline ${turn.current.n}` : null;
  const { data, current } = useRequest(key, (signal) => api.get("/timeline", { filter: order.filter }, { signal }));
  const later = current ? data : null;
  return useMemo(() => {
    const found = here && (scored ? countedMonths(items) : (order.months ?? later));
    if (!found || found.total !== (scored ? items.length : total)) return null;
    const sections = sectionsOf(order.sort === NEWEST ? found.months : [...found.months].reverse());
    const start = found.total - found.undated;
    if (found.undated) sections.push({ start, title: words.undated, year: "", note: "", count: found.undated });
    return sections.length > 1 ? sections : null;
  }, [scored ? items : items.length, total, order, later]);
}

function sectionsOf(months) {
  let start = 0;
  return spans(months).map(({ span, count, guessed }) => {
    const title = span.length > 4 ? monthName(span) : span;
    const section = { start, title, year: span.slice(0, 4), note: guessed ? words.guessed(guessed, count) : "", count };
    start += count;
    return section;
  });
}

export const Beside = ({ sections, layout, element }) => html`<${Scrubber} sections=${sections} layout=${layout} element=${element} />`;
