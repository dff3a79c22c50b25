// Short messages at the bottom: `toast("Saved", { action: { label: "Undo", run } })`, `toastError(error)`.
import { html, render } from "../../vendor/preact.js";
import { store, useStore } from "../store.js";
import { texts } from "../texts.js";
import { Icon } from "./icon.js";

const SHOWN_MS = 5000;
const ERROR_MS = 12000;
const list = store([]);
let next = 0;

/** @param {string} text @param {{action?: {label: string, run?: () => void, href?: string}, kind?: "error", remedy?: string}} [options]
 * @returns {() => void} to take it away before its time */
export function toast(text, { action, kind, remedy } = {}) {
  const id = next++;
  placeToasts();
  const others = list.get().filter((one) => one.text !== text || one.kind !== "error"); // an error is said once
  list.set([...others.slice(-2), { id, text, action, kind, remedy }]);
  setTimeout(() => dismiss(id), kind === "error" ? ERROR_MS : SHOWN_MS);
  return () => dismiss(id);
}

/** Says what went wrong and what to do; an aborted call is nothing to tell. */
export function toastError(error) {
  if (error?.name === "AbortError") return;
  toast(error?.message ?? String(error), { kind: "error", remedy: error?.remedy });
}

const dismiss = (id) => list.set((all) => all.filter((one) => one.id !== id));

/** An open dialog makes all outside of it inert, so the messages move into the topmost one. */
export function placeToasts() {
  const host = [...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body;
  const box = document.getElementById("toasts");
  if (box.parentElement !== host) host.append(box);
}

function Toasts() {
  const all = useStore(list);
  return html`<div class="toasts" role="status" aria-live="polite">
    ${all.map(
      ({ id, text, action, kind, remedy }) => html`<div key=${id} class="toast ${kind ?? ""}" data-testid="toast">
        ${kind === "error" && html`<${Icon} name="warning" />`}
        <div class="grow theirs">${text}${remedy && html`<div class="toast-remedy theirs">${remedy}</div>`}</div>
        ${action?.href && html`<a class="toast-action" href=${action.href} onClick=${() => dismiss(id)}>${action.label}</a>`}
        ${action?.run &&
        html`<button class="toast-action" onClick=${() => (dismiss(id), action.run())}>${action.label}</button>`}
        <button class="toast-close" aria-label=${texts.actions.dismiss} onClick=${() => dismiss(id)}><${Icon} name="close" /></button>
      </div>`,
    )}
  </div>`;
}

export const mountToasts = () => render(html`<${Toasts} />`, document.getElementById("toasts"));
