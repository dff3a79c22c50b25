// Folders in folders, each with the number of pictures in it and below: a click chooses one, its arrow opens it.
import { html, useState } from "../../vendor/preact.js";
import { api, useRequest } from "../api.js";
import { Icon } from "../components/icon.js";
import { texts } from "../texts.js";

const AT_ONCE = 2; // folders that are counted; the others wait, so that the one just chosen is not last
let counting = 0;
const waiting = [];

async function oneOfFew(work, signal) {
  if (counting >= AT_ONCE) await new Promise((go) => waiting.push(go));
  counting++;
  try {
    return signal.aborted ? null : await work();
  } finally {
    counting--;
    waiting.shift()?.();
  }
}

const count = (path, signal) => api.get("/folders/count", { path }, { signal });

/** How many pictures lie in a folder and below: `{images, complete}`; null while they are counted or can't be. */
export const useCounted = (path) => useRequest(`count ${path}`, (signal) => count(path, signal)).data;

/** @param {{label: string, folders: {name: string, path: string}[], chosen: string, choose: (path: string) => void}} props */
export function FolderTree({ label, folders, chosen, choose }) {
  return html`<ul aria-label=${label}>
    ${folders.map((folder) => html`<${Folder} key=${folder.path} ...${{ folder, chosen, choose }} />`)}
    ${!folders.length && html`<li class="menu-body muted small-text">${texts.library.noneInside}</li>`}
  </ul>`;
}

function Folder({ folder, chosen, choose }) {
  const { name, path } = folder;
  const [open, setOpen] = useState(false);
  const { data } = useRequest(open ? `folders in ${path}` : null, (signal) => api.get("/folders", { path }, { signal }));
  const { data: counted } = useRequest(`counted ${path}`, (signal) => oneOfFew(() => count(path, signal), signal));
  return html`<li>
    <div class="folder ${path === chosen ? "on" : ""}">
      <button type="button" class="icon-button folder-open" aria-expanded=${open} aria-label=${texts.library.inside(name)} onClick=${() => setOpen(!open)}><${Icon} name=${open ? "down" : "right"} /></button>
      <button type="button" class="menu-item" aria-pressed=${path === chosen} onClick=${() => choose(path)} onDblClick=${() => setOpen(true)}>
        <${Icon} name="folder" /><span class="ellipsis grow">${name}</span>
        ${counted && html`<span class="muted small-text number">${texts.library.counted(counted)}</span>`}
      </button>
    </div>
    ${open && data && html`<${FolderTree} label=${texts.library.foldersIn(path)} folders=${data.folders} ...${{ chosen, choose }} />`}
  </li>`;
}
