// The histograms of a facet, each of which narrows it to a range; for dates also two days.
import { html } from "../../vendor/preact.js";
import { api, useRequest } from "../api.js";
import { ErrorBox } from "../components/empty.js";
import { texts } from "../texts.js";
import { Histogram } from "./histogram.js";
import { SPREADS, rangeIn, withRange } from "./ranges.js";
import { joinFilter } from "../search/filters.js";

const words = texts.filters;
const BINS = 40;

export function RangeMenu({ facet, clauses, others, onChange }) {
  return html`<div class="menu-body stack range-menu">
    ${facet.ranges.map((id) => html`<${Spread} key=${id} id=${id} facet=${facet} clauses=${clauses} others=${others} onChange=${onChange} alone=${facet.ranges.length === 1} />`)}
    ${facet.id === "date" && html`<${Days} facet=${facet} clauses=${clauses} others=${others} onChange=${onChange} />`}
  </div>`;
}

function Spread({ id, facet, clauses, others, onChange, alone }) {
  const rest = facet.ranges.filter((one) => one !== id).flatMap((one) => withRange({ ranges: [one] }, clauses, one, rangeIn(clauses, one)));
  const filter = joinFilter([others, ...rest].filter(Boolean));
  const { data, error, reload } = useRequest(`${id} ${filter}`, (signal) => api.get("/histogram", { field: id, filter, bins: BINS }, { signal }));
  if (error) return html`<${ErrorBox} error=${error} retry=${reload} />`;
  if (!data) return html`<p class="muted histogram" aria-busy="true">${words.counting}</p>`;
  const { edges, counts, missing } = data;
  if (counts.length < 2) return alone ? html`<p class="muted">${facet.none}</p>` : null;
  const { name, show, turned } = SPREADS[id];
  const range = placed(edges, rangeIn(clauses, id));
  const choose = ([from, to]) =>
    onChange(withRange(facet, clauses, id, { from: from > 0 ? String(edges[from]) : "", to: to < counts.length ? String(edges[to]) : "" }));
  return html`<${Histogram} name=${name} edges=${edges} counts=${counts} range=${range} show=${show} turned=${turned} onChange=${choose} />
    ${missing > 0 && id !== "date" && html`<p class="muted small-text">${words.notMeasured(missing)}</p>`}`;
}

/** The bins that a range covers. */
function placed(edges, { from, to, equal }) {
  const n = edges.length - 1;
  const value = typeof edges[0] === "number" ? Number : (text) => text;
  const start = from === "" ? 0 : edges.findLastIndex((edge) => edge <= value(from));
  const end = equal ? start + 1 : to === "" ? n : edges.findIndex((edge) => edge >= value(to));
  const first = Math.min(n - 1, Math.max(0, start));
  return [first, end < 0 ? n : Math.max(first + 1, end)];
}

function Days({ facet, clauses, others, onChange }) {
  const { data } = useRequest(`timeline ${others}`, (signal) => api.get("/timeline", { filter: others }, { signal }));
  const guessed = (data?.months ?? []).reduce((sum, month) => sum + month.guessed, 0);
  const { from, to } = rangeIn(clauses, "date");
  const set = (change) => onChange(withRange(facet, clauses, "date", { from, to, ...change }));
  const full = (text) => (text.length === 4 ? `${text}-01-01` : text.length === 7 ? `${text}-01` : text.slice(0, 10));
  return html`<div class="row">
      <div class="field grow"><label for="date-from">${words.begin}</label>
        <input id="date-from" class="input" type="date" value=${full(from)} onChange=${(e) => set({ from: e.target.value })} /></div>
      <div class="field grow"><label for="date-to">${words.end}</label>
        <input id="date-to" class="input" type="date" value=${dayBefore(full(to))} onChange=${(e) => set({ to: e.target.value && shifted(e.target.value, 1) })} /></div>
    </div>
    ${guessed > 0 && html`<p class="muted small-text">${words.fileDates(guessed)}</p>`}
    ${data?.undated > 0 && html`<p class="muted small-text">${words.dateless(data.undated)}</p>`}`;
}

/** The bound of the filter is the first day that is left out; people name the last that is in. */
const dayBefore = (day) => day && shifted(day, -1);

function shifted(day, by) {
  const time = new Date(`${day}T00:00:00Z`);
  time.setUTCDate(time.getUTCDate() + by);
  return time.toISOString().slice(0, 10);
}
