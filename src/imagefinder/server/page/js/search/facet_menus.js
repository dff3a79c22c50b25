// What a facet opens that is a list: its values with counts under the other filters, to be ticked.
import { html, useState } from "../../vendor/preact.js";
import { api, useRequest } from "../api.js";
import { manageTags } from "../browse/tag_names.js";
import { ErrorBox } from "../components/empty.js";
import { number } from "../format.js";
import { useIndex } from "../library_info.js";
import { texts } from "../texts.js";
import { valueName } from "./facets.js";
import { oneOf, valuesOf } from "./filters.js";

const words = texts.filters;
const MANY = 8; // values, above which there is a field to find one

export function ListMenu({ facet, clauses, others, onChange }) {
  const request = useRequest(`facets ${others}`, (signal) => api.get("/facets", { filter: others }, { signal }));
  const [text, setText] = useState("");
  const { info } = useIndex();
  if (request.error) return html`<${ErrorBox} error=${request.error} retry=${request.reload} />`;
  if (!request.data) return html`<p class="menu-body muted" aria-busy="true">${request.loading ? words.counting : ""}</p>`;
  const chosen = clauses.flatMap((clause) => valuesOf(clause) ?? []);
  const counted = request.data[facet.id] ?? [];
  const more = request.data.more?.[facet.id] ?? 0; // that are not counted here
  const missing = chosen.filter((value) => !counted.some((one) => String(one.value) === value));
  const all = [...counted, ...missing.map((value) => ({ value, count: 0 }))];
  const toggle = (value) => {
    const next = chosen.includes(String(value)) ? chosen.filter((one) => one !== String(value)) : [...chosen, String(value)];
    onChange([oneOf(facet.id, facet.id === "cluster" ? next.map(Number) : next)]);
  };
  const named = all.map((one) => ({ ...one, text: valueName(facet, one.value, one.name) }));
  const shown = named.filter((one) => one.text.toLowerCase().includes(text.trim().toLowerCase()));
  const colours = facet.id === "colours";
  return html`${all.length > 0 && html`<fieldset class="facet-list">
    <legend class="visually-hidden">${facet.name}</legend>
    ${all.length > MANY && !colours && html`<input class="input" type="search" placeholder=${words.find} aria-label=${words.findOne(facet.name)} value=${text} onInput=${(e) => setText(e.target.value)} />`}
    <div class=${colours ? "swatches" : ""}>
      ${shown.map((one) => html`<${Value} key=${one.value} one=${one} colour=${colours} checked=${chosen.includes(String(one.value))} toggle=${toggle} />`)}
    </div>
    ${!shown.length && html`<p class="menu-body muted">${more ? words.noneOfShown(counted.length) : words.noneCalled}</p>`}
    ${more > 0 && html`<p class="menu-body muted small-text">${words.rarer(more, html`<code>${facet.id} = "…"</code>`)}</p>`}
  </fieldset>`}
  ${!all.length && html`<p class="menu-body muted">${others ? words.noneLeft : facet.none}</p>`}
  ${facet.id === "tags" && info && !info.read_only && (all.length > 0 || others) && html`<button type="button" class="button small quiet" onClick=${manageTags}>${words.manageTags}</button>`}`;
}

const Value = ({ one, colour, checked, toggle }) => html`<label class="facet-value">
  <input type="checkbox" checked=${checked} onChange=${() => toggle(one.value)} />
  ${colour && html`<span class="swatch" data-colour=${one.value}></span>`}
  <span class="grow ellipsis" title=${one.text}>${one.text}</span>
  <span class="muted number small-text">${number(one.count)}</span>
</label>`;
