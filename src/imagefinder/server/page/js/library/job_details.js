// A dialog with all of one job: its result, what went wrong, what was left out.
import { html, useState } from "../../vendor/preact.js";
import { api, useRequest } from "../api.js";
import { openDialog } from "../components/dialog.js";
import { ErrorBox } from "../components/empty.js";
import { Icon } from "../components/icon.js";
import { toastError } from "../components/toast.js";
import { downloadCsv } from "../csv.js";
import { dateTime, number } from "../format.js";
import { jobName } from "../job_names.js";
import { issueName } from "../search/facets.js";
import { oneOf } from "../search/filters.js";
import { duration } from "../units.js";
import { Measured } from "./measured.js";
import { sourceName } from "./names.js";
import { SkippedList } from "./skipped.js";
import { UseIt, trainingRows } from "./training.js";
import { table } from "../table.js";
import { texts } from "../texts.js";

const PAGE = 50;
const MOST = 1000; // rows of one call

export const showJob = (job) => openDialog(jobName(job), () => html`<${Details} job=${job} />`, { wide: true });

function Details({ job }) {
  const { data, error, reload } = useRequest(job.id, (signal) => api.get(`/jobs/${job.id}`, {}, { signal }));
  if (error) return html`<${ErrorBox} error=${error} retry=${reload} />`;
  if (!data) return null;
  return html`<dl class="facts-list">
      ${[[texts.library.state, STATES[data.state] ?? data.state], [texts.library.started, data.started && dateTime(data.started)], [texts.library.tookLong, data.seconds > 0 && duration(data.seconds)], [texts.library.fromSources, data.options.sources?.map(sourceName).join(", ")], ...resultRows(data)]
        .filter(([, value]) => value)
        .map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}
    </dl>
    ${data.error && html`<p class="error-text">${data.error.message} ${data.error.remedy}</p>`}
    ${data.kind === "evaluate" && data.result && html`<${Measured} id=${data.id} result=${data.result} />`}
    ${data.skipped > 0 && html`<${Skipped} job=${data} />`}
    ${data.kind === "train" && data.result?.name && html`<${UseIt} name=${data.result.name} />`}`;
}

const WORDS = table(texts.library.numbers);
const STATES = table(texts.library.states);

/** The numbers of a result that say something to people. */
function resultRows({ kind, result }) {
  if (!result) return [];
  if (kind === "train") return trainingRows(result);
  const numbers = Object.entries(result).filter(([name, value]) => WORDS[name] && typeof value === "number");
  const issues = Object.entries(result.issues ?? {}).filter(([, n]) => n > 0);
  const classes = Object.entries(result.classes ?? {});
  const fit = kind === "index" && result.clusters;
  return [
    ...numbers.map(([name, value]) => [WORDS[name], number(value)]),
    ...(fit && fit.assigned + fit.unassigned > 0 ? [[texts.library.fitGroup, number(fit.assigned)], [texts.library.fitNone, number(fit.unassigned)]] : []),
    kind === "index" && result.concepts?.images > 0 && [texts.library.inKept, html`<a href="/library?part=tools#concepts">${texts.library.moreImages(result.concepts.images)}</a>`],
    kind === "index" && result.concepts?.advice && [texts.library.note, result.concepts.advice],
    fit?.advice && [texts.library.note, html`${fit.advice} <a href="/groups">${texts.library.toGroups}</a>`],
    ...issues.map(([name, n]) => [issueName(name), html`<a href=${`/?filter=${encodeURIComponent(`issues = ${name}`)}`}>${texts.library.images(n)}</a>`]),
    ...classes.map(([name, n]) => [name, html`<a href=${`/?filter=${encodeURIComponent(oneOf("class", [name]))}`}>${texts.library.images(n)}</a>`]),
  ].filter(Boolean);
}

function Skipped({ job }) {
  const [shown, setShown] = useState(PAGE);
  const { data, error, reload } = useRequest(`${job.id} ${shown}`, (signal) => api.get(`/jobs/${job.id}/skipped`, { k: Math.min(shown, MOST) }, { signal }));
  const save = async () => {
    const rows = [];
    for (let offset = 0; offset < job.skipped; offset += MOST) rows.push(...(await api.get(`/jobs/${job.id}/skipped`, { k: MOST, offset })).skipped);
    downloadCsv("skipped.csv", Object.fromEntries(["uri", "code", "reason", "remedy"].map((name) => [name, rows.map((row) => row[name])])));
  };
  if (error) return html`<${ErrorBox} error=${error} retry=${reload} />`;
  return html`<section class="stack tight" data-testid="skipped">
    <div class="spread"><h3>${texts.library.wereLeftOut(job.skipped)}</h3>
      <button class="button small" onClick=${() => save().catch(toastError)}><${Icon} name="download" />CSV</button></div>
    ${data && html`<${SkippedList} rows=${data.skipped} />`}
    ${data && data.total > shown && shown < MOST && html`<button class="button small" onClick=${() => setShown(shown + PAGE * 4)}>${texts.library.showMore}</button>`}
    ${data && data.total > MOST && shown >= MOST && html`<p class="muted small-text">${texts.library.firstOnly(MOST)}</p>`}
  </section>`;
}
