// Work on all images that can be started from here, what it needs, and where its outcome is.
import { html } from "../../vendor/preact.js";
import { Icon } from "../components/icon.js";
import { JobButton } from "../components/progress.js";
import { number } from "../format.js";
import { useCount } from "../library_info.js";

// `least`: images that it needs; `marks`: a filter for what it has done, where there is nothing to see before

const TASKS = [
  { kind: "cluster", icon: "groups", title: "Group", text: "Put images that look alike together and name each group.", href: "/groups", see: "Groups", button: "Group again", least: 2 },
  { kind: "map", icon: "map", title: "Map", text: "Lay all images out so that alike ones lie side by side.", href: "/map", see: "Map", button: "Draw the map", least: 1 },
  { kind: "duplicates", icon: "duplicates", title: "Duplicates", text: "Find copies, from identical files to the same picture edited.", href: "/duplicates", see: "Duplicates", button: "Look for duplicates", least: 2 },
  { kind: "outliers", icon: "sparkle", title: "Odd ones out", text: "Score how little each image is like the others.", href: "/?sort=-outlier", see: "Oddest first", button: "Score all", least: 3, marks: "has outlier" },
  { kind: "quality", icon: "zoomIn", title: "Quality", text: "Measure sharpness, light and contrast; name blurry, dark and tiny ones.", href: "/?filter=has%20issues", see: "With issues", button: "Measure", least: 1, marks: "has blur" },
  { kind: "read", icon: "text", title: "Text in pictures", text: "Read signs, screenshots and receipts, so that their words find them.", href: "/?filter=has%20text", see: "With text", button: "Read", least: 1, marks: "has text_by" },
];

export function Tasks({ info }) {
  return html`<ul class="ways tasks">
    ${TASKS.map((task) => html`<${Task} key=${task.kind} ...${{ task, info }} />`)}
  </ul>`;
}

function Task({ task, info }) {
  const { kind, icon, title, text, href, see, button, least, marks } = task;
  const marked = useCount(marks);
  const few = info.images < least;
  return html`<li class="way" data-testid=${`task-${kind}`}>
    <h3><${Icon} name=${icon} />${title}</h3>
    <p class="muted small-text">${text}</p>
    ${few && html`<p class="small-text" data-testid="needs">It needs ${number(least)} images at least; there ${info.images === 1 ? "is 1" : `are ${number(info.images)}`}.</p>`}
    <div class="row wrap">
      ${!info.read_only && html`<${JobButton} kind=${kind} disabled=${few}>${kind === "cluster" && !info.clustered ? "Group" : button}<//>`}
      ${marks && marked === 0
        ? html`<span class="muted small-text" data-testid="not-yet">“${see}” shows something once this has run.</span>`
        : html`<a class="button quiet" href=${href}>${see}</a>`}
    </div>
  </li>`;
}
