// The groups: all of them, one of them (/groups/{label}), or how many there should be (?view=number).
import { html } from "../../vendor/preact.js";
import { ErrorBox, Skeleton } from "../components/empty.js";
import { Progress } from "../components/progress.js";
import { Group } from "../groups/group.js";
import { HowMany } from "../groups/how_many.js";
import { NewsView } from "../groups/news.js";
import { Overview } from "../groups/overview.js";
import { StartPanel, useGrouping } from "../groups/start.js";
import { reloadGroups, useGroups } from "../groups/store.js";
import { fixed, reloadIndex, useIndex } from "../library_info.js";
import { texts } from "../texts.js";

export default function Groups({ route }) {
  const { data, error, loaded } = useGroups();
  const { info, error: noInfo } = useIndex();
  const job = useGrouping();
  const why = info?.read_only ? texts.groups.readOnly(fixed(info)) : null;
  const { params } = route;
  if (params.get("view") === "number") return html`<${HowMany} ...${{ data, params, why }} />`;
  if (!info && noInfo) return html`<${ErrorBox} error=${noInfo} retry=${reloadIndex} />`;
  if (!loaded) return html`<div class="page late"><${Skeleton} height="240px" /></div>`;
  if (!data) return error ? html`<${ErrorBox} error=${error} retry=${reloadGroups} />` : html`<${StartPanel} why=${why} />`;
  return html`${job && html`<div class="page under-way"><${Progress} job=${job} /></div>`}
    ${route.label === undefined && params.get("view") === "new"
      ? html`<${NewsView} ...${{ data, why }} />`
      : route.label === undefined
      ? html`<${Overview} ...${{ data, params, why }} />`
      : html`<${Group} label=${Number(route.label)} ...${{ data, params, why }} />`}`;
}
