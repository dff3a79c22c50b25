// The albums, favourites and best rated, as places to go to; and what can be done with the album that is shown.
import { html } from "../../vendor/preact.js";
import { api, useRequest } from "../api.js";
import { ask, confirm } from "../components/dialog.js";
import { Icon } from "../components/icon.js";
import { Popover } from "../components/popover.js";
import { Thumb } from "../components/thumb.js";
import { toastError } from "../components/toast.js";
import { number } from "../format.js";
import { oneOf, splitFilter, valuesOf } from "../search/filters.js";
import { navigate, withParams } from "../state.js";
import { texts } from "../texts.js";
import { told } from "./undo.js";

const words = texts.actions;

export const albumHref = (name) => withParams({ filter: oneOf("albums", [name]), sort: `album:${name}` }, { path: "/", from: "" });
const filterHref = (filter) => withParams({ filter }, { path: "/", from: "" });

/** The one album that a filter is of; null for any other. */
export function albumOf(filter) {
  for (const clause of splitFilter(filter ?? "")) {
    const values = /^"?albums"?\s*=/.test(clause) ? valuesOf(clause) : null;
    if (values?.length === 1) return values[0];
  }
  return null;
}

/** @param {{filter: string, readOnly: boolean}} props */
export function Albums({ filter, readOnly }) {
  const shown = albumOf(filter);
  return html`<span class="row tight-row">
    <${Popover} class="button small ${shown ? "" : "quiet"}" label=${words.albums} testid="albums" button=${html`<${Icon} name="album" /><span class="ellipsis ${shown ? "" : "only-wide"}">${shown ?? words.albums}</span>`}>
      ${(close) => html`<${List} shown=${shown} close=${close} />`}
    <//>
    ${shown && !readOnly && html`<button type="button" class="icon-button" aria-label=${words.albumRename} title=${words.albumRename} onClick=${() => rename(shown).catch(toastError)}><${Icon} name="edit" /></button>
      <button type="button" class="icon-button" aria-label=${words.albumDelete} title=${words.albumDelete} onClick=${() => remove(shown).catch(toastError)}><${Icon} name="trash" /></button>`}
  </span>`;
}

function List({ shown, close }) {
  const { data } = useRequest("albums", (signal) => api.get("/albums", null, { signal }));
  const row = (href, icon, name) => html`<li><a class="menu-item" href=${href} onClick=${close}><${Icon} name=${icon} />${name}</a></li>`;
  return html`<ul class="menu album-list">
    ${row("/", "image", words.all)}
    ${row(filterHref("favorite = true"), "heart", words.favorites)}
    ${row(filterHref("rating >= 4"), "star", words.bestRated)}
    ${(data?.albums ?? []).map((one) => html`<li key=${one.name}><a class="menu-item" href=${albumHref(one.name)} aria-current=${one.name === shown ? "true" : undefined} onClick=${close}>
      <span class="album-cover"><${Thumb} image=${{ id: one.cover }} size=${64} alt="" /></span><span class="grow ellipsis">${one.name}</span><span class="muted number">${number(one.images)}</span></a></li>`)}
    ${data && !data.albums.length && html`<li class="menu-body muted small-text">${words.albumsEmpty}</li>`}
  </ul>`;
}

async function rename(name) {
  const fresh = await ask({ title: words.albumRenameTitle(name), label: words.albumName, value: name });
  if (!fresh || fresh === name) return;
  const { history } = await api.patch("/albums", { name, new: fresh });
  navigate(albumHref(fresh), { replace: true });
  told(words.albumRenamed(fresh), [history]);
}

async function remove(name) {
  if (!(await confirm({ title: words.albumDeleteTitle(name), text: words.albumDeleteText, action: words.albumDelete, danger: true }))) return;
  const { history } = await api.post("/albums/delete", { name });
  navigate("/");
  told(words.albumDeleted(name), [history]);
}
