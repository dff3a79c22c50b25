// Tagging images: the tags they have, to be unticked, and new ones, with those that were used before to choose from.
import { html, useId, useState } from "../../vendor/preact.js";
import { api, useRequest } from "../api.js";
import { openDialog } from "../components/dialog.js";
import { ErrorBox } from "../components/empty.js";
import { texts } from "../texts.js";

const words = texts.filters;
const SUGGESTED = 12;

/** @returns {Promise<{add: string[], remove: string[]} | null>} null when given up */
export const askForTags = (ids) => openDialog(words.tagImages(ids.length), (close) => html`<${TagForm} ids=${ids} close=${close} />`);

const split = (text) => text.split(",").map((word) => word.trim()).filter(Boolean);

function TagForm({ ids, close }) {
  const [text, setText] = useState("");
  const [off, setOff] = useState(new Set());
  const [on, setOn] = useState(new Set()); // on some of the images, wanted on all
  const id = useId();
  const theirs = useRequest("theirs", (signal) => api.post("/tags/count", { ids: ids.slice(0, 10_000) }, { signal }));
  const known = useRequest("known", (signal) => api.get("/tags", {}, { signal }));
  if (theirs.error) return html`<${ErrorBox} error=${theirs.error} retry=${theirs.reload} />`;
  const tags = theirs.data?.tags ?? [];
  const written = split(text);
  const latest = /,\s*$/.test(text) ? "" : (written.at(-1) ?? "").toLowerCase();
  const taken = new Set([...tags.map((one) => one.value), ...written.slice(0, latest ? -1 : undefined)]);
  const fitting = (known.data?.tags ?? []).filter(({ value }) => !taken.has(value) && value.toLowerCase().includes(latest) && value.toLowerCase() !== latest);
  const complete = (tag) => {
    setText([...written.slice(0, latest ? -1 : undefined), tag].join(", ") + ", ");
    document.getElementById(id)?.focus();
  };
  const toggle = (one) => {
    const all = one.count === ids.length;
    const was = off.has(one.value) ? "off" : all || on.has(one.value) ? "on" : "some";
    const next = was === "off" ? (all ? "some" : "on") : was === "on" ? "off" : "on"; // of all: on, off; of some: some, on, off
    setOff((set) => changed(set, one.value, next === "off"));
    setOn((set) => changed(set, one.value, next === "on"));
  };
  const submit = (event) => {
    event.preventDefault();
    const gone = written.filter((word) => word.startsWith("-")).map((word) => word.slice(1).trim()).filter(Boolean);
    close({ add: [...new Set([...on, ...written.filter((word) => !word.startsWith("-"))])], remove: [...new Set([...off, ...gone])] });
  };
  return html`<form class="stack tag-form" onSubmit=${submit}>
    ${tags.length > 0 && html`<fieldset class="tag-chips"><legend>${words.theirTags}</legend>
      ${tags.map((one) => html`<label key=${one.value} class="chip tag-chip">
        <input type="checkbox" checked=${!off.has(one.value) && (one.count === ids.length || on.has(one.value))}
          indeterminate=${!off.has(one.value) && one.count < ids.length && !on.has(one.value)} onChange=${() => toggle(one)} />
        <span class="ellipsis">${one.value}</span>
        ${one.count < ids.length && html`<span class="muted small-text number">${words.someOf(one.count, ids.length)}</span>`}
      </label>`)}
      <p class="muted small-text">${words.untick}</p>
    </fieldset>`}
    <div class="field">
      <label for=${id}>${words.addTags}</label>
      <input id=${id} class="input" autofocus autocomplete="off" value=${text} onInput=${(e) => setText(e.target.value)} aria-describedby=${`${id}-hint`} />
      <p id=${`${id}-hint`} class="muted small-text">${words.addHint}</p>
    </div>
    ${fitting.length > 0 && html`<div class="row wrap tight-row" role="group" aria-label=${words.suggested}>
      ${fitting.slice(0, SUGGESTED).map(({ value }) => html`<button key=${value} type="button" class="chip tag-chip" onClick=${() => complete(value)}><span class="ellipsis">${value}</span></button>`)}
    </div>`}
    <footer class="dialog-buttons">
      <button type="button" class="button" onClick=${() => close(null)}>${texts.common.cancel}</button>
      <button class="button primary">${words.save}</button>
    </footer>
  </form>`;
}

function changed(set, value, there) {
  const next = new Set(set);
  if (there) next.add(value);
  else next.delete(value);
  return next;
}
