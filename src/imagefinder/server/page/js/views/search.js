import { html, useMemo } from "../../vendor/preact.js";
import { api, useRequest } from "../api.js";
import { ErrorBox, Skeleton } from "../components/empty.js";
import { Grid } from "../components/grid.js";
import { useSelection } from "../selection.js";
import { useWalk } from "../viewing.js";

/** Rows of objects from columns. */
function rows(columns) {
  const names = Object.keys(columns);
  return columns.id.map((_, i) => Object.fromEntries(names.map((name) => [name, columns[name][i]])));
}

export default function Search({ route }) {
  const filter = route.params.get("filter") ?? "";
  const fields = "id,width,height,content_hash";
  const all = useRequest(filter, (signal) => api.get("/images/columns", { fields, filter, sort: "-mtime" }, { signal }));
  const items = useMemo(() => (all.data ? rows(all.data.columns) : []), [all.data]);
  const selection = useSelection(items);
  useWalk(items);
  if (all.error) return html`<${ErrorBox} error=${all.error} retry=${all.reload} />`;
  if (!all.data) return all.loading && html`<div class="page"><${Skeleton} /></div>`;
  return html`<div class="page"><${Grid} items=${items} label="All images" selection=${selection} /></div>`;
}
