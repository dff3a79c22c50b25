// The library in three parts: where the pictures come from, work on all of them, and what runs and ran.
import { html, useEffect } from "../../vendor/preact.js";
import { ErrorBox, Skeleton } from "../components/empty.js";
import { LanguageMenu } from "../components/language_menu.js";
import { date, number } from "../format.js";
import { BetterWords } from "../library/better_words.js";
import { Concepts } from "../library/concepts.js";
import { useFailed } from "../library/failed.js";
import { FirstUse } from "../library/first_use.js";
import { Activity, RunningJobs } from "../library/job_list.js";
import { Measure } from "../library/measure.js";
import { Models } from "../library/models.js";
import { Sources } from "../library/sources.js";
import { PARTS, Tabs } from "../library/tabs.js";
import { Tasks } from "../library/tasks.js";
import { Teach } from "../library/teach.js";
import { fixed, reloadIndex, useIndex } from "../library_info.js";
import { texts } from "../texts.js";
import { bytes } from "../units.js";

export default function Library({ route }) {
  const { info, error } = useIndex();
  const failed = useFailed();
  const asked = route.params.get("part");
  const part = PARTS.includes(asked) ? asked : failed.length ? "activity" : "sources";
  useEffect(() => {
    reloadIndex();
  }, []);
  useEffect(() => {
    if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
  }, [part, Boolean(info)]);
  if (!info) return error ? html`<${ErrorBox} error=${error} retry=${reloadIndex} />` : html`<div class="page late"><${Skeleton} boxes=${3} /></div>`;
  if (info.images === 0 && part === "sources") return html`<${FirstUse} info=${info} />`;
  return html`<div class="page narrow library">
    <h1>${texts.library.title}</h1>
    ${info.read_only && html`<p class="note">${texts.library.fixed(fixed(info))}</p>`}
    <${Tabs} part=${part} failed=${failed.length} />
    <div id="library-part" class="library" role="tabpanel" aria-labelledby=${`tab-${part}`}>
      ${part !== "activity" && html`<${RunningJobs} />`}
      ${part === "sources" && html`<${Facts} info=${info} /><${Sources} info=${info} adding=${route.params.has("add")} />`}
      ${part === "tools" && html`<${Tools} info=${info} />`}
      ${part === "activity" && html`<${Activity} readOnly=${info.read_only} />`}
    </div>
  </div>`;
}

function Tools({ info }) {
  return html`<section class="stack tight"><h2>${texts.library.organise}</h2><${Tasks} info=${info} /></section>
    <${Models} info=${info} />
    <${BetterWords} info=${info} />
    ${!info.read_only && html`<${Teach} info=${info} />`}
    <${Concepts} info=${info} />
    ${!info.read_only && html`<${Measure} info=${info} />`}`;
}

function Facts({ info }) {
  const { factImages, factDisk, factSince, factYou, factWords, details, yes, no } = texts.library;
  const facts = [
    [factImages, number(info.images)],
    [factDisk, bytes(info.bytes)],
    [factSince, date(info.created)],
    ...(info.caller && info.scope !== "admin" ? [[factYou, `${info.caller} (${info.scope})`]] : []),
  ];
  const more = [[texts.library.factModel, info.model], [factWords, info.understands_words ? yes : no], ["ImageFinder", info.version]];
  const row = ([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`;
  return html`<div class="stack tight">
    <dl class="library-facts" aria-label=${texts.library.images(info.images)}>${facts.map(row)}</dl>
    <details class="library-details"><summary>${details}</summary><dl class="library-facts">${more.map(row)}</dl></details>
    <div class="only-narrow"><${LanguageMenu} named /></div>
  </div>`;
}
