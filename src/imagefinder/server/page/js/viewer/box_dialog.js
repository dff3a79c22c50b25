// The picture that is searched by, large, to search by a part of it or by all of it again.
import { html, useState } from "../../vendor/preact.js";
import { openDialog } from "../components/dialog.js";
import { texts } from "../texts.js";
import { BoxNumbers, BoxPicker, START } from "./box.js";

const said = texts.viewer;

/**
 * @param {string} src @param {number[] | null} box the part that is searched by now
 * @returns {Promise<number[] | "all" | null>} "all" for the whole picture, null when given up
 */
export const askForBox = (src, box) =>
  openDialog(said.boxTitle, (close) => html`<${BoxForm} src=${src} box=${box} close=${close} />`, { wide: true });

function BoxForm({ src, box, close }) {
  const [now, setNow] = useState(box ?? START);
  return html`<div class="box-picture"><img src=${src} alt=${said.searchedBy} /><${BoxPicker} box=${now} onChange=${setNow} /></div>
    <div class="box-bar"><${BoxNumbers} box=${now} onChange=${setNow} /></div>
    <footer class="dialog-buttons">
      <button class="button" onClick=${() => close(null)}>${said.cancel}</button>
      ${box && html`<button class="button" onClick=${() => close("all")}>${said.useAll}</button>`}
      <button class="button primary" onClick=${() => close(now)} data-testid="use-box">${said.useBox}</button>
    </footer>`;
}
