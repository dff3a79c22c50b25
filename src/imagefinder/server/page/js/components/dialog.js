// Modal dialogs on the browser's own <dialog>: it traps the focus, Escape closes, and the focus goes back afterwards.
import { html, render, useId, useLayoutEffect, useRef, useState } from "../../vendor/preact.js";
import { texts } from "../texts.js";
import { Icon } from "./icon.js";
import { placeToasts } from "./toast.js";

/**
 * Open as long as it is drawn. Without a `title` it needs a `label`; `bare` leaves out the frame (the big view).
 *
 * @param {{title?: string, label?: string, onClose: () => void, wide?: boolean, bare?: boolean, class?: string}} props
 */
export function Dialog({ title, label, onClose, wide, bare, class: extra = "", children }) {
  const element = useRef(null);
  const leaving = useRef(false);
  const titleId = useId();
  useLayoutEffect(() => {
    const dialog = element.current;
    const before = document.activeElement;
    dialog.showModal();
    dialog.querySelector("[autofocus]")?.focus();
    return () => {
      leaving.current = true;
      dialog.close();
      placeToasts();
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
    };
  }, []);
  const cancel = (event) => {
    if (event.target !== element.current) return; // a <select> inside cancels too
    event.preventDefault();
    onClose();
  };
  const closed = (event) => {
    if (leaving.current || event.target !== element.current) return;
    onClose();
    // Browsers close a dialog at the second Escape, whatever the page says; one that must stay opens again.
    setTimeout(() => element.current?.isConnected && !element.current.open && element.current.showModal());
  };
  const outside = (event) => event.target === element.current && !bare && onClose();
  return html`<dialog
    ref=${element}
    class="${bare ? "dialog-bare" : `dialog ${wide ? "wide" : ""}`} ${extra}"
    aria-labelledby=${title ? titleId : undefined}
    aria-label=${title ? undefined : label}
    onCancel=${cancel}
    onClose=${closed}
    onMouseDown=${outside}
  >
    ${bare
      ? children
      : html`<div class="dialog-frame">
          <header class="spread">
            <h2 id=${titleId}>${title}</h2>
            <button class="icon-button" aria-label=${texts.common.close} onClick=${onClose}><${Icon} name="close" /></button>
          </header>
          ${children}
        </div>`}
  </dialog>`;
}

/** Shows a dialog outside of any view; `draw(close)` gives its content. The promise holds what `close` was given. */
export function openDialog(title, draw, options = {}) {
  return new Promise((resolve) => {
    const host = document.createElement("div");
    ([...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body).append(host);
    const close = (value) => {
      render(null, host);
      host.remove();
      resolve(value);
    };
    render(html`<${Dialog} title=${title} onClose=${() => close(null)} ...${options}>${draw(close)}<//>`, host);
  });
}

/** Asks before something that can't be undone. @returns {Promise<boolean>} */
export async function confirm({ title, text, action = texts.common.ok, danger = false }) {
  const answer = await openDialog(
    title,
    (close) => html`<p>${text}</p>
      <footer class="dialog-buttons">
        <button class="button" onClick=${() => close(false)}>${texts.common.cancel}</button>
        <button class="button ${danger ? "danger" : "primary"}" autofocus onClick=${() => close(true)}>${action}</button>
      </footer>`,
  );
  return answer === true;
}

/** Asks for one line of text; null when given up. @returns {Promise<string | null>} */
export function ask({ title, label, value = "", action = texts.common.save, hint = "" }) {
  return openDialog(title, (close) => html`<${AskForm} ...${{ label, value, action, hint, close }} />`);
}

function AskForm({ label, value, action, hint, close }) {
  const [text, setText] = useState(value);
  const id = useId();
  const submit = (event) => {
    event.preventDefault();
    close(text.trim());
  };
  return html`<form onSubmit=${submit} class="stack">
    <div class="field">
      <label for=${id}>${label}</label>
      <input id=${id} class="input" autofocus value=${text} onInput=${(e) => setText(e.target.value)} />
      ${hint && html`<p class="muted small-text">${hint}</p>`}
    </div>
    <footer class="dialog-buttons">
      <button type="button" class="button" onClick=${() => close(null)}>${texts.common.cancel}</button>
      <button class="button primary">${action}</button>
    </footer>
  </form>`;
}
