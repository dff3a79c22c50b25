// The forms that merging, splitting and moving ask with.
import { html, useEffect, useId, useRef, useState } from "../../vendor/preact.js";
import { api } from "../api.js";
import { Icon } from "../components/icon.js";
import { Thumb } from "../components/thumb.js";
import { number } from "../format.js";
import { texts } from "../texts.js";
import { Mosaic } from "./mosaic.js";
import { change } from "./store.js";
import { groupHref } from "./words.js";

const t = texts.groups;

/** `close` gets the labels in the order the server wants: the one that gives the name first. */
export function MergeForm({ groups, close }) {
  const [first, setFirst] = useState(groups[0].label);
  const kept = groups.find((one) => one.label === first);
  const size = groups.reduce((sum, one) => sum + one.size, 0);
  const order = [first, ...groups.map((one) => one.label).filter((label) => label !== first)];
  return html`<div class="stack" data-testid="merge">
    <p>${t.mergeAsk(size)}</p>
    <div class="merge-choices" role="radiogroup" aria-label=${t.mergeName}>
      ${groups.map(
        (one) => html`<label key=${one.label} class="merge-choice">
          <${Mosaic} group=${one} small />
          <span class="row"><input type="radio" name="merge-name" checked=${one.label === first} onChange=${() => setFirst(one.label)} />
            <span class="grow ellipsis">${one.name}</span></span>
          <span class="muted small-text number">${t.images(one.size)}</span>
        </label>`,
      )}
    </div>
    <p class="muted small-text">${t.mergeNote}</p>
    <footer class="dialog-buttons">
      <button class="button" onClick=${() => close(null)}>${texts.common.cancel}</button>
      <button class="button primary" autofocus onClick=${() => close(order)}>${t.mergeInto(kept.name)}</button>
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
      t.doing.split,
      () => api.post(`/clusters/${group.label}/split`, { n }),
      () => t.wasSplit(group.name, n),
    );
    setBusy(false);
    if (made) setParts(made.clusters);
  };
  if (parts) return html`<${Parts} ...${{ parts, close }} />`;
  return html`<form class="stack" onSubmit=${submit} data-testid="split">
    <div class="field">
      <label for=${id}>${t.splitAsk}</label>
      <input id=${id} class="input short" type="number" min="2" max=${most} required autofocus value=${n}
        onInput=${(e) => setN(e.target.valueAsNumber)} />
      <p class="muted small-text">${t.splitNote}</p>
    </div>
    <footer class="dialog-buttons">
      <button type="button" class="button" onClick=${() => close(null)}>${texts.common.cancel}</button>
      <button class="button primary" disabled=${busy || !(n >= 2 && n <= most)}>${busy ? t.splitting : t.splitNow}</button>
    </footer>
  </form>`;
}

function Parts({ parts, close }) {
  const button = useRef(null);
  useEffect(() => button.current.focus(), []); // the form that had the focus is gone
  return html`<div class="stack" data-testid="parts">
    <p role="status">${t.parts}</p>
    <div class="merge-choices">
      ${parts.map(
        (one) => html`<a key=${one.label} class="merge-choice" href=${groupHref(one.label)} onClick=${() => close(parts)}>
          <${Mosaic} group=${one} small />
          <span class="ellipsis">${one.name}</span>
          <span class="muted small-text number">${t.images(one.size)}</span>
        </a>`,
      )}
    </div>
    <footer class="dialog-buttons"><button ref=${button} class="button primary" onClick=${() => close(parts)}>${t.done}</button></footer>
  </div>`;
}

/** A list to search in; `close` gets the group, or `{ name }` for a new one. Arrow keys move in the list from the field. */
export function MoveForm({ groups, canMake = false, close }) {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const list = useRef(null);
  const id = useId();
  const wanted = text.trim();
  const found = groups.filter((one) => one.name.toLowerCase().includes(wanted.toLowerCase()));
  const isNew = canMake && !groups.some((one) => one.name.toLowerCase() === wanted.toLowerCase());
  const options = isNew ? [...found, { name: wanted, label: undefined }] : found;
  const chosen = Math.min(at, options.length - 1);
  const take = (one) => close(one.label === undefined ? { name: one.name } : one);
  const keys = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      const next = Math.max(0, Math.min(options.length - 1, chosen + step));
      setAt(next);
      list.current.children[next]?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter" && options[chosen]) take(options[chosen]);
    else return;
    event.preventDefault();
  };
  const optionId = (one) => `${id}-${one.label ?? "new"}`;
  return html`<div class="stack tight" data-testid="move">
    <div class="field">
      <label for="${id}-find">${t.findHint}</label>
      <input id="${id}-find" class="input" autofocus autocomplete="off" role="combobox" aria-expanded="true" aria-controls=${id}
        aria-activedescendant=${options[chosen] ? optionId(options[chosen]) : undefined} value=${text}
        onInput=${(e) => (setText(e.target.value), setAt(0))} onKeyDown=${keys} />
    </div>
    <ul ref=${list} id=${id} class="pick-list" role="listbox" aria-label=${t.list}>
      ${options.map((one, i) => html`<${Option} key=${optionId(one)} id=${optionId(one)} selected=${i === chosen} one=${one} take=${() => take(one)} />`)}
    </ul>
    ${!options.length && html`<p class="muted" role="status">${t.noneWith(text)}</p>`}
  </div>`;
}

function Option({ id, one, selected, take }) {
  if (one.label === undefined) {
    return html`<li id=${id} role="option" aria-selected=${selected} onClick=${take}>
      <span class="pick-picture pick-new"><${Icon} name="plus" /></span>
      <span class="grow ellipsis">${one.name ? t.makeNamed(one.name) : t.makeUnnamed}</span></li>`;
  }
  return html`<li id=${id} role="option" aria-selected=${selected} title=${one.name} onClick=${take}>
    <span class="pick-picture"><${Thumb} image=${{ id: one.medoid }} size=${44} /></span>
    <span class="grow ellipsis">${one.name}</span>
    ${one.locked && html`<${Icon} name="lock" />`}
    <span class="muted small-text number">${number(one.size)}</span>
  </li>`;
}
