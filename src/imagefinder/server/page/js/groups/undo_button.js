import { html } from "../../vendor/preact.js";
import { Icon } from "../components/icon.js";
import { texts } from "../texts.js";
import { doneWords, undo } from "./store.js";

/** Takes back the last change of the groups, of whatever time. */
export function UndoButton({ data }) {
  if (data.parent == null) return null;
  return html`<button class="button" title=${texts.groups.undoTitle(doneWords(data.done))} data-testid="undo" onClick=${() => undo()}>
    <${Icon} name="undo" />${texts.groups.undo}</button>`;
}
