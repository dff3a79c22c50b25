// The search box of the header: words, a URL, or a picture that stands in it as a chip.
import { html, useLayoutEffect, useRef, useState } from "../../vendor/preact.js";
import { api, thumbnail, useRequest } from "../api.js";
import { useIndex } from "../library_info.js";
import { isUrl, readSearch, searchByFile, searchByUrl, searchHref } from "../searching.js";
import { navigate, usePlace, withParams } from "../state.js";
import { askForBox } from "../viewer/box_dialog.js";
import { Icon } from "./icon.js";

const SIGNS = 'dog -grass: without grass. "green grass": images whose texts say this first, and searched for even if it is no known word. dog + ball - people: more of one, less of the other. caption:grass, name:, tag:, text: only images where this says it.';

const KEPT = /^(?:.*[+-]\s*)?concept:/i; // once a word says so, kept searches are offered

/** What the field may become: what was typed before `concept:`, and the name of a kept search. */
function Offered({ id, text }) {
  const { data } = useRequest("concepts offered", (signal) => api.get("/concepts", {}, { signal }));
  const before = KEPT.exec(text)[0];
  return html`<datalist id=${id}>${(data?.concepts ?? []).map(({ name }) => html`<option key=${name} value=${before + name} />`)}</datalist>`;
}

export function SearchBox() {
  const { path, params } = usePlace();
  const { info } = useIndex();
  const search = readSearch(path === "/" ? params : new URLSearchParams());
  const [text, setText] = useState(search.words);
  const field = useRef(null);
  const picker = useRef(null);
  useLayoutEffect(() => setText(search.words), [search.words]);
  const pictures = [
    ...(search.upload ? [{ key: "upload", src: `/v1/uploads/${search.upload}?size=128`, large: `/v1/uploads/${search.upload}?size=1024`, without: { upload: null, box: null } }] : []),
    ...search.ids.map((id) => ({ key: id, src: thumbnail({ id }, 64), large: thumbnail({ id }, 1024), without: { id: search.ids.filter((one) => one !== id), box: null } })),
  ];
  const part = async (picture) => {
    const box = await askForBox(picture.large, search.box);
    if (box) navigate(withParams({ box: box === "all" ? null : box }));
  };
  const submit = (event) => {
    event.preventDefault();
    const words = text.trim();
    if (isUrl(words)) return searchByUrl(words);
    navigate(searchHref({ q: words, id: search.ids, upload: search.upload, box: search.box ?? [] }));
  };
  const clear = () => {
    setText("");
    field.current.focus();
    if (search.words) navigate(searchHref({ id: search.ids, upload: search.upload, box: search.box ?? [] }));
  };
  const keys = (event) => {
    if (event.key === "Backspace" && text === "" && pictures.length) navigate(withParams(pictures.at(-1).without));
    if (event.key === "Escape") field.current.blur();
  };
  const mute = info?.understands_words === false;
  const hint = mute ? "Drop or pick a picture; this model reads no words" : "Search in words, or drop a picture";
  return html`<form class="search-box" role="search" onSubmit=${submit}>
    <${Icon} name="search" />
    ${pictures.map(
      (picture) => html`<span key=${picture.key} class="picture-chip" data-testid="query-picture">
        <button type="button" class="picture-chip-picture" aria-label="Search by a part of this picture" title="Search by a part" onClick=${() => part(picture)}>
          <img src=${picture.src} alt="" />${search.box && html`<span class="picture-chip-note">part</span>`}
        </button>
        <button type="button" aria-label="Remove this picture from the search" onClick=${() => navigate(withParams(picture.without))}><${Icon} name="close" /></button>
      </span>`,
    )}
    <input ref=${field} id="search-words" type="search" enterkeyhint="search" autocomplete="off" spellcheck=${false}
      aria-label="Search in words or by a URL" title=${mute ? "The model in use reads no words: search by a picture or a URL." : SIGNS} placeholder=${pictures.length ? "and in words" : hint} value=${text} list="search-offered"
      onInput=${(event) => setText(event.target.value)} onKeyDown=${keys} />
    ${KEPT.test(text) && html`<${Offered} id="search-offered" text=${text} />`}
    ${text && html`<button type="button" class="icon-button" aria-label="Clear the words" onClick=${clear}><${Icon} name="close" /></button>`}
    <button type="button" class="icon-button" aria-label="Search by a picture" title="Search by a picture" onClick=${() => picker.current.click()}><${Icon} name="camera" /></button>
    <input ref=${picker} type="file" accept="image/*,.heic,.heif" hidden data-testid="pick-picture"
      onChange=${(event) => (event.target.files[0] && searchByFile(event.target.files[0]), (event.target.value = ""))} />
  </form>`;
}
