// The tags of one image: shown, taken away, added; known tags are offered while typing.
import { html, useId, useState } from "../../vendor/preact.js";
import { api, useRequest } from "../api.js";
import { Chip } from "../components/chips.js";
import { withParams } from "../state.js";
import { texts } from "../texts.js";

const said = texts.viewer;

/** @param {{image: object, readOnly: boolean, onSave: (tags: string[]) => void}} props */
export function Tags({ image, readOnly, onSave }) {
  const [text, setText] = useState("");
  const [asked, setAsked] = useState(false);
  const id = useId();
  const known = useRequest(asked ? "tags" : null, (signal) => api.get("/facets", {}, { signal }));
  const tags = image.tags ?? [];
  const add = (event) => {
    event.preventDefault();
    const words = text.split(",").map((word) => word.trim()).filter((word) => word && !tags.includes(word));
    if (words.length) onSave([...tags, ...words]);
    setText("");
  };
  if (readOnly && !tags.length) return null;
  return html`<section aria-label=${said.tags} class="stack tight">
    ${tags.length > 0 &&
    html`<div class="row wrap tight-row">${tags.map(
      (tag) => html`<${Chip} key=${tag} label=${said.tag(tag)} href=${withParams({ filter: `tags = "${tag.replace(/["\\]/g, "\\$&")}"` }, { path: "/", from: "" })}
        onRemove=${readOnly ? undefined : () => onSave(tags.filter((one) => one !== tag))}>${tag}<//>`,
    )}</div>`}
    ${!readOnly &&
    html`<form onSubmit=${add} class="row">
      <input class="input" aria-label=${said.addTag} placeholder=${said.addTag} list=${id} value=${text} onFocus=${() => setAsked(true)} onInput=${(e) => setText(e.target.value)} />
      <datalist id=${id}>${(known.data?.tags ?? []).map((one) => html`<option key=${one.value} value=${one.value} />`)}</datalist>
      ${text.trim() && html`<button class="button small">${said.add}</button>`}
    </form>`}
  </section>`;
}
