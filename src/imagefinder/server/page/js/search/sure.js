// How sure it is that a hit fits: a thin bar, with words where it is in doubt.
import { html } from "../../vendor/preact.js";
import { COMMA } from "../language.js";
import { setParams } from "../state.js";
import { texts } from "../texts.js";

const SURELY = 0.7; // as in results.py
const MAYBE = 0.25;
const MOST = 1000; // images, beyond which the server counts no more
const LEAST = 0.04; // of the bar, so that it is seen

/** Before the end of the good hits, all that is not sure counts as maybe. */
const kindOf = (sure, beyond) => (sure >= SURELY ? "surely" : sure >= MAYBE || !beyond ? "maybe" : "hardly");
const percent = (sure) => (sure < 0.005 ? "<1 %" : `${Math.round(100 * Math.min(sure, 0.99))} %`);
const WORDS = new Map([["maybe", texts.search.maybeShort], ["hardly", texts.search.hardlyShort]]);

/** How well a hit fits against the best of all, where no chance is known: scores have a scale for each kind of query. */
function compared(item, items) {
  const [best, last] = [items[0].score, items.at(-1).score];
  const from = best > 0 && last >= 0 ? 0 : last;
  return best > from ? Math.max(0, Math.min(1, (item.score - from) / (best - from))) : 1;
}

/** Under a picture. @param {{item: object, items: object[], all: boolean}} props `items` are the hits, the best first; `all` those beyond the good ones too */
export function Sure({ item, items, all }) {
  const known = typeof item.sure === "number";
  const part = known ? item.sure : compared(item, items);
  const kind = known ? kindOf(part, all) : "compared";
  const told = known ? texts.search.sure(percent(part)) : texts.search.compared(`${Math.round(100 * part)} %`);
  return html`<span class="fit ${kind}" title=${told} data-testid="sure">
    <span class="fit-bar" role="img" aria-label=${told}><span style=${{ width: `${100 * Math.max(LEAST, part)}%` }} /></span>
    ${WORDS.has(kind) && html`<span class="fit-word">${WORDS.get(kind)}</span>`}
  </span>`;
}

/** "23 surely, 9 maybe" */
export function fitting({ surely, maybe }) {
  if (surely + maybe >= MOST) return texts.search.andMore(MOST);
  return [surely && texts.search.surely(surely), maybe && texts.search.maybe(maybe)].filter(Boolean).join(COMMA) || texts.search.nothingFits;
}

/** At the end of those that fit: how many others there are, and the way to them. */
export function Rest({ results }) {
  const rest = results.total - results.surely - results.maybe;
  if (rest <= 0) return null;
  return html`<section class="rest" data-testid="rest">
    <p class="muted small-text">${texts.search.goodUntil(fitting(results), rest)}</p>
    <button type="button" class="button" data-testid="show-more" onClick=${showAll}>${texts.search.showMore}</button>
  </section>`;
}

export const showAll = () => setParams({ all: "1" });
