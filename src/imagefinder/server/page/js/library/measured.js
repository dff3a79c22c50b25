// What was measured: each measure with its interval, the labels, the worst queries, and what two spaces differ by.
import { html, useState } from "../../vendor/preact.js";
import { Thumb } from "../components/thumb.js";
import { fileName } from "../format.js";
import { imageHref } from "../state.js";
import { table } from "../table.js";
import { texts } from "../texts.js";

const TITLES = table(texts.library.measuredKinds);
const ABOUT = table(texts.library.about);
const LABELS = 12; // shown at first
const THUMB = 96; // CSS pixels
const share = (value) => `${(100 * value).toFixed(1)} %`;

/** One sentence about a list of queries. */
export function leadOf(one) {
  const first = one.measures["hit@1"];
  if (!first) return texts.library.notAsked(TITLES[one.kind]);
  return texts.library.lead(TITLES[one.kind], html`<strong>${share(first.mean)}</strong>`, one.queries, share(first.low), share(first.high));
}

export function Measured({ id, result }) {
  const { searches, comparisons, copies, notes } = result;
  return html`<div class="stack measured" data-testid="measures">
    <div class="row"><a class="button small" href=${`/v1/jobs/${encodeURIComponent(id)}/report`} download>${texts.library.report}</a></div>
    ${notes.map((note) => html`<p key=${note} class="note">${note}</p>`)}
    ${comparisons.map((one) => html`<p key=${one.kind}>${one.says}</p>`)}
    ${searches.map((one) => html`<${Search} key=${one.kind} one=${one} />`)}
    ${copies && html`<p>${texts.library.copiesFound(copies)}</p>`}
  </div>`;
}

function Search({ one }) {
  const [all, setAll] = useState(false);
  const measures = Object.keys(ABOUT).filter((name) => name in one.measures);
  const labels = all ? one.classes : one.classes.slice(0, LABELS);
  return html`<section class="stack tight"><h3>${TITLES[one.kind]}</h3>
    <dl class="facts-list">
      ${measures.map((name) => html`<div key=${name}><dt>${ABOUT[name]}</dt><dd class="number">${one.measures[name].mean.toFixed(3)} <span class="muted">${texts.library.interval(one.measures[name].low.toFixed(3), one.measures[name].high.toFixed(3))}</span></dd></div>`)}
      ${one.order && html`<div><dt>${texts.library.likedFirst}</dt><dd class="number">${share(one.order.mean)}</dd></div>`}
      ${[one.cut, one.sure_cut, one.best_cut].filter(Boolean).map((cut) => html`<div key=${cut.by}><dt>${texts.library.cut(cut.by)}</dt><dd class="number">F1 ${share(cut.f1)} <span class="muted">${texts.library.cutShares(share(cut.precision), share(cut.recall))}</span></dd></div>`)}
    </dl>
    ${labels.length > 0 && html`<h4>${texts.library.weakest}</h4><dl class="facts-list" data-testid="labels">
      ${labels.map((row) => html`<div key=${row.name}><dt>${row.name}</dt><dd class="number">${share(row.hit_at_1)} <span class="muted">${texts.library.firstRight(row.queries, row.map_at_r.toFixed(3))}</span></dd></div>`)}
    </dl>`}
    ${!all && one.classes.length > LABELS && html`<button class="button small" onClick=${() => setAll(true)}>${texts.library.allLabels(one.classes.length)}</button>`}
    ${one.worst.length > 0 && html`<h4>${texts.library.worst}</h4>`}
    ${one.worst.map((row, i) => html`<${Worst} key=${i} row=${row} />`)}
  </section>`;
}

function Worst({ row }) {
  const name = fileName(row.shown);
  return html`<div class="worst" data-testid="worst">
    <p class="small-text"><strong>${row.image ? name : row.shown}</strong>${row.group ? ` (${row.group})` : ""} <span class="muted">${texts.library.rightOnes(row.right, texts.library.rank(row.first))}</span></p>
    <div class="row">
      ${row.image && html`<a class="asked" href=${imageHref(row.image)}><${Thumb} image=${{ id: row.image }} size=${THUMB} alt=${texts.library.searchedBy(name)} /></a>`}
      ${row.top.map((hit) => html`<a key=${hit.id} class=${hit.right ? "right" : "wrong"} href=${imageHref(hit.id)} title=${fileName(hit.uri)}><${Thumb} image=${{ id: hit.id }} size=${THUMB} alt=${(hit.right ? texts.library.right : texts.library.wrong)(fileName(hit.uri))} /></a>`)}
      ${row.best && html`<a class="right best" href=${imageHref(row.best.id)} title=${texts.library.shouldFind(fileName(row.best.uri))}><${Thumb} image=${{ id: row.best.id }} size=${THUMB} alt=${texts.library.shouldFind(fileName(row.best.uri))} /></a>`}
    </div>
  </div>`;
}
