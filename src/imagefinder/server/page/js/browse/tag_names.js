// All tags of the collection, to be renamed, merged and taken away everywhere.
import { html, useState } from "../../vendor/preact.js";
import { api, useRequest } from "../api.js";
import { ask, confirm, openDialog } from "../components/dialog.js";
import { ErrorBox } from "../components/empty.js";
import { Icon } from "../components/icon.js";
import { toast, toastError } from "../components/toast.js";
import { number } from "../format.js";
import { fieldsOf, joinFilter, oneOf, splitFilter, valuesOf } from "../search/filters.js";
import { place, setParams } from "../state.js";
import { texts } from "../texts.js";

const words = texts.filters;

export const manageTags = () => openDialog(words.allTags, () => html`<${TagNames} />`);

async function rename(one, all) {
  const to = await ask({ title: words.renameTag(one.value), label: words.newName, value: one.value, action: words.rename, hint: words.renameHint });
  if (!to || to === one.value) return false;
  if (all.some((other) => other.value === to)) {
    const sure = await confirm({ title: words.mergeTags(one.value, to), text: words.mergeText(one.count, to), action: words.merge });
    if (!sure) return false;
  }
  const { changed } = await api.post("/tags/rename", { tag: one.value, to });
  followFilter(one.value, to);
  toast(words.renamed(one.value, to, changed));
  return true;
}

/** The filter that the page stands on asks for a tag by its new name. */
function followFilter(tag, to) {
  const clauses = splitFilter(place.get().params.get("filter") ?? "");
  const renamed = clauses.map((clause) => {
    const values = fieldsOf(clause).join() === "tags" ? valuesOf(clause) : null;
    return values?.includes(tag) ? oneOf("tags", [...new Set(values.map((value) => (value === tag ? to : value)))]) : clause;
  });
  setParams({ filter: joinFilter(renamed) }, { replace: true });
}

async function remove(one) {
  const sure = await confirm({ title: words.removeTag(one.value), text: words.removeText(one.count), action: words.remove, danger: true });
  if (!sure) return false;
  const { changed } = await api.post("/tags/rename", { tag: one.value, to: null });
  toast(words.removed(one.value, changed));
  return true;
}

function TagNames() {
  const { data, error, reload } = useRequest("all tags", (signal) => api.get("/tags", {}, { signal }));
  const [text, setText] = useState("");
  if (error) return html`<${ErrorBox} error=${error} retry=${reload} />`;
  if (!data) return html`<p class="muted" aria-busy="true">${words.counting}</p>`;
  const act = (work) => () => work().then((done) => done && reload()).catch(toastError);
  const shown = data.tags.filter((one) => one.value.toLowerCase().includes(text.trim().toLowerCase()));
  if (!data.tags.length) return html`<p class="muted">${words.noTag}</p>`;
  return html`<div class="stack">
    ${data.tags.length > 8 && html`<input class="input" type="search" placeholder=${words.find} aria-label=${words.findOne(words.tags)} value=${text} onInput=${(e) => setText(e.target.value)} />`}
    <ul class="tag-names" aria-label=${words.allTags}>
      ${shown.map((one) => html`<li key=${one.value} class="row">
        <span class="grow ellipsis" title=${one.value}>${one.value}</span>
        <span class="muted number small-text">${number(one.count)}</span>
        <button type="button" class="icon-button" aria-label=${words.renameOne(one.value)} title=${words.rename} onClick=${act(() => rename(one, data.tags))}><${Icon} name="edit" /></button>
        <button type="button" class="icon-button" aria-label=${words.removeOne(one.value)} title=${words.remove} onClick=${act(() => remove(one))}><${Icon} name="trash" /></button>
      </li>`)}
    </ul>
    ${!shown.length && html`<p class="muted">${words.noneCalled}</p>`}
  </div>`;
}
