// The order of the pictures: of all by what their records say, of hits also by date.
import { html } from "../../vendor/preact.js";
import { setParams } from "../state.js";
import { table } from "../table.js";
import { texts } from "../texts.js";

const words = texts.filters;
export const NEWEST = "-date"; // the order of all pictures where none is chosen
const BY_DATE = { "-date": words.newest, date: words.oldest };
const OF_ALL = table({ ...BY_DATE, "-mtime": words.changed, uri: words.byName, "-bytes": words.largest, "-width": words.widest, cluster: words.byGroup, "-outlier": words.unusual, blur: words.blurriest });
const OF_HITS = table({ "": words.best, ...BY_DATE });

export const isByDate = (sort) => sort === "date" || sort === "-date";

export function Sort({ sort, query }) {
  const usual = query ? "" : NEWEST;
  const orders = query ? OF_HITS : OF_ALL;
  return html`<label class="sort"><span class="visually-hidden">${words.order}</span>
    <select class="input" data-testid="sort" onChange=${(e) => setParams({ sort: e.target.value === usual ? null : e.target.value }, { replace: true })}>
      ${Object.entries(orders).map(([name, text]) => html`<option key=${name} value=${name} selected=${name === (sort || usual)}>${text}</option>`)}
    </select></label>`;
}
