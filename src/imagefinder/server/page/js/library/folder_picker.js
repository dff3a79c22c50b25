// A dialog to choose a folder of the server's machine.
import { html, useState } from "../../vendor/preact.js";
import { api, useRequest } from "../api.js";
import { openDialog } from "../components/dialog.js";
import { ErrorBox } from "../components/empty.js";
import { Icon } from "../components/icon.js";
import { count } from "../format.js";

/** @returns {Promise<string | null>} the path of the folder, null when given up */
export const pickFolder = (title = "Choose a folder", action = "Add this folder") =>
  openDialog(title, (close) => html`<${Folders} ...${{ close, action }} />`, { class: "folder-dialog" });

function Folders({ close, action }) {
  const [path, setPath] = useState(""); // "": where the server begins
  const [typed, setTyped] = useState(null); // null: as answered
  const { data, error, reload, current } = useRequest(`folder ${path}`, (signal) => api.get("/folders", { path }, { signal }));
  const go = (next) => (setPath(next), setTyped(null));
  const shown = typed ?? (current && !error ? data.path : path);
  const submit = (event) => {
    event.preventDefault();
    go(shown.trim());
  };
  return html`<form class="row" onSubmit=${submit}>
      <input class="input mono" aria-label="Path of a folder" placeholder="Or type a path" readonly=${!current} value=${shown} onInput=${(e) => setTyped(e.target.value)} />
      <button class="button" disabled=${!typed?.trim()}>Go</button>
    </form>
    ${error && html`<${ErrorBox} error=${error} retry=${path ? () => go("") : reload} />`}
    ${data && !error && html`<ul class="folders" aria-label=${`Folders in ${data.path || "the shared folders"}`}>
      ${data.parent && html`<li><button type="button" class="menu-item" onClick=${() => go(data.parent)}><${Icon} name="up" />One up</button></li>`}
      ${data.folders.map((one) => html`<li key=${one.path}><button type="button" class="menu-item" onClick=${() => go(one.path)}><${Icon} name="folder" /><span class="ellipsis">${one.name}</span></button></li>`)}
      ${!data.folders.length && html`<li class="menu-body muted small-text">No folders in here.</li>`}
    </ul>
    <footer class="dialog-buttons">
      <span class="grow muted small-text" role="status">${data.path && `${count(data.images, "image")} here, and what lies in the folders below`}</span>
      <button type="button" class="button" onClick=${() => close(null)}>Cancel</button>
      <button type="button" class="button primary" disabled=${!data.path} onClick=${() => close(data.path)} data-testid="choose-folder">${action}</button>
    </footer>`}`;
}
