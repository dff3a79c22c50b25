// What can be done with the selected images, the same in every view.
import { html, useState } from "../../vendor/preact.js";
import { Icon } from "../components/icon.js";
import { Popover } from "../components/popover.js";
import { toastError } from "../components/toast.js";
import { number } from "../format.js";
import { useIndex } from "../library_info.js";
import { texts } from "../texts.js";
import * as doing from "./doing.js";
import { markOf, useMarks } from "./marked.js";
import { Stars, mark } from "./marks.js";

const words = texts.actions;

/**
 * @param {object} props
 * @param {{list: string[], clear: () => void, all?: () => void}} props.selection from `useSelection`
 * @param {() => string[]} [props.ids] the selected ids, where they are not `selection.list`
 * @param {object[]} [props.items] images that are loaded, of which some are selected
 * @param {number} [props.total] how many there are to be selected
 * @param {boolean} [props.hasMore] whether there are others that are not loaded
 * @param {"search" | "group" | "map"} [props.where]
 * @param {string | null} [props.album] the album that is shown
 * @param {() => void} [props.onGone] called when the images have left
 * @param {any} [props.children] buttons of the view's own
 */
export function SelectionBar({ selection, ids, items = [], total = 0, hasMore = false, where = "search", album = null, onGone, children }) {
  const { info } = useIndex();
  const [busy, setBusy] = useState("");
  useMarks();
  const chosen = ids ? ids() : selection.list;
  const n = chosen.length;
  const set = new Set(chosen);
  const shown = items.filter((item) => set.has(item.id));
  const all = shown.length === n && n > 0 && shown.every((item) => markOf(item).favorite);
  const run = (name, work) => async () => {
    setBusy(name);
    await Promise.resolve(work()).catch(toastError);
    setBusy("");
  };
  const gone = (work) => async () => (await work(chosen)) && (selection.clear(), onGone?.());
  const button = (name, icon, label, work, pressed) => html`<button type="button" class="button small" disabled=${busy !== ""} data-testid=${name} aria-pressed=${pressed}
    onClick=${run(name, work)}><${Icon} name=${icon} /><span>${label}</span></button>`;
  const [count, selected] = words.chosen(n);
  const writes = info && !info.read_only;
  return html`<div class="selection-bar actions-bar at-${where}" role="region" aria-label=${words.selected} data-testid="selection-bar">
    <button type="button" class="icon-button" aria-label=${words.clear} title=${words.clear} onClick=${selection.clear}><${Icon} name="close" /></button>
    <span class="number actions-count" role="status">${count}<span class="visually-hidden">${selected}</span></span>
    ${selection.all && n < total && html`<button type="button" class="button small quiet" onClick=${selection.all}>${hasMore ? words.selectFirst(number(total)) : words.selectAll(total)}</button>`}
    <span class="actions-buttons">
      ${children}
      ${writes && button("favorite", "heart", words.favorite, () => mark(chosen, { favorite: !all }), all)}
      ${writes && button("tag", "tag", words.tag, () => doing.tag(chosen))}
      ${writes && button("album", "album", words.album, () => doing.album(chosen))}
      ${writes && info.clustered && where !== "group" && button("group", "groups", html`<span class="only-wide">${words.group}</span><span class="only-narrow">${words.groupShort}</span>`, () => doing.group(chosen))}
      ${button("zip", "download", busy === "zip" ? words.zipping : words.zip, () => doing.zip(chosen))}
      <${Popover} class="button small" label=${words.more} align="end" testid="more-actions" button=${html`<${Icon} name="more" /><span>${words.more}</span>`}>
        ${(close) => html`<${Menu} ...${{ close, chosen, shown, info, writes, album, gone, run }} />`}
      <//>
    </span>
  </div>`;
}

/** What is wanted more rarely. */
function Menu({ close, chosen, shown, info, writes, album, gone, run }) {
  const n = chosen.length;
  const ratings = new Set(shown.map((item) => markOf(item).rating));
  const item = (name, icon, label, work) => html`<button type="button" class="menu-item" data-testid=${name} onClick=${() => (close(), run(name, work)())}><${Icon} name=${icon} />${label}</button>`;
  return html`<div class="menu">
    ${writes && html`<div class="menu-stars"><span>${words.rate}</span><${Stars} value=${ratings.size === 1 ? [...ratings][0] : 0} onPick=${(stars) => mark(chosen, { rating: stars })} /></div>`}
    ${item("search-by-these", "similar", n > doing.MOST_PARTS ? words.similarSome(doing.MOST_PARTS) : words.similar, () => doing.similar(chosen))}
    ${item("export", "table", words.csv, () => doing.csv(chosen))}
    ${writes && album && item("album-first", "up", words.albumFirst, () => doing.albumFirst(chosen, album))}
    ${writes && album && item("out-of-album", "album", words.albumRemove(album), gone((ids) => doing.outOfAlbum(ids, album)))}
    ${writes && info.may_place_files && item("copy-files", "copy", words.copy, () => doing.place(chosen, "copy"))}
    ${writes && info.may_place_files && item("move-files", "folder", words.move, gone((ids) => doing.place(ids, "move")))}
    ${info?.may_reveal && n === 1 && item("reveal", "open", words.reveal, () => doing.reveal(chosen[0]))}
    ${writes && item("remove", "minus", words.takeOut, gone(doing.takeOut))}
    ${writes && item("trash", "trash", words.trash, gone(doing.trash))}
  </div>`;
}
