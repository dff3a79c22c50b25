// What can be done with the selected images.
import { html, useState } from "../../vendor/preact.js";
import { api } from "../api.js";
import { Icon } from "../components/icon.js";
import { toastError } from "../components/toast.js";
import { downloadCsv } from "../csv.js";
import { count, number } from "../format.js";
import { searchHref } from "../searching.js";
import { navigate } from "../state.js";
import { askToRemove, askToTag } from "./changing.js";

const MOST_PARTS = 20; // images that one search adds up
const EXPORTED = "id,uri,folder,width,height,bytes,format,mtime,taken_at,caption,tags,colours,cluster,cluster_name,issues";

/** `total`: images that are loaded; `hasMore`: the search has others. @param {{selection: object, total: number, hasMore: boolean, readOnly: boolean, onRemoved: () => void}} props */
export function SelectionBar({ selection, total, hasMore, readOnly, onRemoved }) {
  const [busy, setBusy] = useState(false);
  const { list, clear, all } = selection;
  const action = (icon, name, work, testid) => {
    const run = async () => {
      setBusy(true);
      await work().catch(toastError);
      setBusy(false);
    };
    return html`<button class="button small" disabled=${busy} data-testid=${testid} onClick=${run}><${Icon} name=${icon} /><span>${name}</span></button>`;
  };
  return html`<div class="selection-bar search-selection" role="region" aria-label="Selected images" data-testid="selection-bar">
    <button class="icon-button" aria-label="Drop the selection" onClick=${clear}><${Icon} name="close" /></button>
    <span class="grow number" role="status">${count(list.length, "image")}<span class="visually-hidden"> selected</span></span>
    ${list.length < total && html`<button class="button small quiet" onClick=${all}>${hasMore ? `The first ${number(total)}` : `All ${number(total)}`}</button>`}
    ${action("similar", list.length > MOST_PARTS ? `Search by the first ${MOST_PARTS}` : "Search by these", async () => navigate(searchHref({ id: list.slice(0, MOST_PARTS) })), "search-by-these")}
    ${!readOnly && action("tag", "Tag", () => askToTag(list), "tag")}
    ${action("download", "Export", () => exportList(list), "export")}
    ${!readOnly && action("trash", "Remove", async () => (await askToRemove(list)) && (clear(), onRemoved()), "remove")}
  </div>`;
}

async function exportList(ids) {
  const wanted = new Set(ids);
  const { columns } = await api.get("/images/columns", { fields: EXPORTED });
  const chosen = columns.id.flatMap((id, i) => (wanted.has(id) ? [i] : []));
  downloadCsv("images.csv", Object.fromEntries(Object.entries(columns).map(([name, values]) => [name, chosen.map((i) => values[i])])));
}
