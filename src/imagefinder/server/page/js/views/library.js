// The library: what is indexed, how to add more, and the work on it.
import { html, useEffect } from "../../vendor/preact.js";
import { ErrorBox, Skeleton } from "../components/empty.js";
import { bytes, count, date, number } from "../format.js";
import { AddImages } from "../library/add.js";
import { BetterWords } from "../library/better_words.js";
import { Concepts } from "../library/concepts.js";
import { FirstUse } from "../library/first_use.js";
import { JobList, RunningJobs } from "../library/job_list.js";
import { Measure } from "../library/measure.js";
import { Models } from "../library/models.js";
import { Sources } from "../library/sources.js";
import { Tasks } from "../library/tasks.js";
import { Teach } from "../library/teach.js";
import { fixed, reloadIndex, useIndex } from "../library_info.js";

export default function Library() {
  const { info, error } = useIndex();
  useEffect(() => {
    reloadIndex();
    if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
  }, []);
  if (!info) return error ? html`<${ErrorBox} error=${error} retry=${reloadIndex} />` : html`<div class="page late"><${Skeleton} boxes=${3} /></div>`;
  const jobs = html`<section class="stack tight" id="jobs"><h2>Jobs</h2><${JobList} /></section>`;
  if (info.images === 0) return html`<${FirstUse} info=${info} /><div class="page narrow">${jobs}</div>`;
  return html`<div class="page narrow library">
    <h1>Library</h1>
    <${Facts} info=${info} />
    ${info.read_only && html`<p class="note">${fixed(info)}: nothing can be added or changed here.</p>`}
    <${RunningJobs} />
    <${Sources} info=${info} />
    <${Models} info=${info} />
    <${BetterWords} info=${info} />
    ${!info.read_only && html`<section class="stack tight"><h2>Add images</h2><${AddImages} info=${info} /></section>`}
    <section class="stack tight"><h2>Organise</h2><${Tasks} info=${info} /></section>
    ${!info.read_only && html`<${Teach} info=${info} />`}
    <${Concepts} info=${info} />
    ${!info.read_only && html`<${Measure} info=${info} />`}
    ${jobs}
  </div>`;
}

function Facts({ info }) {
  const facts = [
    ["Images", number(info.images)],
    ["Model", info.model],
    ["Understands words", info.understands_words ? "yes" : "no"],
    ["On disk", bytes(info.bytes)],
    ["Since", date(info.created)],
    ...(info.caller && info.scope !== "admin" ? [["You", `${info.caller} (${info.scope})`]] : []),
    ["ImageFinder", info.version],
  ];
  return html`<dl class="library-facts" aria-label=${count(info.images, "image")}>
    ${facts.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}
  </dl>`;
}
