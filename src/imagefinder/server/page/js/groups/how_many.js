// How many groups? Measures every number up to a largest one, draws what was found, and groups into the number chosen.
import { html, useEffect, useId, useState } from "../../vendor/preact.js";
import { api, useRequest } from "../api.js";
import { ErrorBox } from "../components/empty.js";
import { Icon } from "../components/icon.js";
import { Progress } from "../components/progress.js";
import { isRunning, startJob, useJobs } from "../jobs.js";
import { useIndex } from "../library_info.js";
import { navigate, setParams } from "../state.js";
import { Chart } from "./chart.js";
import { table } from "../table.js";

const compact = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });

const MEASURES = table({
  inertia: { title: "Elbow", axis: "Inertia", how: "How far the images are from the middle of their group. It always falls; look for where it stops falling fast." },
  silhouette: { title: "Silhouette", axis: "Silhouette", error: "silhouette_error", how: "How much nearer images are to their own group than to the next. Higher is better; the band is the uncertainty." },
  davies_bouldin: { title: "Davies-Bouldin", axis: "Davies-Bouldin", how: "How much the groups run into each other. Lower is better." },
  calinski_harabasz: { title: "Calinski-Harabasz", axis: "Calinski-Harabasz", how: "How far apart the groups are against how wide they are. Higher is better." },
});
const PAIRS = table({ main: ["inertia", "silhouette"], more: ["davies_bouldin", "calinski_harabasz"] });

export function HowMany({ params, why }) {
  const all = useJobs().filter((job) => job.kind === "choose-k");
  const done = all.find((job) => job.state === "done");
  const running = all.find(isRunning);
  const found = useRequest(done?.id ?? null, (signal) => api.get(`/jobs/${done.id}`, {}, { signal }));
  useEffect(() => {
    document.title = "How many groups? · ImageFinder";
    return () => (document.title = "Groups · ImageFinder");
  }, []);
  const result = found.data?.result;
  return html`<div class="page narrow stack how-many">
    <header class="stack tight">
      <a class="back small-text" href="/groups"><${Icon} name="left" />All groups</a>
      <h1 tabindex="-1">How many groups?</h1>
      <p class="muted">There is no one right number. This tries every number by k-means and shows how well each fits; you decide. It changes nothing.</p>
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
  if (info?.images < 3) return html`<p class="note">It needs 3 images at least. <a href="/library">Add some in the library</a>.</p>`;
  const limit = Math.min(1000, Math.max(2, (info?.images ?? 1000) - 1));
  const submit = (event) => {
    event.preventDefault();
    startJob("choose-k", { max_k: Math.min(most, limit) });
  };
  return html`<form class="row wrap measure-form" onSubmit=${submit}>
    <label for=${id}>Try 2 to</label>
    <input id=${id} class="input short" type="number" min="2" max=${limit} required value=${Math.min(most, limit)} onInput=${(e) => setMost(e.target.valueAsNumber)} />
    <span>groups</span>
    <button class="button ${again ? "" : "primary"}">${again ? "Measure again" : "Measure"}</button>
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
  return html`<section class="suggestion card" aria-label="Suggestion">
      <p class="big-number number">${result.suggested}</p>
      <div class="grow"><h2>${result.suggested} groups are suggested</h2><p class="muted">${sentence(result.reason)}</p></div>
    </section>
    <div class="segmented" role="group" aria-label="Measures">
      ${[["main", "Elbow and silhouette"], ["more", "Davies-Bouldin and Calinski-Harabasz"]].map(
        ([name, words]) => html`<button key=${name} class="button small" aria-pressed=${pair === name} onClick=${() => setParams({ measure: name === "main" ? null : name }, { replace: true })}>${words}</button>`,
      )}
    </div>
    <div class="charts">
      ${PAIRS[pair].map((name) => html`<figure key=${name} class="card">
        <figcaption><h3>${MEASURES[name].title}</h3><p class="muted small-text">${MEASURES[name].how}</p></figcaption>
        <${Chart} points=${pointsOf(scores, name)} label=${`${MEASURES[name].axis} by number of groups`} axis=${MEASURES[name].axis}
          mark=${{ x: result.suggested, text: "suggested" }} selected=${k} hover=${hover} onHover=${setHover} onSelect=${choose} />
      </figure>`)}
    </div>
    <div class="choice card" aria-live="polite" data-testid="choice">
      <div class="grow"><h2>${k} groups</h2><p class="muted small-text number">${figures(chosen)}</p></div>
      ${!why && html`<button class="button primary" data-testid="use-number" onClick=${() => group(k)}>Make ${k} groups</button>`}
    </div>
    <details class="card"><summary>All figures as a table</summary><${Figures} ...${{ scores, k, choose }} /></details>`;
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
    const off = MEASURES[name].error ? one[MEASURES[name].error] : 0;
    const text = `${compact.format(y)}${off ? ` ± ${compact.format(off)}` : ""}`;
    return { x: one.n_clusters, y, low: y - off, high: y + off, text };
  });

/** With its error where that shows; where every image was measured there is none. */
const silhouette = (one) =>
  one.silhouette.toFixed(3) + (one.silhouette_error >= 0.0005 ? ` ± ${one.silhouette_error.toFixed(3)}` : "");

const figures = (one) =>
  `Silhouette ${silhouette(one)}, inertia ${compact.format(one.inertia)}, ` +
  `Davies-Bouldin ${one.davies_bouldin.toFixed(2)}, Calinski-Harabasz ${compact.format(one.calinski_harabasz)}`;

function Figures({ scores, k, choose }) {
  return html`<div class="table-scroll" tabindex="0" role="region" aria-label="All figures"><table class="figures number">
    <thead><tr><th scope="col">Groups</th><th scope="col">Inertia</th><th scope="col">Silhouette</th><th scope="col">Davies-Bouldin</th><th scope="col">Calinski-Harabasz</th></tr></thead>
    <tbody>${scores.map((one) => html`<tr key=${one.n_clusters} aria-selected=${one.n_clusters === k ? "true" : undefined}>
      <th scope="row"><button class="link" onClick=${() => choose(one.n_clusters)} aria-label=${`Choose ${one.n_clusters} groups`}>${one.n_clusters}</button></th>
      <td>${compact.format(one.inertia)}</td><td>${silhouette(one)}</td>
      <td>${one.davies_bouldin.toFixed(3)}</td><td>${compact.format(one.calinski_harabasz)}</td></tr>`)}</tbody>
  </table></div>`;
}
