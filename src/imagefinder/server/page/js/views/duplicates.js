// Duplicates: what the last search found, to be worked through by tier, with the pointer or with the keys alone.
import { html, useEffect, useMemo, useState } from "../../vendor/preact.js";
import { api, useRequest } from "../api.js";
import { Empty, ErrorBox, Skeleton } from "../components/empty.js";
import { Icon } from "../components/icon.js";
import { Popover } from "../components/popover.js";
import { Progress } from "../components/progress.js";
import { Aside } from "../duplicates/aside.js";
import { confirmTrash } from "../duplicates/confirm.js";
import { history, restoreTrash, settled, takeLastBack, trash } from "../duplicates/deciding.js";
import { showDecisions } from "../duplicates/decisions.js";
import { GroupList } from "../duplicates/list.js";
import { bytesOf, identicalOnes, keyOf, tally } from "../duplicates/report.js";
import { StartPanel, askToSearch, useSearching } from "../duplicates/start.js";
import { TIERS, isIdentical } from "../duplicates/words.js";
import { onChanged, onEvent } from "../events.js";
import { dateTime } from "../format.js";
import { fixed, reloadIndex, useIndex } from "../library_info.js";
import { withParams } from "../state.js";
import { useStore } from "../store.js";
import { texts } from "../texts.js";
import { bytes } from "../units.js";
import { useWalk } from "../viewing.js";

const said = texts.duplicates;

export default function Duplicates({ route }) {
  const { info, error: noInfo } = useIndex();
  const searched = info?.duplicates_searched;
  const report = useRequest(searched ? "duplicates" : null, (signal) => api.get("/duplicates", {}, { signal }));
  useEffect(() => {
    const stops = [onChanged(["duplicates", "images"], report.reload), onEvent("connected", report.reload)];
    return () => stops.forEach((stop) => stop());
  }, []);
  const why = info?.read_only ? said.readOnly(fixed(info)) : null;
  if (!info && noInfo) return html`<${ErrorBox} error=${noInfo} retry=${reloadIndex} />`;
  if (info && !searched) return html`<${StartPanel} why=${why} />`;
  if (report.error) return html`<${ErrorBox} error=${report.error} retry=${report.reload} />`;
  if (!report.data) return html`<div class="page late"><${Skeleton} height="240px" /></div>`;
  return html`<${Report} data=${report.data} params=${route.params} why=${why} now=${info?.images ?? 0} />`;
}

/** The report without what has been decided since. */
function useOpenGroups(data) {
  const gone = useStore(settled);
  return useMemo(() => {
    const rest = data.groups.filter((group) => !gone.has(keyOf(group)));
    return rest
      .map((group) => ({ ...group, members: group.members.filter((one) => !gone.has(`${keyOf(group)}/${one.id}`)) }))
      .filter((group) => group.members.length);
  }, [data, gone]);
}

function Report({ data, params, why, now }) {
  const job = useSearching();
  const open = useOpenGroups(data);
  const [keepers, setKeepers] = useState(() => new Map());
  const { all, tiers } = useMemo(() => tally(open), [open]);
  const tier = tiers.get(params.get("tier"))?.groups ? params.get("tier") : "";
  const groups = useMemo(() => (tier ? open.filter((group) => group.tier === tier) : open), [open, tier]);
  const sure = useMemo(() => (tier === "" || isIdentical(tier) ? identicalOnes(groups, keepers) : []), [groups, keepers, tier]);
  useWalk(useMemo(() => groups.flatMap((group) => [group.keep, ...group.members]), [groups]));
  return html`<div class="page duplicates stack">
    <${Head} ...${{ data, all, why }} />
    ${job ? html`<div class="under-way"><${Progress} job=${job} /></div>` : html`<${Newer} n=${data.indexed ? now - data.indexed : 0} why=${why} />`}
    ${open.length > 0 && html`<${Tiers} ...${{ all, tiers, tier }} />`}
    ${sure.length > 0 && !why && html`<${Sure} sure=${sure} />`}
    ${groups.length
      ? html`<${GroupList} key=${tier} ...${{ groups, keepers, setKeepers, params, why }} />`
      : html`<${Empty} icon="check" title=${data.groups.length ? said.allDone : said.none}
          text=${data.groups.length ? said.allDoneText : said.noneText(data.images)}>
          ${!why && html`<button class="button" onClick=${askToSearch}>${said.searchAgainWith}</button>`}<//>`}
    <${Aside} data=${data} />
    <p class="visually-hidden" role="status">${said.left(groups.length)}</p>
  </div>`;
}

function Head({ data, all, why }) {
  const undoable = useStore(history).at(-1);
  return html`<header class="groups-head">
    <div class="grow">
      <h1 tabindex="-1">${said.title}</h1>
      <p class="muted small-text">${said.searched(data.images, dateTime(data.created))}${all.images > 0 ? html` · ${said.used(all.images, html`<strong class="number">${bytes(all.bytes)}</strong>`)}` : ""}
        ${data.skipped?.length > 0 && ` · ${said.unread(data.skipped.length)}`}</p>
    </div>
    <div class="row wrap">
      ${!why && undoable && html`<button class="button" data-testid="undo" title=${said.undoThis(undoable.words)} onClick=${takeLastBack}><${Icon} name="undo" />${texts.common.undo}</button>`}
      ${!why && html`<button class="button" onClick=${askToSearch}><${Icon} name="refresh" />${said.searchAgainWith}</button>`}
      <${Popover} class="icon-button" align="end" label=${said.more} button=${html`<${Icon} name="more" />`}>
        ${(close) => html`<div class="menu">
          <button class="menu-item" onClick=${() => (close(), showDecisions(why))}><${Icon} name="check" />${said.decisionsSoFar}</button>
          ${!why && html`<button class="menu-item" onClick=${() => (close(), restoreTrash())}><${Icon} name="undo" />${said.restore}</button>`}
        </div>`}
      <//>
    </div>
    ${why && html`<p class="note">${why}</p>`}
  </header>`;
}

/** Pictures that came in after the search are in no group. */
function Newer({ n, why }) {
  if (n <= 0) return null;
  return html`<div class="note row wrap" role="status" data-testid="newer"><span class="grow">${said.newer(n)}</span>
    ${!why && html`<button class="button small" onClick=${askToSearch}>${said.searchAgainWith}</button>`}</div>`;
}

function Tiers({ all, tiers, tier }) {
  const entry = (name, title, sum, text) => html`<a key=${name} href=${withParams({ tier: name, group: null })} class="tier" title=${text}
    aria-current=${tier === name ? "true" : undefined} data-testid="tier">
    <span>${title} <span class="number">${sum.groups}</span></span>
    <span class="small-text number">${said.sum(sum.pairs, sum.groups - sum.pairs)}${sum.bytes ? ` · ${bytes(sum.bytes)}` : ""}</span>
  </a>`;
  return html`<nav class="tiers" aria-label=${said.howAlike}>
    ${entry("", said.all, all, said.allText)}
    ${TIERS.filter(([name]) => tiers.get(name).groups).map(([name, title, text]) => entry(name, title, tiers.get(name), text))}
  </nav>`;
}

/** Nothing can be lost with these, so they may go all at once. */
function Sure({ sure }) {
  const images = sure.flatMap(({ remove }) => remove);
  const [many, rest] = said.identicalText(images.length);
  const move = async () => {
    if (!(await confirmTrash(sure))) return;
    document.querySelector("main h1").focus(); // the button goes with the files
    trash(sure);
  };
  return html`<section class="sure" aria-label=${said.identical}>
    <p class="grow"><strong>${many}</strong>${rest}</p>
    <button class="button small trash" data-testid="trash-sure" onClick=${move}><${Icon} name="trash" />${said.trashIdentical(images.length, bytes(bytesOf(images)))}</button>
  </section>`;
}
