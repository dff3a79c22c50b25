// A list to choose from by typing, in which what is typed can also be the name of something new.
import { html, useId, useRef, useState } from "../../vendor/preact.js";
import { texts } from "../texts.js";

/**
 * @param {{label: string, list: {name: string, note?: string}[], fresh: (name: string) => string, none?: string, close: (chosen: {name: string, fresh?: boolean}) => void}} props
 */
export function Pick({ label, list, fresh, none, close }) {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const box = useRef(null);
  const id = useId();
  const wanted = text.trim();
  const found = list.filter((one) => one.name.toLowerCase().includes(wanted.toLowerCase()));
  const known = list.some((one) => one.name === wanted);
  const rows = wanted && !known ? [...found, { name: wanted, fresh: true }] : found;
  const chosen = Math.min(at, rows.length - 1);
  const idOf = (i) => `${id}-${i}`;
  const keys = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      const next = Math.max(0, Math.min(rows.length - 1, chosen + step));
      setAt(next);
      box.current.children[next]?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter" && rows[chosen]) close(rows[chosen]);
    else return;
    event.preventDefault();
  };
  return html`<div class="stack tight">
    <div class="field">
      <label for=${`${id}-find`}>${label}</label>
      <input id=${`${id}-find`} class="input" autofocus autocomplete="off" maxlength="100" role="combobox" aria-expanded="true" aria-controls=${id}
        aria-activedescendant=${rows[chosen] ? idOf(chosen) : undefined} value=${text}
        onInput=${(e) => (setText(e.target.value), setAt(0))} onKeyDown=${keys} />
    </div>
    <ul ref=${box} id=${id} class="pick-list" role="listbox" aria-label=${texts.actions.choices}>
      ${rows.map((one, i) => html`<li key=${`${one.fresh} ${one.name}`} id=${idOf(i)} role="option" aria-selected=${i === chosen} class="pick ${i === chosen ? "chosen" : ""}"
        onClick=${() => close(one)}><span class="grow ellipsis">${one.fresh ? fresh(one.name) : one.name}</span>${one.note && html`<span class="muted number">${one.note}</span>`}</li>`)}
      ${!rows.length && none && html`<li class="muted small-text" role="presentation">${none}</li>`}
    </ul>
  </div>`;
}
