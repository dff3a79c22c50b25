// How many groups? Measures every number up to a largest one, draws what was found, and groups into the number chosen.
import { html, useEffect, useId, useState } from "../../vendor/preact.js";
import { api, useRequest } from "../api.js";
import { ErrorBox } from "../components/empty.js";
import { Icon } from "../components/icon.js";
import { Progress } from "../components/progress.js";
import { isRunning, startJob, useJobs } from "../jobs.js";
import { locale } from "../language.js";
import { useIndex } from "../library_info.js";
import { navigate, setParams } from "../state.js";
import { Chart } from "./chart.js";
import { table } from "../table.js";
import { texts } from "../texts.js";

const compact = new Intl.NumberFormat(locale, { maximumSignificantDigits: 4 });

const t = texts.groups;
const MEASURES = table(t.measured);
const ERRORS = table({ silhouette: "silhouette_error" });
const PAIRS = table({ main: ["inertia", "silhouette"], more: ["davies_bouldin", "calinski_harabasz"] });

export function HowMany({ params, why }) {
  const all = useJobs().filter((job) => job.kind === "choose-k");
  const done = all.find((job) => job.state === "done");
  const running = all.find(isRunning);
  const found = useRequest(done?.id ?? null, (signal) => api.get(`/jobs/${done.id}`, {}, { signal }));
  useEffect(() => {
    document.title = t.howManyDocument;
    return () => (document.title = t.documentTitle);
  }, []);
  const result = found.data?.result;
  return html`<div class="page narrow stack how-many">
    <header class="stack tight">
      <a class="back small-text" href="/groups"><${Icon} name="left" />${t.all}</a>
      <h1 tabindex="-1">${t.howMany}</h1>
      <p class="muted">${t.howManyText}</p>
    </header>
    ${running ? html`<div class="card"><${Progress} job=${running} /></div>` : html`<${MeasureForm} again=${Boolean(result)} why=${why} />`}
    ${found.error && html`<${ErrorBox} error=${found.error} retry=${found.reload} />`}
    ${result && html`<${Result} key=${done.id} ...${{ result, params, why }} />`}
  </div>`;
}

function MeasureForm({ again, why }) {
  const { info } = useIndex();
  const [most, setMost] = useState(50);
  const id = useId();
  if (why) return html`<p class="note">${why}</p>`;
  if (info?.images < 3) return html`<p class="note">${t.needs3} <a href="/library">${t.addSome}</a>.</p>`;
  const limit = Math.min(1000, Math.max(2, (info?.images ?? 1000) - 1));
  const submit = (event) => {
    event.preventDefault();
    startJob("choose-k", { max_k: Math.min(most, limit) });
  };
  return html`<form class="row wrap measure-form" onSubmit=${submit}>
    <label for=${id}>${t.tryTo}</label>
    <input id=${id} class="input short" type="number" min="2" max=${limit} required value=${Math.min(most, limit)} onInput=${(e) => setMost(e.target.valueAsNumber)} />
    <span>${t.tryGroups}</span>
    <button class="button ${again ? "" : "primary"}">${again ? t.measureAgain : t.measure}</button>
  </form>`;
}

function Result({ result, params, why }) {
  const { scores } = result;
  const pair = PAIRS[params.get("measure")] ? params.get("measure") : "main";
  const asked = Number(params.get("k"));
  const k = scores.some((one) => one.n_clusters === asked) ? asked : result.suggested;
  const [hover, setHover] = useState(null);
  const choose = (value) => setParams({ k: value }, { replace: true });
  const chosen = scores.find((one) => one.n_clusters === k);
  return html`<section class="suggestion card" aria-label=${t.suggestion}>
      <p class="big-number number">${result.suggested}</p>
      <div class="grow"><h2>${t.suggested(result.suggested)}</h2><details><summary>${t.details}</summary><p class="muted">${sentence(result.reason)}</p></details></div>
    </section>
    <div class="choice card" aria-live="polite" data-testid="choice">
      <div class="grow"><h2>${t.kGroups(k)}</h2><p class="muted small-text number">${figures(chosen)}</p></div>
      ${!why && html`<button class="button primary" data-testid="use-number" onClick=${() => group(k)}>${t.makeK(k)}</button>`}
    </div>
    <div class="segmented" role="group" aria-label=${t.measures}>
      ${Object.entries(t.pairs).map(
        ([name, words]) => html`<button key=${name} class="button small" aria-pressed=${pair === name} onClick=${() => setParams({ measure: name === "main" ? null : name }, { replace: true })}>${words}</button>`,
      )}
    </div>
    <div class="charts">
      ${PAIRS[pair].map((name) => html`<figure key=${name} class="card">
        <figcaption><h3>${MEASURES[name].title}</h3><p class="muted small-text">${MEASURES[name].how}</p></figcaption>
        <${Chart} points=${pointsOf(scores, name)} label=${t.byNumber(MEASURES[name].axis)} axis=${MEASURES[name].axis}
          mark=${{ x: result.suggested, text: t.markSuggested(result.suggested) }} selected=${k} hover=${hover} onHover=${setHover} onSelect=${choose} />
      </figure>`)}
    </div>
    <details class="card"><summary>${t.table}</summary><${Figures} ...${{ scores, k, choose }} /></details>`;
}

/** With the method that was measured, so that the figures hold; corrections stay. */
async function group(k) {
  if (!(await startJob("cluster", { n_clusters: k, method: "kmeans" }))) return;
  navigate("/groups");
  scrollTo(0, 0); // the same path to the router, which keeps the place
}

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");

const pointsOf = (scores, name) =>
  scores.map((one) => {
    const y = one[name];
    const off = ERRORS[name] ? one[ERRORS[name]] : 0;
    const text = `${compact.format(y)}${off ? ` ± ${compact.format(off)}` : ""}`;
    return { x: one.n_clusters, y, low: y - off, high: y + off, text };
  });

/** With its error where that shows; where every image was measured there is none. */
const silhouette = (one) =>
  one.silhouette.toFixed(3) + (one.silhouette_error >= 0.0005 ? ` ± ${one.silhouette_error.toFixed(3)}` : "");

const figures = (one) =>
  t.figuresOf(silhouette(one), compact.format(one.inertia), one.davies_bouldin.toFixed(2), compact.format(one.calinski_harabasz));

function Figures({ scores, k, choose }) {
  return html`<div class="table-scroll" tabindex="0" role="region" aria-label=${t.tableLabel}><table class="figures number">
    <thead><tr>${[t.tableGroups, ...Object.values(MEASURES).map((one) => one.axis)].map((name) => html`<th key=${name} scope="col">${name}</th>`)}</tr></thead>
    <tbody>${scores.map((one) => html`<tr key=${one.n_clusters} aria-selected=${one.n_clusters === k ? "true" : undefined}>
      <th scope="row"><button class="link" onClick=${() => choose(one.n_clusters)} aria-label=${t.choose(one.n_clusters)}>${one.n_clusters}</button></th>
      <td>${compact.format(one.inertia)}</td><td>${silhouette(one)}</td>
      <td>${one.davies_bouldin.toFixed(3)}</td><td>${compact.format(one.calinski_harabasz)}</td></tr>`)}</tbody>
  </table></div>`;
}
