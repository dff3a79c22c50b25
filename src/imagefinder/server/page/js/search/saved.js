// Saved searches: queries with their filter, kept in the index under a name, opened by their URL and counted as they are now.
import { html, useEffect, useState } from "../../vendor/preact.js";
import { api, isAbort, thumbnail, useRequest } from "../api.js";
import { ask, confirm } from "../components/dialog.js";
import { Icon } from "../components/icon.js";
import { Popover } from "../components/popover.js";
import { toast, toastError } from "../components/toast.js";
import { onChanged } from "../events.js";
import { number } from "../format.js";
import { isQuery, pictureParams, readSearch, searchBody, splitPieces, writePieces } from "../searching.js";
import { navigate, withParams } from "../state.js";
import { keptStore, useStore } from "../store.js";
import { texts } from "../texts.js";

const SHOWN = 24;
const SOON_MS = 600; // changes come in bursts
const some = keptStore("saved-searches", false); // whether there were any the last time: then their place is kept free
const place = (name) => `/concepts/${encodeURIComponent(name)}`;

/** How a part in words is written, so that it reads as this one part again. */
function pieceOf({ words, weight, quoted, field = "" }) {
  const plain = splitPieces(words);
  const whole = plain?.length === 1 && plain[0].text === words && plain[0].weight === 1 && !plain[0].field;
  const raw = quoted || !whole ? `"${words.replaceAll('"', "")}"` : words;
  return { text: words, raw: field ? `${field}:${/\s/.test(raw) && raw[0] !== '"' ? `"${raw}"` : raw}` : raw, weight, field };
}

/** The address of a kept search: all that the box, the thumbs and the filter say of it. */
export function savedHref({ parts, liked, disliked, min_score, filter }) {
  const pictures = parts.filter((part) => part.id).map(({ id, weight, box }) => ({ kind: "id", value: id, weight, box: box ?? null }));
  const changes = {
    q: writePieces(parts.filter((part) => part.words).map(pieceOf)),
    ...pictureParams(pictures),
    liked: liked.map((one) => one.id),
    disliked: disliked.map((one) => one.id),
    min_score,
    filter,
  };
  return withParams(changes, { path: "/", from: "" });
}

export async function openSaved(name) {
  try {
    navigate(savedHref(await api.get(place(name))));
  } catch (error) {
    toastError(error);
  }
}

/** How many images it finds now, and the first of them. */
async function look(saved, signal) {
  const search = readSearch(new URLSearchParams(savedHref(saved).split("?")[1]));
  if (!isQuery(search)) {
    const { total, images } = await api.get("/images", { filter: search.filter, k: 1 }, { signal });
    return { n: total, first: images[0] };
  }
  const { surely, maybe, total, hits } = await api.post("/search", { ...searchBody(search), k: 1 }, { signal });
  return { n: typeof surely === "number" ? surely + maybe : total, first: hits[0] };
}

/** One after the other: what is searched for goes before. */
function useLooks(all) {
  const [looks, setLooks] = useState(new Map());
  const [turn, setTurn] = useState(0);
  const key = JSON.stringify(all);
  useEffect(() => {
    const controller = new AbortController();
    (async () => {
      for (const saved of all) {
        const found = await look(saved, controller.signal).catch((error) => (isAbort(error) ? null : { n: null }));
        if (controller.signal.aborted) return;
        setLooks((former) => new Map(former).set(saved.id, found));
      }
    })();
    return () => controller.abort();
  }, [key, turn]);
  useEffect(() => {
    let timer = 0;
    const stop = onChanged(["images", "clusters"], () => (clearTimeout(timer), (timer = setTimeout(() => setTurn((n) => n + 1), SOON_MS))));
    return () => (clearTimeout(timer), stop());
  }, []);
  return looks;
}

/** The saved searches as albums, at the start of the search. */
export function SavedSearches({ readOnly }) {
  const { data, reload } = useRequest("saved searches", (signal) => api.get("/concepts", {}, { signal }));
  useEffect(() => onChanged(["images"], reload), []);
  const all = (data?.concepts ?? []).slice(0, SHOWN);
  const looks = useLooks(all);
  const expected = useStore(some);
  useEffect(() => data && some.set(all.length > 0), [data]);
  if (!all.length && (data || !expected)) return null;
  return html`<section class="saved-searches" aria-labelledby="saved-title" data-testid="saved-searches">
    <h2 id="saved-title">${texts.search.savedTitle}</h2>
    <ul>${all.map((saved) => html`<${Saved} key=${saved.id} ...${{ saved, readOnly, reload }} found=${looks.get(saved.id)} />`)}</ul>
  </section>`;
}

function Saved({ saved, found, readOnly, reload }) {
  const { name } = saved;
  const n = found?.n;
  return html`<li class="saved-search">
    <a href=${savedHref(saved)}>
      ${found?.first ? html`<img src=${thumbnail(found.first, 96)} alt="" />` : html`<span class="saved-none"><${Icon} name="search" /></span>`}
      <span class="saved-name"><span class="ellipsis">${name}</span><span class="muted small-text number">${typeof n === "number" ? texts.search.images(n) : ""}</span></span>
    </a>
    ${!readOnly && html`<${Popover} class="icon-button" label=${texts.search.changeSaved(name)} align="end" button=${html`<${Icon} name="more" />`}>
      ${(close) => html`<div class="menu">
        <button type="button" class="menu-item" onClick=${() => (close(), rename(name).then(reload))}><${Icon} name="edit" />${texts.search.rename}</button>
        <button type="button" class="menu-item danger" onClick=${() => (close(), remove(saved).then(reload))}><${Icon} name="trash" />${texts.search.delete}</button>
      </div>`}
    <//>`}
  </li>`;
}

async function rename(name) {
  const wanted = await ask({ title: texts.search.renameTitle(name), label: texts.search.name, value: name });
  if (wanted && wanted !== name) await api.patch(place(name), { name: wanted }).catch(toastError);
}

async function remove({ name }) {
  const sure = await confirm({ title: texts.search.deleteTitle(name), text: texts.search.deleteText, action: texts.search.delete, danger: true });
  if (sure) await api.delete(place(name)).catch(toastError);
}

/** Asks for a name and keeps the search under it. */
export async function saveSearch(search, proposed) {
  const name = await ask({ title: texts.search.saveTitle, label: texts.search.name, value: proposed, hint: texts.search.saveHint });
  if (!name) return;
  const { words, parts, liked, disliked, min_score, filter } = searchBody(search);
  try {
    const made = await api.post("/concepts", { name, words, parts, liked, disliked, min_score, filter });
    toast(texts.search.saved(made.name, number(made.images)), { action: { label: texts.search.showSaved, href: "/" } });
  } catch (error) {
    toastError(error);
  }
}
