// Teaching: better matches, classes and words, learnt from what is known of the pictures. Offered where it can work.
import { html, useId, useState } from "../../vendor/preact.js";
import { Icon } from "../components/icon.js";
import { JobButton, Progress } from "../components/progress.js";
import { isRunning, startJob, useJobs } from "../jobs.js";
import { useCount } from "../library_info.js";
import { table } from "../table.js";
import { texts } from "../texts.js";
import { LEAST, LIKES, useLearnable } from "./learnable.js";

const LEAST_CAPTIONS = 20; // as the library asks for
const FIELDS = table(texts.library.fields);
const LESSONS = [
  { what: "adapter", icon: "similar", likes: true },
  { what: "classifier", icon: "groups" },
  { what: "words", icon: "edit" },
];

export function Teach({ info }) {
  const learnable = useLearnable(info);
  return html`<section class="stack tight" data-testid="teach"><h2>${texts.library.teach}</h2>
    <p class="muted small-text">${texts.library.teachText}</p>
    <ul class="ways tasks">${LESSONS.map((lesson) => html`<${Lesson} key=${lesson.what} ...${{ lesson, learnable, info }} />`)}</ul>
  </section>`;
}

function Lesson({ lesson, learnable, info }) {
  const { what, icon } = lesson;
  const { title, text } = texts.library.lessons[what];
  const running = useJobs().find((job) => job.kind === "train" && job.options.what === what && isRunning(job));
  const form = what === "words" ? html`<${Words} info=${info} />` : html`<${Kinds} ...${{ lesson, learnable }} />`;
  return html`<li class="way" data-testid=${`teach-${what}`}>
    <h3><${Icon} name=${icon} />${title}</h3>
    <p class="muted small-text">${text}</p>
    ${running ? html`<${Progress} job=${running} />` : form}
    ${what === "classifier" && info.classifier && html`<${JobButton} kind="classify">${texts.library.tellAll}<//>`}
  </li>`;
}

function Words({ info }) {
  const captions = useCount("has caption");
  if (info.understands_words === false) return html`<p class="small-text" data-testid="needs">${texts.library.noWords}</p>`;
  if (captions === null) return null;
  if (captions < LEAST_CAPTIONS) return html`<p class="small-text" data-testid="needs">${texts.library.needsCaptions(LEAST_CAPTIONS, captions)}</p>`;
  return html`<button class="button" onClick=${() => startJob("train", { what: "words" })}>${texts.library.lessons.words.button}</button>`;
}

function Kinds({ lesson, learnable }) {
  const { what, likes } = lesson;
  const { title, button } = texts.library.lessons[what];
  const [wanted, setWanted] = useState(null);
  const id = useId();
  if (!learnable) return null;
  const ways = learnable.filter((one) => likes || one.by !== LIKES);
  if (!ways.length) return html`<p class="small-text" data-testid="needs">${texts.library.needsKinds(LEAST)}</p>`;
  const way = ways.find((one) => one.by === wanted) ?? ways[0];
  const nameOf = (by) => (by === LIKES ? texts.library.thumbs : (FIELDS[by] ?? by));
  const start = (event) => {
    event.preventDefault();
    startJob("train", { what, ...(way.by === LIKES ? { feedback: true } : { by: way.by }) });
  };
  return html`<form class="row wrap" onSubmit=${start}>
      <label class="row" for=${id}>${texts.library.from}</label>
      <select id=${id} class="input grow" aria-label=${texts.library.learnFrom(title)} onChange=${(e) => setWanted(e.target.value)}>
        ${ways.map(({ by }) => html`<option key=${by} value=${by} selected=${by === way.by}>${nameOf(by)}</option>`)}
      </select>
      <button class="button">${button}</button>
    </form>
    <p class="small-text" data-testid="learns">${told(way, nameOf(way.by))}</p>`;
}

/** What would be learnt from, in a sentence or two; nothing where it is only known once it is done. */
function told({ by, kinds, images }, name) {
  if (by === LIKES) return texts.library.learnsThumbs(images);
  const from = kinds > 0 ? texts.library.learns(name, kinds, images) : "";
  return by === "cluster_name" ? `${from} ${texts.library.learnsGroups}` : from;
}
