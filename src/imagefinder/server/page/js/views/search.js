// The search, and without a query all images.
import { html, useCallback, useEffect, useMemo } from "../../vendor/preact.js";
import { Albums, albumOf } from "../actions/albums.js";
import { SelectionBar } from "../actions/bar.js";
import { Chip } from "../components/chips.js";
import { Empty, ErrorBox, Skeleton } from "../components/empty.js";
import { Grid } from "../components/grid.js";
import { count, number } from "../format.js";
import { FirstUse } from "../library/first_use.js";
import { useIndex } from "../library_info.js";
import { FilterBar } from "../search/filter_bar.js";
import { judge, useKeptJudgements } from "../search/judging.js";
import { Keep } from "../search/keeping.js";
import { Options, Sort, pictureSize } from "../search/options.js";
import { Predicted } from "../search/predicted.js";
import { Rest, fitting, showAll } from "../search/sure.js";
import { Actions, Footer } from "../search/tile_parts.js";
import { useResults } from "../search/use_results.js";
import { isQuery, readSearch, similarHref } from "../searching.js";
import { useSelection } from "../selection.js";
import { cameBack, imageHref, navigate, setParams } from "../state.js";
import { useStore } from "../store.js";
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
  useWalk(items, results.more);
  useKeptJudgements(search, info?.read_only ?? true);
  const place = JSON.stringify([search.words, search.ids, search.upload, search.box, search.filter, search.sort]);
  useEffect(() => {
    selection.clear();
    if (!cameBack()) scrollTo(0, 0);
  }, [place]);
  const keys = useCallback(
    (event, item) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "l" || event.key === "d") judge(search, item.id, event.key === "d");
      if (event.key === "s") navigate(similarHref(item.id));
      if (event.key === "e" && isQuery(search)) (explaining.set(true), navigate(imageHref(item.id)));
    },
    [search],
  );
  if (info?.images === 0 && !query) return html`<${FirstUse} info=${info} />`;
  return html`<div class="page search-page ${results.waiting && ready ? "stale" : ""}">
    <h1 class="visually-hidden">${query ? "Search results" : "All images"}</h1>
    <div class="results-head">
      <${FilterBar} filter=${search.filter} />
      <div class="row results-line">
        <${Summary} results=${results} search=${search} />
        <${Predicted} search=${search} />
        <${Albums} filter=${search.filter} readOnly=${info?.read_only ?? true} />
        ${!query && html`<${Sort} sort=${search.sort} />`}
        ${query && info && !info.read_only && html`<${Keep} search=${search} />`}
        <${Options} search=${search} query=${query} />
      </div>
    </div>
    ${ready && !results.stale && !results.error && results.notice && items.length > 0 && html`<p class="note" data-testid="notice">${results.notice}</p>`}
    ${results.error && html`<${ErrorBox} error=${results.error} retry=${results.reload} />`}
    ${!ready && results.waiting && html`<${Skeleton} boxes=${18} />`}
    ${ready && !results.error && items.length > 0 &&
    html`<${Grid} items=${items} size=${size} label=${scored ? "Search results" : "All images"} selection=${selection}
      actions=${(item) => html`<${Actions} item=${item} search=${search} />`}
      footer=${scored ? (item) => html`<${Footer} item=${item} search=${search} />` : undefined}
      onKey=${keys} onEnd=${results.more} />`}
    ${ready && !results.error && items.length > 0 && results.surely !== null && !results.hasMore && html`<${Rest} results=${results} />`}
    ${ready && !results.error && !results.stale && !items.length && html`<${Nothing} search=${search} query=${query} results=${results} />`}
    ${selection.ids.size > 0 && html`<${SelectionBar} selection=${selection} items=${items} total=${items.length} hasMore=${results.hasMore} album=${albumOf(search.filter)} onGone=${results.reload} />`}
  </div>`;
}

function Summary({ results, search }) {
  const { query, total, items, took, ready, stale, hasMore } = results;
  const found = results.surely !== null ? fitting(results) : hasMore ? `Best of ${count(total, "image")}` : count(items.length, "image");
  const words = query ? `${found} · ${number(Math.max(1, Math.round(took)))} ms` : count(total, "image");
  const { liked, disliked } = search;
  const current = ready && !stale && !results.error;
  return html`<p class="grow muted small-text number" role="status" data-testid="summary">${current ? words : ""}</p>
    ${liked.length > 0 && html`<${Chip} kind="accent" label="the likes" onRemove=${() => setParams({ liked: null })}>${number(liked.length)} liked<//>`}
    ${disliked.length > 0 && html`<${Chip} label="the dislikes" onRemove=${() => setParams({ disliked: null })}>${number(disliked.length)} disliked<//>`}`;
}

function Nothing({ search, query, results }) {
  const { notice, surely, total } = results;
  const narrowed = search.filter || search.minScore !== null || search.sameCluster;
  const clear = () => setParams({ filter: null, min_score: null, same_cluster: null });
  const why = notice ?? (narrowed ? "Nothing passes the filters and options that are set." : "Try other words, or search by a picture.");
  const nearest = surely === 0 && !notice && total > 0;
  if (nearest)
    return html`<${Empty} icon="search" title="Nothing here fits" text="No image is near enough to what was asked for.">
      <button class="button primary" data-testid="show-more" onClick=${showAll}>Show the nearest all the same</button>
      ${narrowed && html`<button class="button" onClick=${clear}>Clear the filters</button>`}
      <a class="button" href="/">All images</a>
    <//>`;
  return html`<${Empty} icon="search" title="No image fits" text=${notice ? html`<span data-testid="notice">${why}</span>` : why}>
    ${narrowed && html`<button class="button primary" onClick=${clear}>Clear the filters</button>`}
    ${query && html`<a class="button" href="/">All images</a>`}
  <//>`;
}
