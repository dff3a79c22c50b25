// Asks before files move, with all of them named.
import { html } from "../../vendor/preact.js";
import { openDialog } from "../components/dialog.js";
import { Thumb } from "../components/thumb.js";
import { fileName } from "../format.js";
import { texts } from "../texts.js";
import { bytes } from "../units.js";
import { bytesOf, filesOf } from "./report.js";
import { besideWords, placeWords } from "./words.js";

const said = texts.duplicates;
const SHOWN = 300; // rows; the rest is counted
let asks = true; // about single groups, until the page is loaded again

/**
 * @param {{keep: object, remove: object[]}[]} plan
 * @returns {Promise<boolean>}
 */
export async function confirmTrash(plan) {
  const single = plan.length === 1;
  if (single && !asks) return true;
  const files = plan.flatMap(({ remove }) => remove);
  const title = said.askTrash(filesOf(files).length);
  const answer = await openDialog(title, (close) => html`<${Question} ...${{ plan, files, single, close }} />`, { wide: !single });
  return answer === true;
}

function Question({ plan, files, single, close }) {
  const kept = single ? said.stays(fileName(plan[0].keep.uri)) : said.staysOfEach(plan.length);
  return html`<div class="stack" data-testid="confirm-trash">
    <p>${kept} ${said.othersMove(bytes(bytesOf(files)))}</p>
    <ul class="file-list" tabindex="0" aria-label=${said.filesThatMove}>
      ${files.slice(0, SHOWN).map((one) => html`<li key=${one.id}>
        <span class="file-picture"><${Thumb} image=${one} size=${40} /></span>
        <span class="grow"><span class="ellipsis file-name">${fileName(one.uri)}</span><span class="ellipsis muted small-text" title=${one.uri}>${placeWords(one.uri)}</span>
          ${one.along && html`<span class="small-text">${besideWords({ along: one.along })[0]}</span>`}</span>
        <span class="muted small-text number">${bytes(bytesOf([one]))}</span>
      </li>`)}
      ${files.length > SHOWN && html`<li class="muted">${said.moreFiles(files.length - SHOWN)}</li>`}
    </ul>
    ${single && html`<label class="check"><input type="checkbox" onChange=${(e) => (asks = !e.target.checked)} />${said.dontAsk}</label>`}
    <footer class="dialog-buttons">
      <button class="button" onClick=${() => (single && (asks = true), close(false))}>${texts.common.cancel}</button>
      <button class="button danger" autofocus onClick=${() => close(true)}>${said.moveToTrash}</button>
    </footer>
  </div>`;
}
