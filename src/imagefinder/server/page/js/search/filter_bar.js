// The row of facets above the results. Each opens a menu with counts; the expression behind them can be written by hand.
import { html, useState } from "../../vendor/preact.js";
import { api, useRequest } from "../api.js";
import { Icon } from "../components/icon.js";
import { Popover } from "../components/popover.js";
import { useCount, useIndex } from "../library_info.js";
import { setParams } from "../state.js";
import { FACETS, sortOut, summary, withClauses } from "./facets.js";
import { DateMenu, ListMenu, SizeMenu } from "./facet_menus.js";
import { table } from "../table.js";

const MENUS = table({ list: ListMenu, date: DateMenu, size: SizeMenu });
const NO_NAMES = new Map();
const setFilter = (filter) => setParams({ filter });

export function FilterBar({ filter }) {
  const { clauses, others } = sortOut(filter);
  const named = useRequest(clauses.cluster.length ? "names" : null, (signal) => api.get("/facets", {}, { signal }));
  const { info } = useIndex();
  const cameras = useCount("has camera");
  const hidden = new Set([!info?.classifier && "class", !cameras && "camera"]);
  const facets = FACETS.filter(({ id }) => !hidden.has(id) || clauses[id].length);
  const groups = new Map((named.data?.cluster ?? []).map((one) => [String(one.value), one.name]));
  return html`<div class="filter-bar" role="group" aria-label="Filters">
    ${facets.map((facet) => html`<${FacetButton} key=${facet.id} facet=${facet} filter=${filter} clauses=${clauses[facet.id]} names=${facet.id === "cluster" ? groups : NO_NAMES} />`)}
    <${Expression} filter=${filter} others=${others} />
    ${filter && html`<button class="button small quiet" onClick=${() => setFilter(null)}>Clear all</button>`}
  </div>`;
}

function FacetButton({ facet, filter, clauses, names }) {
  const chosen = summary(facet, clauses, names);
  const Menu = MENUS[facet.kind];
  const face = html`<span class="ellipsis">${chosen || facet.name}</span><${Icon} name="down" />`;
  const others = withClauses(filter, facet, []);
  return html`<span class="facet ${chosen ? "on" : ""}">
    <${Popover} class="facet-button" button=${face} label=${chosen ? `${facet.name}: ${chosen}` : facet.name} testid=${`facet-${facet.id}`}>
      ${() => html`<${Menu} facet=${facet} clauses=${clauses} others=${others} onChange=${(next) => setFilter(withClauses(filter, facet, next))} />`}
    <//>
    ${chosen && html`<button type="button" class="facet-clear" aria-label=${`Any ${facet.name.toLowerCase()}`} onClick=${() => setFilter(others)}><${Icon} name="close" /></button>`}
  </span>`;
}

function Expression({ filter, others }) {
  const face = html`<span class="ellipsis">${others.length ? others.join(" and ") : "Expression"}</span><${Icon} name="down" />`;
  return html`<span class="facet ${others.length ? "on" : ""}">
    <${Popover} class="facet-button" button=${face} label="Filter expression" testid="facet-expression">
      ${(close) => html`<${ExpressionForm} filter=${filter} close=${close} />`}
    <//>
  </span>`;
}

function ExpressionForm({ filter, close }) {
  const [text, setText] = useState(filter);
  const [error, setError] = useState(null);
  const submit = async (event) => {
    event.preventDefault();
    try {
      await api.get("/images", { filter: text.trim(), k: 1 }); // says what is wrong with it, before it is used
      close();
      setFilter(text.trim());
    } catch (cause) {
      setError(cause);
    }
  };
  return html`<form class="menu-body stack tight expression" onSubmit=${submit}>
    <div class="field">
      <label for="filter-text">Filter expression</label>
      <textarea id="filter-text" class="input mono" rows="3" spellcheck=${false} value=${text} aria-describedby="filter-help"
        onInput=${(event) => (setText(event.target.value), setError(null))}></textarea>
    </div>
    ${error && html`<p class="error-text" role="alert">${error.message} ${error.remedy}</p>`}
    <p id="filter-help" class="muted small-text">For example <code>width >= 800 and not format = PNG</code>, <code>caption ~ "red"</code> (contains), <code>has taken_at</code>, <code>near(52.52, 13.40, 5)</code> (within 5 km of a latitude and longitude), and any column of a table you indexed.</p>
    <div class="dialog-buttons"><button class="button primary small">Apply</button></div>
  </form>`;
}
