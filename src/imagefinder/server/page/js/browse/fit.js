// How well the hits fit, as bars; those that fit less than a bound are left out.
import { html } from "../../vendor/preact.js";
import { api, useRequest } from "../api.js";
import { ErrorBox } from "../components/empty.js";
import { Icon } from "../components/icon.js";
import { Popover } from "../components/popover.js";
import { percent } from "../format.js";
import { searchBody } from "../searching.js";
import { setParams } from "../state.js";
import { texts } from "../texts.js";
import { Histogram } from "./histogram.js";

const words = texts.filters;
const MOST = 1000; // hits of one call
const BINS = 25;

export function FitFilter({ search }) {
  const chosen = search.minScore === null ? "" : words.betterOnly;
  const set = (value) => setParams({ min_score: value === null ? null : String(value) });
  return html`<span class="facet ${chosen ? "on" : ""}">
    <${Popover} class="facet-button" label=${chosen ? words.named(words.fit, chosen) : words.fit} testid="facet-fit"
      button=${html`<span>${chosen ? words.named(words.fit, chosen) : words.fit}</span><${Icon} name="down" />`}>
      ${() => html`<${Fit} search=${search} onChange=${set} />`}
    <//>
    ${chosen && html`<button type="button" class="facet-clear" aria-label=${words.any(words.fit)} onClick=${() => set(null)}><${Icon} name="close" /></button>`}
  </span>`;
}

function Fit({ search, onChange }) {
  const body = { ...searchBody(search), min_score: null, cut: null, diversity: 0, k: MOST };
  const { data, error, reload } = useRequest(JSON.stringify(body), (signal) => api.post("/search", body, { signal }));
  if (error) return html`<${ErrorBox} error=${error} retry=${reload} />`;
  if (!data) return html`<p class="menu-body muted histogram" aria-busy="true">${words.counting}</p>`;
  const { edges, counts } = binned(data.hits.map((hit) => hit.score));
  if (counts.length < 2) return html`<p class="menu-body muted">${words.noneLeft}</p>`;
  const best = Math.max(1e-9, ...data.hits.map((hit) => hit.score));
  const show = (edge) => percent(Math.min(1, Math.max(0, edge / best))); // scores are of another scale for each search
  const start = search.minScore === null ? 0 : edges.findLastIndex((edge) => edge <= search.minScore + 1e-9);
  const range = [Math.min(counts.length - 1, Math.max(0, start)), counts.length];
  return html`<div class="menu-body range-menu">
    <p class="muted small-text">${words.fitOf(data.hits.length)}</p>
    <${Histogram} name=${words.fit} edges=${edges} counts=${counts} range=${range} show=${show} open
      onChange=${([from]) => onChange(from > 0 ? edges[from] : null)} />
  </div>`;
}

/** Bins of equal width that begin at round hundredths. */
function binned(scores) {
  if (!scores.length) return { edges: [], counts: [] };
  const low = Math.min(...scores);
  const high = Math.max(...scores);
  const step = Math.max(0.01, Math.ceil(((high - low) / BINS) * 100) / 100);
  const start = Math.floor(low / step + 1e-9);
  const counts = Array(Math.floor(high / step + 1e-9) - start + 1).fill(0);
  for (const score of scores) counts[Math.min(counts.length - 1, Math.max(0, Math.floor(score / step + 1e-9) - start))] += 1;
  return { counts, edges: Array.from({ length: counts.length + 1 }, (_, i) => Math.round((start + i) * step * 100) / 100) };
}
