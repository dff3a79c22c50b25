// The folders of the collection as a tree with counts. Ticking one shows what lies in it and below.
import { html, useState } from "../../vendor/preact.js";
import { api, useRequest } from "../api.js";
import { ErrorBox } from "../components/empty.js";
import { Icon } from "../components/icon.js";
import { number } from "../format.js";
import { texts } from "../texts.js";
import { folderClause, folderName, foldersOf } from "./folders.js";

const words = texts.filters;

export function FolderMenu({ facet, clauses, others, onChange }) {
  const chosen = foldersOf(clauses);
  const toggle = (path) => onChange([folderClause(chosen.includes(path) ? chosen.filter((one) => one !== path) : [...chosen, path])]);
  return html`<fieldset class="facet-list folder-tree">
    <legend class="visually-hidden">${words.folders}</legend>
    <${Level} under="" others=${others} chosen=${chosen} toggle=${toggle} none=${facet.none} open />
  </fieldset>`;
}

function Level({ under, others, chosen, toggle, none, open }) {
  const { data, error, reload } = useRequest(`folders ${under} ${others}`, (signal) => api.get("/facets/folders", { filter: others, under }, { signal }));
  if (error) return html`<${ErrorBox} error=${error} retry=${reload} />`;
  if (!data) return html`<p class="menu-body muted" aria-busy="true">${words.counting}</p>`;
  const missing = under ? [] : chosen.filter((path) => !data.folders.some((one) => path.startsWith(one.path)));
  const rows = [...data.folders, ...missing.map((path) => ({ path, name: path, count: 0, folders: 0 }))];
  if (!rows.length) return html`<p class="menu-body muted">${others ? words.noneLeft : none}</p>`;
  return html`<ul class="tree" aria-label=${under ? words.inside(folderName(under)) : undefined}>
    ${rows.map((row) => html`<${Row} key=${row.path} row=${row} others=${others} chosen=${chosen} toggle=${toggle} begins=${open && rows.length === 1} />`)}
    ${data.more > 0 && html`<li class="muted small-text menu-body">${words.moreFolders(data.more)}</li>`}
  </ul>`;
}

function Row({ row, others, chosen, toggle, begins }) {
  const [open, setOpen] = useState(begins || chosen.some((path) => path !== row.path && path.startsWith(row.path)));
  const last = folderName(row.path);
  return html`<li>
    <div class="tree-row">
      ${row.folders > 0
        ? html`<button type="button" class="tree-open" aria-expanded=${open} aria-label=${words.inside(last)} onClick=${() => setOpen(!open)}><${Icon} name=${open ? "down" : "right"} /></button>`
        : html`<span class="tree-open"></span>`}
      <label class="facet-value grow">
        <input type="checkbox" checked=${chosen.includes(row.path)} onChange=${() => toggle(row.path)} />
        <span class="grow ellipsis" title=${row.path}>${begins ? last : row.name}</span>
        <span class="muted number small-text">${number(row.count)}</span>
      </label>
    </div>
    ${open && row.folders > 0 && html`<${Level} under=${row.path} others=${others} chosen=${chosen} toggle=${toggle} />`}
  </li>`;
}
