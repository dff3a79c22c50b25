// What was left out, why, and what to do about it.
import { html } from "../../vendor/preact.js";
import { Chip } from "../components/chips.js";
import { fileName } from "../format.js";
import { texts } from "../texts.js";

/** @param {{rows: {uri: string, code: string, reason: string, remedy: string}[]}} props */
export function SkippedList({ rows }) {
  return html`<ul class="skipped-list" tabindex="0" aria-label=${texts.library.leftOut}>
    ${rows.map(
      (row, i) => html`<li key=${i}>
        <div class="row"><span class="mono ellipsis grow" title=${row.uri}>${fileName(row.uri)}</span><${Chip} kind="bad">${row.code}<//></div>
        <p class="small-text theirs">${row.reason} <span class="muted">${row.remedy}</span></p>
      </li>`,
    )}
  </ul>`;
}
