// The search, and without a query all images.
import { html, useCallback, useEffect, useMemo } from "../../vendor/preact.js";
import { Albums, albumOf } from "../actions/albums.js";
import { SelectionBar } from "../actions/bar.js";
import { Sort } from "../browse/sort.js";
import { Beside, useSections } from "../browse/timeline.js";
import { Empty, ErrorBox, Skeleton } from "../components/empty.js";
import { Grid } from "../components/grid.js";
import { FirstUse } from "../library/first_use.js";
import { Growing } from "../library/growing.js";
import { useIndex } from "../library_info.js";
import { Exactness } from "../search/exactness.js";
import { FilterBar } from "../search/filter_bar.js";
import { useNamedGroups } from "../search/group_names.js";
import { Judged } from "../search/judged.js";
import { judge, useKeptJudgements } from "../search/judging.js";
import { Keep } from "../search/keeping.js";
import { Options, pictureSize } from "../search/options.js";
import { Predicted } from "../search/predicted.js";
import { SavedSearches } from "../search/saved.js";
import { Rest, fitting, showAll } from "../search/sure.js";
import { Actions, Footer } from "../search/tile_parts.js";
import { useResults } from "../search/use_results.js";
import { isQuery, readSearch, similarHref, wordChips } from "../searching.js";
import { titleOf } from "../search/title.js";
import { useSelection } from "../selection.js";
import { cameBack, imageHref, navigate, setParams } from "../state.js";
import { useStore } from "../store.js";
import { texts } from "../texts.js";
import { explaining } from "../viewer/why.js";
import { useWalk } from "../viewing.js";

export default function Search({ route }) {
  const text = route.params.toString().replace(/(^|&)image=[^&]*/, ""); // the big view changes nothing here
  const search = useMemo(() => readSearch(route.params), [text]);
  const { info } = useIndex();
  const results = useResults(search);
  const { items, query, scored, ready } = results;
  const selection = useSelection(items);
  const size = useStore(pictureSize);
  const named = useNamedGroups(scored && Boolean(info?.clustered));
  useWalk(items, results.more);
  useKeptJudgements(search, info?.read_only ?? true);
  const place = JSON.stringify([search.words, search.pictures, search.filter, search.sort]);
  useEffect(() => {
    selection.clear();
    if (!cameBack()) scrollTo(0, 0);
  }, [place]);
  useEffect(() => {
    document.title = titleOf(search);
  }, [place]);
  const sections = useSections(results);
  const keys = useCallback(
    (event, item) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "l" || event.key === "d") judge(search, item.id, event.key === "d");
      if (event.key === "s") navigate(similarHref(item.id));
      if (event.key === "w" && isQuery(search)) (explaining.set(true), navigate(imageHref(item.id)));
    },
    [search],
  );
  if (info?.images === 0 && !query) return html`<${FirstUse} info=${info} />`;
  return html`<div class="page search-page ${results.waiting && ready ? "stale" : ""}">
    <h1 class="visually-hidden">${query ? texts.search.results : texts.search.all}</h1>
    <${Growing} />
    <div class="results-head">
      <${FilterBar} search=${search} />
      <div class="row results-line">
        <${Summary} results=${results} search=${search} />
        ${query && html`<${Exactness} results=${results} search=${search} />`}
        <${Predicted} search=${search} />
        <${Albums} filter=${search.filter} readOnly=${info?.read_only ?? true} />
        <${Sort} sort=${search.sort} query=${query} />
        ${(query || search.filter) && info && !info.read_only && html`<${Keep} search=${search} />`}
        <${Options} search=${search} query=${query} results=${results} />
      </div>
    </div>
    ${!query && !search.filter && info && html`<${SavedSearches} readOnly=${info.read_only} />`}
    ${ready && !results.stale && !results.error && results.notice && items.length > 0 && html`<p class="note" data-testid="notice">${results.notice}</p>`}
    ${results.error && html`<${ErrorBox} error=${results.error} retry=${results.reload} />`}
    ${!ready && results.waiting && html`<${Skeleton} boxes=${18} />`}
    ${ready && !results.error && items.length > 0 &&
    html`<${Grid} items=${items} size=${size} label=${scored ? texts.search.results : texts.search.all} selection=${selection}
      actions=${(item) => html`<${Actions} item=${item} search=${search} />`}
      footer=${scored ? (item, index) => html`<${Footer} ...${{ item, items, search, named }} select=${() => selection.toggle(index, false)} />` : undefined}
      onKey=${keys} onEnd=${results.more} sections=${sections} beside=${sections && ((to) => html`<${Beside} sections=${sections} ...${to} />`)} />`}
    ${ready && !results.error && items.length > 0 && results.surely !== null && !results.hasMore && html`<${Rest} results=${results} />`}
    ${ready && !results.error && !results.stale && !items.length && html`<${Nothing} search=${search} query=${query} results=${results} />`}
    ${selection.ids.size > 0 && html`<${SelectionBar} selection=${selection} items=${items} total=${items.length} hasMore=${results.hasMore} album=${albumOf(search.filter)} onGone=${results.reload} />`}
  </div>`;
}

function Summary({ results, search }) {
  const { query, total, items, took, ready, stale, hasMore } = results;
  const found = results.surely !== null ? fitting(results) : hasMore ? texts.search.ranked(total) : texts.search.images(items.length);
  const words = query ? texts.search.took(found, Math.max(1, Math.round(took))) : texts.search.images(total);
  const { liked, disliked } = search;
  const current = ready && !stale && !results.error;
  return html`<p class="grow muted small-text number" role="status" data-testid="summary">${current ? words : ""}</p>
    <${Judged} ids=${liked} down=${false} /><${Judged} ids=${disliked} down=${true} />`;
}

function Nothing({ search, query, results }) {
  const { notice, surely, total } = results;
  const narrowed = search.filter || search.minScore !== null || search.sameCluster;
  const clear = () => setParams({ filter: null, min_score: null, same_cluster: null });
  const clearing = narrowed && html`<button type="button" class="button" onClick=${clear}>${texts.search.clearFilters}</button>`;
  const all = query && html`<a class="button" href="/">${texts.search.all}</a>`;
  if (surely === 0 && total > 0)
    return html`<${Empty} icon="search" title=${texts.search.nothingHere} text=${notice ? html`<span data-testid="notice">${notice}</span>` : texts.search.noneNear}>
      <${Help} search=${search} />
      <button type="button" class="button primary" data-testid="show-more" onClick=${showAll}>${texts.search.showNearest}</button>
      ${clearing}${all}
    <//>`;
  const why = notice ?? (narrowed ? texts.search.noneFiltered : texts.search.noneElse);
  return html`<${Empty} icon="search" title=${texts.search.noneAll} text=${notice ? html`<span data-testid="notice">${why}</span>` : why}>
    ${clearing}${all}
  <//>`;
}

/** What to try where nothing fits. */
function Help({ search }) {
  const { tryFewer, tryOther, tryName, tryPicture } = texts.search;
  const tries = [wordChips(search) && tryFewer, search.words && tryOther, search.words && tryName, tryPicture].filter(Boolean);
  return html`<ul class="tries" data-testid="tries">${tries.map((text) => html`<li key=${text}>${text}</li>`)}</ul>`;
}
