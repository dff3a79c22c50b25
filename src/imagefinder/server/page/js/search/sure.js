// How sure it is that a hit fits, in words.
import { html } from "../../vendor/preact.js";
import { count, number } from "../format.js";
import { setParams } from "../state.js";

const SURELY = 0.7; // as in results.py
const MAYBE = 0.25;
const MOST = 1000; // images, beyond which the server counts no more

const kindOf = ({ sure }) => (sure >= SURELY ? "surely" : sure >= MAYBE ? "maybe" : "hardly");
const percent = (sure) => (sure < 0.005 ? "<1 %" : `${Math.round(100 * Math.min(sure, 0.99))} %`);

/** Under a picture: "92 %", "maybe", or where there are too few images to tell, the score. */
export function Sure({ item }) {
  if (typeof item.sure !== "number") return html`<span class="number" title="Score: larger is better">${item.score.toFixed(2)}</span>`;
  const kind = kindOf(item);
  const told = `It is ${percent(item.sure)} sure that this fits`;
  return html`<span class="sure number ${kind}" title=${told} data-testid="sure">${kind === "maybe" ? "maybe" : percent(item.sure)}</span>`;
}

/** "23 surely, 9 maybe" */
export function fitting({ surely, maybe }) {
  if (surely + maybe >= MOST) return `${number(MOST)} and more fit`;
  return [surely && `${number(surely)} surely`, maybe && `${number(maybe)} maybe`].filter(Boolean).join(", ") || "Nothing fits";
}

/** At the end of those that fit: how many others there are, and the way to them. */
export function Rest({ results }) {
  const rest = results.total - results.surely - results.maybe;
  if (rest <= 0) return null;
  return html`<section class="rest" data-testid="rest">
    <p class="muted small-text">Good until here. The other ${count(rest, "image")} hardly fit.</p>
    <button class="button" data-testid="show-more" onClick=${showAll}>Show more</button>
  </section>`;
}

export const showAll = () => setParams({ all: "1" });
