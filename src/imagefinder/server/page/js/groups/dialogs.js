// The forms that merging, splitting and moving ask with.
import { html, useEffect, useId, useRef, useState } from "../../vendor/preact.js";
import { api } from "../api.js";
import { Icon } from "../components/icon.js";
import { Thumb } from "../components/thumb.js";
import { count, number } from "../format.js";
import { Mosaic } from "./mosaic.js";
import { change } from "./store.js";
import { groupHref } from "./words.js";

/** `close` gets the labels in the order the server wants: the one that gives the name first. */
export function MergeForm({ groups, close }) {
  const [first, setFirst] = useState(groups[0].label);
  const kept = groups.find((one) => one.label === first);
  const size = groups.reduce((sum, one) => sum + one.size, 0);
  const order = [first, ...groups.map((one) => one.label).filter((label) => label !== first)];
  return html`<div class="stack" data-testid="merge">
    <p>These groups become one of <strong>${count(size, "image")}</strong>. Which name shall it have?</p>
    <div class="merge-choices" role="radiogroup" aria-label="Name of the merged group">
      ${groups.map(
        (one) => html`<label key=${one.label} class="merge-choice">
          <${Mosaic} group=${one} small />
          <span class="row"><input type="radio" name="merge-name" checked=${one.label === first} onChange=${() => setFirst(one.label)} />
            <span class="grow ellipsis">${one.name}</span></span>
          <span class="muted small-text number">${count(one.size, "image")}</span>
        </label>`,
      )}
    </div>
    <p class="muted small-text">No file is touched. The images stay together when you group again, and you can take this back.</p>
    <footer class="dialog-buttons">
      <button class="button" onClick=${() => close(null)}>Cancel</button>
      <button class="button primary" autofocus onClick=${() => close(order)}>Merge into “${kept.name}”</button>
    </footer>
  </div>`;
}

/** Splits, then shows the parts. */
export function SplitForm({ group, close }) {
  const [n, setN] = useState(2);
  const [busy, setBusy] = useState(false);
  const [parts, setParts] = useState(null);
  const id = useId();
  const most = Math.min(100, group.size);
  const submit = async (event) => {
    event.preventDefault();
    setBusy(true);
    const made = await change(
      "Splitting",
      () => api.post(`/clusters/${group.label}/split`, { n }),
      () => `“${group.name}” is split into ${n}`,
    );
    setBusy(false);
    if (made) setParts(made.clusters);
  };
  if (parts) return html`<${Parts} ...${{ parts, close }} />`;
  return html`<form class="stack" onSubmit=${submit} data-testid="split">
    <div class="field">
      <label for=${id}>Into how many parts?</label>
      <input id=${id} class="input short" type="number" min="2" max=${most} required autofocus value=${n}
        onInput=${(e) => setN(e.target.valueAsNumber)} />
      <p class="muted small-text">Images that are most alike stay together. The largest part keeps the name; the others get names of their own.</p>
    </div>
    <footer class="dialog-buttons">
      <button type="button" class="button" onClick=${() => close(null)}>Cancel</button>
      <button class="button primary" disabled=${busy || !(n >= 2 && n <= most)}>${busy ? "Splitting…" : "Split"}</button>
    </footer>
  </form>`;
}

function Parts({ parts, close }) {
  const button = useRef(null);
  useEffect(() => button.current.focus(), []); // the form that had the focus is gone
  return html`<div class="stack" data-testid="parts">
    <p role="status">These are the parts. They stay apart when you group again.</p>
    <div class="merge-choices">
      ${parts.map(
        (one) => html`<a key=${one.label} class="merge-choice" href=${groupHref(one.label)} onClick=${() => close(parts)}>
          <${Mosaic} group=${one} small />
          <span class="ellipsis">${one.name}</span>
          <span class="muted small-text number">${count(one.size, "image")}</span>
        </a>`,
      )}
    </div>
    <footer class="dialog-buttons"><button ref=${button} class="button primary" onClick=${() => close(parts)}>Done</button></footer>
  </div>`;
}

/** A list to search in; `close` gets the group. Arrow keys move in the list from the field. */
export function MoveForm({ groups, close }) {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const list = useRef(null);
  const id = useId();
  const found = groups.filter((one) => one.name.toLowerCase().includes(text.trim().toLowerCase()));
  const chosen = Math.min(at, found.length - 1);
  const keys = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      const next = Math.max(0, Math.min(found.length - 1, chosen + step));
      setAt(next);
      list.current.children[next]?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter" && found[chosen]) close(found[chosen]);
    else return;
    event.preventDefault();
  };
  return html`<div class="stack tight" data-testid="move">
    <div class="field">
      <label for="${id}-find">Find a group</label>
      <input id="${id}-find" class="input" autofocus autocomplete="off" role="combobox" aria-expanded="true" aria-controls=${id}
        aria-activedescendant=${found[chosen] ? `${id}-${found[chosen].label}` : undefined} value=${text}
        onInput=${(e) => (setText(e.target.value), setAt(0))} onKeyDown=${keys} />
    </div>
    <ul ref=${list} id=${id} class="pick-list" role="listbox" aria-label="Groups">
      ${found.map(
        (one, i) => html`<li key=${one.label} id="${id}-${one.label}" role="option" aria-selected=${i === chosen}
          onClick=${() => close(one)}>
          <span class="pick-picture"><${Thumb} image=${{ id: one.medoid }} size=${44} /></span>
          <span class="grow ellipsis">${one.name}</span>
          ${one.locked && html`<${Icon} name="lock" />`}
          <span class="muted small-text number">${number(one.size)}</span>
        </li>`,
      )}
    </ul>
    ${!found.length && html`<p class="muted" role="status">No group has “${text}” in its name.</p>`}
  </div>`;
}
