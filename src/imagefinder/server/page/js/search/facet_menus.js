// What the facets open: a list of values with counts, dates, sizes.
import { html, useState } from "../../vendor/preact.js";
import { api, useRequest } from "../api.js";
import { ErrorBox } from "../components/empty.js";
import { number } from "../format.js";
import { dateClause, valueName } from "./facets.js";
import { comparisons, oneOf, valuesOf } from "./filters.js";

const MANY = 8; // values, above which there is a field to find one

/** Counts among the images that all other conditions let through. */
const useFacets = (others) => useRequest(`facets ${others}`, (signal) => api.get("/facets", { filter: others }, { signal }));

function Waiting({ error, reload, loading }) {
  if (error) return html`<${ErrorBox} error=${error} retry=${reload} />`;
  return html`<p class="menu-body muted" aria-busy="true">${loading ? "Counting …" : ""}</p>`;
}

export function ListMenu({ facet, clauses, others, onChange }) {
  const request = useFacets(others);
  const [text, setText] = useState("");
  if (!request.data) return html`<${Waiting} ...${request} />`;
  const chosen = clauses.flatMap((clause) => valuesOf(clause) ?? []);
  const counted = request.data[facet.id] ?? [];
  const more = request.data.more?.[facet.id] ?? 0; // that are not counted here
  const missing = chosen.filter((value) => !counted.some((one) => String(one.value) === value));
  const all = [...counted, ...missing.map((value) => ({ value, count: 0 }))];
  if (!all.length) return html`<p class="menu-body muted">${facet.none}</p>`;
  const toggle = (value) => {
    const next = chosen.includes(String(value)) ? chosen.filter((one) => one !== String(value)) : [...chosen, String(value)];
    onChange([oneOf(facet.id, facet.id === "cluster" ? next.map(Number) : next)]);
  };
  const named = all.map((one) => ({ ...one, text: valueName(facet, one.value, one.name) }));
  const shown = named.filter((one) => one.text.toLowerCase().includes(text.trim().toLowerCase()));
  return html`<fieldset class="facet-list">
    <legend class="visually-hidden">${facet.name}</legend>
    ${all.length > MANY && facet.id !== "colours" && html`<input class="input" type="search" placeholder="Find" aria-label=${`Find a ${facet.name.toLowerCase()}`} value=${text} onInput=${(e) => setText(e.target.value)} />`}
    <div class=${facet.id === "colours" ? "swatches" : ""}>
      ${shown.map(
        (one) => html`<label key=${one.value} class="facet-value">
          <input type="checkbox" checked=${chosen.includes(String(one.value))} onChange=${() => toggle(one.value)} />
          ${facet.id === "colours" && html`<span class="swatch" data-colour=${one.value}></span>`}
          <span class="grow ellipsis" title=${one.text}>${one.text}</span>
          <span class="muted number small-text">${number(one.count)}</span>
        </label>`,
      )}
    </div>
    ${!shown.length && html`<p class="menu-body muted">None ${more ? `of the ${number(counted.length)} most frequent ` : ""}is called that.</p>`}
    ${more > 0 && html`<p class="menu-body muted small-text">and ${number(more)} rarer: write a filter to find one, such as <code>${facet.id} = "…"</code></p>`}
  </fieldset>`;
}

export function DateMenu({ facet, clauses, others, onChange }) {
  const request = useFacets(others);
  if (!request.data) return html`<${Waiting} ...${request} />`;
  const years = request.data.year ?? [];
  const found = clauses.flatMap(comparisons);
  const chosen = found.filter(([, sign]) => sign === "=").map(([, , value]) => value);
  if (!years.length && !found.length) return html`<p class="menu-body muted">${facet.none}</p>`;
  const bound = (sign) => found.find(([, one]) => one === sign)?.[2] ?? "";
  const toggle = (year) => onChange([dateClause({ years: chosen.includes(year) ? chosen.filter((one) => one !== year) : [...chosen, year] })]);
  const range = (change) => onChange([dateClause({ from: bound(">="), to: bound("<="), ...change })]);
  return html`<div class="facet-list">
    <div class="menu-body row">
      <div class="field grow"><label for="date-from">From</label>
        <input id="date-from" class="input" type="date" value=${bound(">=")} onChange=${(e) => range({ from: e.target.value })} /></div>
      <div class="field grow"><label for="date-to">To</label>
        <input id="date-to" class="input" type="date" value=${bound("<=")} onChange=${(e) => range({ to: e.target.value })} /></div>
    </div>
    <fieldset><legend class="visually-hidden">Years</legend>
      ${[...years].sort((a, b) => Number(b.value) - Number(a.value)).map(
        ({ value, count }) => html`<label key=${value} class="facet-value">
          <input type="checkbox" checked=${chosen.includes(String(value))} onChange=${() => toggle(String(value))} />
          <span class="grow">${value}</span><span class="muted number small-text">${number(count)}</span>
        </label>`,
      )}
    </fieldset>
    <p class="menu-body muted small-text">When pictures were taken, as far as their files say.</p>
  </div>`;
}

const PIXELS = [["", "Any"], ["640", "640 px"], ["1280", "1,280 px"], ["1920", "1,920 px"], ["3840", "3,840 px"]];
const BYTES = [["", "Any"], ["100000", "100 kB"], ["1000000", "1 MB"], ["5000000", "5 MB"], ["20000000", "20 MB"]];
const BOUNDS = [
  ["width", ">=", "Width from", PIXELS],
  ["width", "<=", "Width up to", PIXELS],
  ["height", ">=", "Height from", PIXELS],
  ["height", "<=", "Height up to", PIXELS],
  ["bytes", ">=", "File from", BYTES],
  ["bytes", "<=", "File up to", BYTES],
];

export function SizeMenu({ clauses, onChange }) {
  const found = clauses.flatMap(comparisons);
  const value = (field, sign) => found.find(([f, s]) => f === field && s === sign)?.[2] ?? "";
  const set = (field, sign, next) => {
    const others = found.filter(([f, s]) => f !== field || s !== sign);
    onChange([...others, ...(next ? [[field, sign, next]] : [])].map((parts) => parts.join(" ")));
  };
  return html`<div class="menu-body size-menu">
    ${BOUNDS.map(([field, sign, name, presets]) => {
      const now = value(field, sign);
      const listed = presets.some(([preset]) => preset === now) ? presets : [...presets, [now, now]];
      return html`<label key=${name} class="field"><span class="label">${name}</span>
        <select class="input" onChange=${(e) => set(field, sign, e.target.value)}>
          ${listed.map(([preset, text]) => html`<option key=${preset} value=${preset} selected=${preset === now}>${text}</option>`)}
        </select></label>`;
    })}
  </div>`;
}
