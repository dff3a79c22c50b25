// The row of facets above the results: those that are in use, the few that help most, and the others behind one button.
import { html, useEffect, useState } from "../../vendor/preact.js";
import { api, useRequest } from "../api.js";
import { FitFilter } from "../browse/fit.js";
import { FolderMenu } from "../browse/folder_tree.js";
import { RangeMenu } from "../browse/range_menu.js";
import { Icon } from "../components/icon.js";
import { Popover } from "../components/popover.js";
import { onChanged } from "../events.js";
import { isQuery } from "../searching.js";
import { setParams } from "../state.js";
import { table } from "../table.js";
import { texts } from "../texts.js";
import { Expression, ExpressionForm } from "./expression.js";
import { ListMenu } from "./facet_menus.js";
import { FACETS, canNarrow, sortOut, summary, withClauses } from "./facets.js";

const words = texts.filters;
const MENUS = table({ list: ListMenu, folder: FolderMenu, range: RangeMenu });
const NO_NAMES = new Map();
const FEW = 4; // facets that are shown without being in use
const SOON_MS = 1500; // while images arrive, changes come in bursts
const setFilter = (filter) => setParams({ filter });

export function FilterBar({ search }) {
  const { filter } = search;
  const { clauses, others } = sortOut(filter);
  const all = useAll();
  const helpful = FACETS.filter((facet) => all && canNarrow(facet, all));
  const first = new Set(helpful.slice(0, FEW));
  const shown = FACETS.filter((facet) => first.has(facet) || clauses[facet.id].length);
  const rest = helpful.filter((facet) => !shown.includes(facet));
  const groups = new Map((all?.cluster ?? []).map((one) => [String(one.value), one.name]));
  return html`<div class="filter-bar" role="group" aria-label=${words.bar} aria-busy=${!all}>
    ${shown.map((facet) => html`<${FacetButton} key=${facet.id} facet=${facet} filter=${filter} clauses=${clauses[facet.id]} names=${facet.id === "cluster" ? groups : NO_NAMES} />`)}
    ${isQuery(search) && html`<${FitFilter} search=${search} />`}
    ${others.length > 0 && html`<${Expression} filter=${filter} others=${others} onChange=${setFilter} />`}
    <${More} facets=${rest} filter=${filter} clauses=${clauses} />
    ${filter && html`<button class="button small quiet" onClick=${() => setFilter(null)}>${words.clear}</button>`}
  </div>`;
}

/** The facets of the whole collection, which say what can narrow it. */
function useAll() {
  const { data, reload } = useRequest("facets", (signal) => api.get("/facets", {}, { signal }));
  useEffect(() => {
    let timer = 0;
    const stop = onChanged(["images", "clusters"], () => (clearTimeout(timer), (timer = setTimeout(reload, SOON_MS))));
    return () => (clearTimeout(timer), stop());
  }, []);
  return data;
}

function Menu({ facet, filter, clauses }) {
  const Kind = MENUS[facet.kind];
  return html`<${Kind} facet=${facet} clauses=${clauses} others=${withClauses(filter, facet, [])} onChange=${(next) => setFilter(withClauses(filter, facet, next))} />`;
}

function FacetButton({ facet, filter, clauses, names }) {
  const chosen = summary(facet, clauses, names);
  const face = html`<span class="ellipsis">${chosen || facet.name}</span><${Icon} name="down" />`;
  return html`<span class="facet ${chosen ? "on" : ""}">
    <${Popover} class="facet-button" button=${face} label=${chosen ? words.named(facet.name, chosen) : facet.name} testid=${`facet-${facet.id}`}>
      ${() => html`<${Menu} facet=${facet} filter=${filter} clauses=${clauses} />`}
    <//>
    ${chosen && html`<button type="button" class="facet-clear" aria-label=${words.any(facet.name)} onClick=${() => setFilter(withClauses(filter, facet, []))}><${Icon} name="close" /></button>`}
  </span>`;
}

/** The facets that are not shown by themselves: a list of them, then the menu of the chosen one. */
function More({ facets, filter, clauses }) {
  return html`<span class="facet"><${Popover} class="facet-button" label=${words.moreFilters} testid="facet-more"
    button=${html`<span>${words.more}</span><${Icon} name="down" />`}>
    ${(close) => html`<${MoreMenu} facets=${facets} filter=${filter} clauses=${clauses} close=${close} />`}
  <//></span>`;
}

function MoreMenu({ facets, filter, clauses, close }) {
  const [picked, setPicked] = useState(null);
  const back = html`<button type="button" class="button small quiet menu-back" autofocus onClick=${() => setPicked(null)}><${Icon} name="left" />${words.back}</button>`;
  const facet = FACETS.find((one) => one.id === picked);
  if (picked === "expression") return html`${back}<${ExpressionForm} filter=${filter} close=${close} onChange=${setFilter} />`;
  if (facet) return html`${back}${facet.ranges?.length !== 1 && html`<h2 class="menu-title">${facet.name}</h2>`}<${Menu} facet=${facet} filter=${filter} clauses=${clauses[facet.id]} />`;
  return html`<div class="menu-list">
    ${facets.map((one) => html`<button key=${one.id} type="button" class="menu-item" data-testid=${`facet-${one.id}`} onClick=${() => setPicked(one.id)}><span class="grow">${one.name}</span><${Icon} name="right" /></button>`)}
    <button type="button" class="menu-item" data-testid="facet-expression" onClick=${() => setPicked("expression")}><span class="grow">${words.advanced}</span><${Icon} name="right" /></button>
  </div>`;
}
