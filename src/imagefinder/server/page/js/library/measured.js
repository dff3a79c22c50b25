// What was measured: each measure with its interval, the labels, the worst queries, and what two spaces differ by.
import { html, useState } from "../../vendor/preact.js";
import { Thumb } from "../components/thumb.js";
import { count, fileName, number } from "../format.js";
import { imageHref } from "../state.js";
import { table } from "../table.js";

const TITLES = table({ labels: "Images that belong together", captions: "Captions", queries: "Queries", feedback: "Likes and dislikes" });
const ABOUT = table({
  "hit@1": "The first hit is right",
  "hit@10": "One of the first ten is right",
  "recall@10": "Of the right images, among the first ten",
  "precision@10": "Of the first ten, right",
  mAP: "mAP",
  "MAP@R": "MAP@R",
  "nDCG@10": "nDCG@10",
});
const LABELS = 12; // shown at first
const THUMB = 96; // CSS pixels
const share = (value) => `${(100 * value).toFixed(1)} %`;

/** One sentence about a list of queries. */
export function leadOf(one) {
  const first = one.measures["hit@1"];
  if (!first) return `${TITLES[one.kind]}: nothing could be asked.`;
  return html`${TITLES[one.kind]}: the first hit is right for <strong>${share(first.mean)}</strong> of ${count(one.queries, "query", "queries")} (${share(first.low)} to ${share(first.high)}).`;
}

export function Measured({ id, result }) {
  const { searches, comparisons, copies, notes } = result;
  return html`<div class="stack measured" data-testid="measures">
    <div class="row"><a class="button small" href=${`/v1/jobs/${encodeURIComponent(id)}/report`} download>Report as a file</a></div>
    ${notes.map((note) => html`<p key=${note} class="note">${note}</p>`)}
    ${comparisons.map((one) => html`<p key=${one.kind}>${one.says}</p>`)}
    ${searches.map((one) => html`<${Search} key=${one.kind} one=${one} />`)}
    ${copies && html`<p>Duplicates: ${number(copies.found)} of ${count(copies.pairs, "pair")} found, ${number(copies.wrong)} wrong.</p>`}
  </div>`;
}

function Search({ one }) {
  const [all, setAll] = useState(false);
  const measures = Object.keys(ABOUT).filter((name) => name in one.measures);
  const labels = all ? one.classes : one.classes.slice(0, LABELS);
  return html`<section class="stack tight"><h3>${TITLES[one.kind]}</h3>
    <dl class="facts-list">
      ${measures.map((name) => html`<div key=${name}><dt>${ABOUT[name]}</dt><dd class="number">${one.measures[name].mean.toFixed(3)} <span class="muted">${one.measures[name].low.toFixed(3)} to ${one.measures[name].high.toFixed(3)}</span></dd></div>`)}
      ${one.order && html`<div><dt>A liked image before a disliked one</dt><dd class="number">${share(one.order.mean)}</dd></div>`}
      ${[one.cut, one.sure_cut, one.best_cut].filter(Boolean).map((cut) => html`<div key=${cut.by}><dt>Cut: ${cut.by}</dt><dd class="number">F1 ${share(cut.f1)} <span class="muted">precision ${share(cut.precision)}, recall ${share(cut.recall)}</span></dd></div>`)}
    </dl>
    ${labels.length > 0 && html`<h4>Labels, the weakest first</h4><dl class="facts-list" data-testid="labels">
      ${labels.map((row) => html`<div key=${row.name}><dt>${row.name}</dt><dd class="number">${share(row.hit_at_1)} <span class="muted">first hit right, of ${count(row.queries, "image")}; MAP@R ${row.map_at_r.toFixed(3)}</span></dd></div>`)}
    </dl>`}
    ${!all && one.classes.length > LABELS && html`<button class="button small" onClick=${() => setAll(true)}>All ${number(one.classes.length)} labels</button>`}
    ${one.worst.length > 0 && html`<h4>What is found worst</h4>`}
    ${one.worst.map((row, i) => html`<${Worst} key=${i} row=${row} />`)}
  </section>`;
}

function Worst({ row }) {
  const first = row.first ? `the first one comes at rank ${number(row.first)}` : "none was found";
  return html`<div class="worst" data-testid="worst">
    <p class="small-text"><strong>${row.image ? fileName(row.shown) : row.shown}</strong>${row.group ? ` (${row.group})` : ""} <span class="muted">right images: ${number(row.right)}; ${first}</span></p>
    <div class="row">
      ${row.image && html`<a class="asked" href=${imageHref(row.image)}><${Thumb} image=${{ id: row.image }} size=${THUMB} alt=${`searched by: ${fileName(row.shown)}`} /></a>`}
      ${row.top.map((hit) => html`<a key=${hit.id} class=${hit.right ? "right" : "wrong"} href=${imageHref(hit.id)} title=${fileName(hit.uri)}><${Thumb} image=${{ id: hit.id }} size=${THUMB} alt=${`${hit.right ? "right" : "wrong"}: ${fileName(hit.uri)}`} /></a>`)}
      ${row.best && html`<a class="right best" href=${imageHref(row.best.id)} title=${`should be found: ${fileName(row.best.uri)}`}><${Thumb} image=${{ id: row.best.id }} size=${THUMB} alt=${`should be found: ${fileName(row.best.uri)}`} /></a>`}
    </div>
  </div>`;
}
