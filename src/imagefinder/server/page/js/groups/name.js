// A group's name, renamed where it stands: Enter keeps, Escape leaves it as it was.
import { html, useRef, useState } from "../../vendor/preact.js";
import { Icon } from "../components/icon.js";
import { texts } from "../texts.js";
import { rename } from "./changes.js";

const t = texts.groups;

/** How many of its images a name that the machine gave is right for, as far as that is known. */
export function Sure({ group }) {
  if (group.sure == null || group.named) return null;
  return html`<span class="name-sure muted number" title=${t.sureHint(group.sure)}>${t.sure(group.sure)}</span>`;
}

/** @param {{group: object, why: string | null, as: "h1" | "h2" | "h3"}} props `as` is the heading that it is */
export function Name({ group, why, as }) {
  const [text, setText] = useState(null); // while it is edited
  const settled = useRef(false); // the field loses the focus when it goes, too
  const button = useRef(null);
  const edit = () => {
    settled.current = false;
    setText(group.name);
  };
  const leave = () => {
    settled.current = true;
    setText(null);
    requestAnimationFrame(() => button.current?.focus());
  };
  const save = () => {
    const name = text.trim();
    if (settled.current) return;
    leave();
    if (name && name !== group.name) rename(group, name);
  };
  const keys = (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    leave();
  };
  if (text === null) {
    return html`<${as} class="group-name" tabindex="-1" title=${group.name}>${group.name}<//><${Sure} group=${group} />
      ${!why &&
      html`<button ref=${button} class="icon-button rename" aria-label=${t.renameOne(group.name)} title=${t.rename} onClick=${edit}><${Icon} name="edit" /></button>`}`;
  }
  return html`<form class="grow name-form" onSubmit=${(event) => (event.preventDefault(), save())}>
    <input class="input" aria-label=${t.newName(group.name)} value=${text} maxlength="200" ref=${focusOnce}
      onInput=${(event) => setText(event.target.value)} onKeyDown=${keys} onBlur=${save} />
  </form>`;
}

function focusOnce(input) {
  if (!input || input.dataset.focused) return;
  input.dataset.focused = "yes";
  input.focus();
  input.select();
}
