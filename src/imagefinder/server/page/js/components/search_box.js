// The search box of the header: a text, or chips for pictures and several words, and a list of what a text may become.
import { html, useEffect, useId, useLayoutEffect, useRef, useState } from "../../vendor/preact.js";
import { thumbnail } from "../api.js";
import { useIndex } from "../library_info.js";
import { QueryChips, chipsOf } from "../search/chips.js";
import { useRecent } from "../search/recent.js";
import { useSuggestions } from "../search/suggestions.js";
import { isQuery, isUrl, pathName, readSearch, searchByFile, searchByUrl, searchHref, splitPieces, wordChips, writePieces } from "../searching.js";
import { navigate, usePlace, withParams } from "../state.js";
import { texts } from "../texts.js";
import { Icon } from "./icon.js";

export function SearchBox() {
  const { path, params } = usePlace();
  const { info } = useIndex();
  const search = readSearch(path === "/" ? params : new URLSearchParams());
  const pieces = wordChips(search);
  const chips = chipsOf(search);
  const held = pieces ? "" : search.words; // what of the query stands as a text
  const [text, setText] = useState(held);
  const [open, setOpen] = useState(false);
  const field = useRef(null);
  const picker = useRef(null);
  useLayoutEffect(() => setText(held), [held, search.words]);
  useRecent(search);
  const focus = () => field.current.focus();
  const add = (more) => {
    const added = splitPieces(more);
    if (chips.length && added) navigate(withParams({ q: writePieces([...(pieces ?? []), ...added]), sort: null, image: null }));
    else navigate(withParams({ q: [search.words, more].filter(Boolean).join(" "), sort: null, image: null }));
    setText("");
  };
  const submit = (event) => {
    event.preventDefault();
    setOpen(false);
    const words = text.trim();
    const file = pathName(words);
    if (isUrl(words)) return setText(held), searchByUrl(words, { adding: chips.length > 0 });
    if (file) return navigate(searchHref({ q: `name:"${file}"` }));
    if (!chips.length) navigate(searchHref({ q: words }));
    else if (words) add(words);
  };
  const list = useList({ text, open, setOpen, rows: useSuggestions({ text, open, chips, search, add }), done: () => setText(held) });
  const keys = (event) => {
    if (event.key === "Backspace" && text === "" && chips.length) return event.preventDefault(), chips.at(-1).remove();
    if (list.onKey(event)) return event.preventDefault();
    if (event.key === "Escape") (open ? setOpen(false) : field.current.blur(), event.stopPropagation());
  };
  const clear = () => (setText(""), focus(), isQuery(search) && navigate(searchHref({})));
  const mute = info?.understands_words === false && info.images > 0; // without images no model is in use yet
  const hint = chips.length ? texts.search.refine : mute ? texts.search.mute : texts.search.hint;
  return html`<form class="search-box ${chips.length ? "with-chips" : ""}" role="search" onSubmit=${submit} onFocusOut=${(e) => e.currentTarget.contains(e.relatedTarget) || setOpen(false)}>
    <${Icon} name="search" />
    <${QueryChips} chips=${chips} onRemoved=${focus} />
    <input ref=${field} id="search-words" type="search" enterkeyhint="search" autocomplete="off" spellcheck=${false} aria-label=${texts.search.label}
      title=${mute ? texts.search.muteHint : texts.search.signs} placeholder=${hint} value=${text} ...${list.field}
      onInput=${(event) => (setText(event.target.value), setOpen(true))} onFocus=${() => text || setOpen(true)} onClick=${() => setOpen(true)} onKeyDown=${keys} />
    ${(text || chips.length > 0) && html`<button type="button" class="icon-button" aria-label=${chips.length ? texts.search.clearAll : texts.search.clear} onClick=${clear}><${Icon} name="close" /></button>`}
    <button type="button" class="icon-button" aria-label=${chips.length ? texts.search.addPicture : texts.search.byPicture} title=${chips.length ? texts.search.addPicture : texts.search.byPicture} onClick=${() => picker.current.click()}><${Icon} name="camera" /></button>
    <input ref=${picker} type="file" accept="image/*,.heic,.heif" hidden data-testid="pick-picture"
      onChange=${(event) => (event.target.files[0] && searchByFile(event.target.files[0], { adding: true }), (event.target.value = ""))} />
    ${list.shown && html`<${Suggestions} list=${list} />`}
  </form>`;
}

/** The list under the field, as the combobox pattern of ARIA has it: the focus stays in the field, arrows go through the rows. */
function useList({ text, open, setOpen, rows, done }) {
  const [active, setActive] = useState(null); // the key of a row: others may still come in before it
  const id = useId();
  const shown = open && rows.length > 0;
  useLayoutEffect(() => setActive(null), [text, open]); // at once, so that no key that is pressed next is undone
  const at = shown && active ? rows.findIndex((row) => row.key === active) : -1;
  const choose = (row) => {
    if (!row.stays) (done(), setOpen(false));
    row.choose();
  };
  const onKey = (event) => {
    if (event.key === "Enter" && at >= 0) return choose(rows[at]), true;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || event.altKey || event.ctrlKey || event.metaKey) return false;
    if (!open) return setOpen(true), true;
    if (shown) setActive(rows[((at + step + 1 + rows.length + 1) % (rows.length + 1)) - 1]?.key ?? null); // none: the field itself
    return true;
  };
  const field = { role: "combobox", "aria-autocomplete": "list", "aria-expanded": shown ? "true" : "false", "aria-controls": `${id}-list`, "aria-activedescendant": at >= 0 ? `${id}-${at}` : undefined };
  return { id, rows, at, shown, choose, onKey, field };
}

function Suggestions({ list: { id, rows, at, choose } }) {
  const chosen = useRef(null);
  useEffect(() => chosen.current?.scrollIntoView({ block: "nearest" }), [at]);
  return html`<div class="suggestions" onPointerDown=${(e) => e.preventDefault()}>
    <ul id=${`${id}-list`} role="listbox" aria-label=${texts.search.suggestions} data-testid="suggestions">
      ${rows.map(
        (row, i) => html`<li key=${row.key} id=${`${id}-${i}`} ref=${i === at ? chosen : undefined} role="option" aria-selected=${i === at ? "true" : "false"} data-kind=${row.kind} onClick=${() => choose(row)}>
          ${row.image ? html`<img src=${thumbnail(row.image, 64)} alt="" />` : html`<${Icon} name=${row.icon} />`}
          <span class="ellipsis grow">${row.text}</span>
          <span class="muted small-text ellipsis">${[texts.search.kinds.get(row.kind), row.note].filter(Boolean).join(" · ")}</span>
        </li>`,
      )}
    </ul>
    <p class="suggestions-help muted small-text">${texts.search.signsShort}</p>
  </div>`;
}
