// A dialog to choose a folder of the server's machine: shortcuts, a path to paste, and a tree with true counts.
import { html, useState } from "../../vendor/preact.js";
import { api, useRequest } from "../api.js";
import { openDialog } from "../components/dialog.js";
import { Icon } from "../components/icon.js";
import { texts } from "../texts.js";
import { FolderTree, useCounted } from "./folder_tree.js";
import { table } from "../table.js";

const KINDS = table(texts.library.kinds);
const ICONS = table({ home: "library", pictures: "image", downloads: "download", desktop: "system" });

/** @returns {Promise<string | null>} the path of the folder, null when given up */
export const pickFolder = (title = texts.library.pickTitle, action = texts.library.pickAction) =>
  openDialog(title, (close) => html`<${Folders} ...${{ close, action }} />`, { class: "folder-dialog" });

function Folders({ close, action }) {
  const [path, setPath] = useState(""); // "": where the server begins
  const [typed, setTyped] = useState(null); // null: as answered
  const [at, setAt] = useState(""); // a folder chosen in the tree
  const { data, error, current } = useRequest(`folder ${path}`, (signal) => api.get("/folders", { path }, { signal }));
  const there = current && !error && data;
  const chosen = at || (there ? data.path : "");
  const go = (next) => (setPath(next), setTyped(null), setAt(""));
  const shown = typed ?? (there ? chosen : path);
  const submit = (event) => {
    event.preventDefault();
    go(shown.trim());
  };
  const choose = (next) => (there ? (setAt(next), setTyped(null)) : go(next)); // after a wrong path, from what is still shown
  return html`<${Shortcuts} all=${data?.shortcuts ?? []} go=${go} at=${chosen} />
    <form class="row" onSubmit=${submit}>
      <input class="input mono" aria-label=${texts.library.path} placeholder=${texts.library.pathHint} readonly=${!current} value=${shown} spellcheck=${false} onInput=${(e) => setTyped(e.target.value)} />
      <button class="button" disabled=${!typed?.trim()}>${texts.library.open}</button>
    </form>
    ${current && error && html`<div role="alert"><p class="error-text">${error.message}</p><p class="muted small-text">${error.remedy}</p></div>`}
    ${data && html`<div class="folders ${current ? "" : "stale"}">
      ${data.parent && html`<button type="button" class="menu-item" onClick=${() => go(data.parent)}><${Icon} name="up" />${texts.library.up}</button>`}
      <${FolderTree} key=${data.path} label=${texts.library.foldersIn(data.path)} folders=${data.folders} chosen=${chosen} choose=${choose} />
    </div>`}
    <footer class="dialog-buttons">
      <span class="grow muted small-text" role="status">${there && chosen ? html`<${Chosen} key=${chosen} path=${chosen} here=${at && at !== data.path ? null : data.images} />` : ""}</span>
      <button type="button" class="button" onClick=${() => close(null)}>${texts.library.cancel}</button>
      <button type="button" class="button primary" disabled=${!there || !chosen || typed !== null} onClick=${() => close(chosen)} data-testid="choose-folder">${action}</button>
    </footer>`;
}

function Shortcuts({ all, go, at }) {
  if (!all.length) return null;
  return html`<ul class="row wrap shortcuts" aria-label=${texts.library.shortcuts}>
    ${all.map(({ kind, name, path }) => html`<li key=${path}><button type="button" class="button small" aria-pressed=${path === at} title=${path} onClick=${() => go(path)}>
      <${Icon} name=${ICONS[kind] ?? "folder"} />${KINDS[kind] ?? name}</button></li>`)}
  </ul>`;
}

/** What would be added; `here` is null while it is not known how many lie right in the folder. */
function Chosen({ path, here }) {
  const counted = useCounted(path);
  if (!counted) return texts.library.counting;
  return texts.library.chosen(counted, here);
}
