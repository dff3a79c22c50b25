// Work on all images that can be started from here, and where its outcome is.
import { html } from "../../vendor/preact.js";
import { Icon } from "../components/icon.js";
import { JobButton } from "../components/progress.js";

const TASKS = [
  { kind: "cluster", icon: "groups", title: "Group", text: "Put images that look alike together and name each group.", href: "/groups", see: "Groups", button: "Group again" },
  { kind: "map", icon: "map", title: "Map", text: "Lay all images out so that alike ones lie side by side.", href: "/map", see: "Map", button: "Draw the map" },
  { kind: "duplicates", icon: "duplicates", title: "Duplicates", text: "Find copies, from identical files to the same picture edited.", href: "/duplicates", see: "Duplicates", button: "Look for duplicates" },
  { kind: "outliers", icon: "sparkle", title: "Odd ones out", text: "Score how little each image is like the others.", href: "/?sort=-outlier", see: "Oddest first", button: "Score all" },
  { kind: "quality", icon: "zoomIn", title: "Quality", text: "Measure sharpness, light and contrast; name blurry, dark and tiny ones.", href: "/?filter=has%20issues", see: "With issues", button: "Measure" },
];

export function Tasks({ info }) {
  return html`<ul class="ways tasks">
    ${TASKS.map(
      (task) => html`<li key=${task.kind} class="way" data-testid=${`task-${task.kind}`}>
        <h3><${Icon} name=${task.icon} />${task.title}</h3>
        <p class="muted small-text">${task.text}</p>
        <div class="row wrap">
          ${!info.read_only && html`<${JobButton} kind=${task.kind}>${task.kind === "cluster" && !info.clustered ? "Group" : task.button}<//>`}
          <a class="button quiet" href=${task.href}>${task.see}</a>
        </div>
      </li>`,
    )}
  </ul>`;
}
