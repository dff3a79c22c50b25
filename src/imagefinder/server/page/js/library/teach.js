// Teaching: better matches, classes and words, learnt from what is known of the images already.
import { html, useId, useState } from "../../vendor/preact.js";
import { api, useRequest } from "../api.js";
import { Icon } from "../components/icon.js";
import { JobButton, Progress } from "../components/progress.js";
import { number } from "../format.js";
import { isRunning, startJob, useJobs } from "../jobs.js";
import { useCount } from "../library_info.js";
import { table } from "../table.js";

const FIELDS = { folder: "Folders", tags: "Tags", cluster_name: "Groups" };
const LIKES = "likes"; // thumbs among the results
const LEAST_CAPTIONS = 20; // as the library asks for
const NONE = table({
  tags: "No image has a tag yet. Select images and tag them first, those of two kinds at least.",
  cluster_name: "The images are not grouped yet. Group them first.",
  [LIKES]: "Nothing was liked or disliked yet. Do so with the thumbs at the results of a search.",
});
const OWN = new Set(["id", "uri", "source", "content_hash", "format", "mtime", "taken_at", "taken_from", "taken_guess", "caption", "class", ...Object.keys(FIELDS)]);
const LESSONS = [
  { what: "adapter", icon: "similar", title: "Better matches", text: "Images of one kind come to lie together, from ten examples of each or more.", button: "Teach", likes: true },
  { what: "classifier", icon: "groups", title: "Classes", text: "Tells what a picture is and how sure that is, and finds pictures by what tells the kinds apart.", button: "Train" },
  { what: "words", icon: "edit", title: "Words", text: "What your images are called, from the captions that some of them have.", button: "Learn" },
];

/** Columns of the user's tables that may hold labels, as some of the images have them. */
function useColumns() {
  const { data } = useRequest("columns to learn from", (signal) => api.get("/images", { k: 50 }, { signal }));
  const names = (data?.images ?? []).flatMap((image) => Object.keys(image).filter((name) => !OWN.has(name) && typeof image[name] === "string"));
  return [...new Set(names)];
}

/** What a lesson still needs, in a sentence; null where it can begin, or that is not known yet. */
function useNeeds(what, by, info) {
  const captions = useCount(what === "words" ? "has caption" : null);
  const marked = useCount(what !== "words" && by !== LIKES ? `has ${by}` : null);
  const { data: liked } = useRequest(what !== "words" && by === LIKES ? "feedback to learn from" : null, (signal) => api.get("/feedback", { k: 1 }, { signal }));
  if (what === "words") {
    if (info.understands_words === false) return "The model in use does not read words.";
    if (captions === null || captions >= LEAST_CAPTIONS) return null;
    return `It needs captions of ${LEAST_CAPTIONS} images at least; ${number(captions)} ${captions === 1 ? "has" : "have"} one. Captions come with a table, or are written beside an image.`;
  }
  return (by === LIKES ? liked?.total : marked) === 0 ? (NONE[by] ?? "No image has a value there.") : null;
}

export function Teach({ info }) {
  const columns = useColumns();
  const sources = [...Object.entries(FIELDS), ...columns.map((name) => [name, name])];
  return html`<section class="stack tight" data-testid="teach"><h2>Teach it</h2>
    <p class="muted small-text">From what is known of your images. It takes seconds, is measured on images kept apart, and changes no search until you use it.</p>
    <ul class="ways tasks">${LESSONS.map((lesson) => html`<${Lesson} key=${lesson.what} ...${{ lesson, sources, info }} />`)}</ul>
  </section>`;
}

function Lesson({ lesson, sources, info }) {
  const { what, icon, title, text, button, likes } = lesson;
  const [by, setBy] = useState("tags");
  const id = useId();
  const needs = useNeeds(what, by, info);
  const running = useJobs().find((job) => job.kind === "train" && job.options.what === what && isRunning(job));
  const start = (event) => {
    event.preventDefault();
    startJob("train", what === "words" ? { what } : { what, ...(by === LIKES ? { feedback: true } : { by }) });
  };
  return html`<li class="way" data-testid=${`teach-${what}`}>
    <h3><${Icon} name=${icon} />${title}</h3>
    <p class="muted small-text">${text}</p>
    ${running
      ? html`<${Progress} job=${running} />`
      : html`<form class="row wrap" onSubmit=${start}>
          ${what !== "words" && html`<label class="row" for=${id}>by</label>
          <select id=${id} class="input grow" aria-label=${`${title}: learn from`} onChange=${(e) => setBy(e.target.value)}>
            ${[...sources, ...(likes ? [[LIKES, "Thumbs up and down"]] : [])].map(([name, shown]) => html`<option key=${name} value=${name} selected=${name === by}>${shown}</option>`)}
          </select>`}
          <button class="button" disabled=${Boolean(needs)}>${button}</button>
        </form>
        ${needs && html`<p class="small-text" data-testid="needs">${needs}</p>`}`}
    ${what === "classifier" && info.classifier && html`<${JobButton} kind="classify">Tell the class of every image<//>`}
  </li>`;
}
