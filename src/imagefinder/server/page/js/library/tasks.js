// Work on all images that can be started from here, what it needs, and where its outcome is.
import { html } from "../../vendor/preact.js";
import { Icon } from "../components/icon.js";
import { JobButton } from "../components/progress.js";
import { useCount } from "../library_info.js";
import { texts } from "../texts.js";

// `least`: images that it needs; `marks`: a filter for what it has done, where there is nothing to see before

const TASKS = [
  { kind: "cluster", icon: "groups", href: "/groups", least: 2 },
  { kind: "map", icon: "map", href: "/map", least: 1 },
  { kind: "duplicates", icon: "duplicates", href: "/duplicates", least: 2 },
  { kind: "outliers", icon: "sparkle", href: "/?sort=-outlier", least: 3, marks: "has outlier" },
  { kind: "quality", icon: "zoomIn", href: "/?filter=has%20issues", least: 1, marks: "has blur" },
  { kind: "read", icon: "text", href: "/?filter=has%20text", least: 1, marks: "has text_by" },
];

export function Tasks({ info }) {
  return html`<ul class="ways tasks">
    ${TASKS.map((task) => html`<${Task} key=${task.kind} ...${{ task, info }} />`)}
  </ul>`;
}

function Task({ task, info }) {
  const { kind, icon, href, least, marks } = task;
  const { title, text, see, button, first } = texts.library.tasks[kind];
  const marked = useCount(marks);
  const few = info.images < least;
  return html`<li class="way" data-testid=${`task-${kind}`}>
    <h3><${Icon} name=${icon} />${title}</h3>
    <p class="muted small-text">${text}</p>
    ${few && html`<p class="small-text" data-testid="needs">${texts.library.needsImages(least, info.images)}</p>`}
    <div class="row wrap">
      ${!info.read_only && html`<${JobButton} kind=${kind} disabled=${few}>${(!info.clustered && first) || button}<//>`}
      ${marks && marked === 0
        ? html`<span class="muted small-text" data-testid="not-yet">${texts.library.notYet(see)}</span>`
        : html`<a class="button quiet" href=${href}>${see}</a>`}
    </div>
  </li>`;
}
