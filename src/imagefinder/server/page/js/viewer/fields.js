// The fields that the panel doesn't show in its own way: measured ones, and columns of the user's tables.
import { html } from "../../vendor/preact.js";
import { COMMA } from "../language.js";
import { table } from "../table.js";
import { texts } from "../texts.js";

const said = texts.viewer;

const SHOWN = new Set(["id", "uri", "folder", "content_hash", "bytes", "width", "height", "format", "mtime", "taken_at", "taken_from", "taken_guess", "caption", "tags", "colours", "cluster", "cluster_name", "issues", "camera", "lens", "lat", "lon", "text", "text_boxes"]);
const NAMES = table(said.fields);

const written = (value) => (Array.isArray(value) ? value.join(COMMA) : typeof value === "boolean" ? (value ? said.yes : said.no) : String(value));

export function OtherFields({ image }) {
  const names = Object.keys(image).filter((name) => !SHOWN.has(name));
  return html`<details class="other-fields"><summary>${said.allFields}</summary>
    <dl class="facts-list">
      ${names.map((name) => html`<div key=${name}><dt>${NAMES[name] ?? name}</dt><dd>${written(image[name])}</dd></div>`)}
      <div><dt>${said.id}</dt><dd class="mono">${image.id}</dd></div>
      <div><dt>${said.contentHash}</dt><dd class="mono">${image.content_hash}</dd></div>
    </dl>
  </details>`;
}
