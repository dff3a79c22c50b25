// What came since the groups were made: a card that says what it would change, and a page to look closer.
import { html, useEffect, useState } from "../../vendor/preact.js";
import { api, useRequest } from "../api.js";
import { Empty, ErrorBox, Skeleton } from "../components/empty.js";
import { Icon } from "../components/icon.js";
import { Thumb } from "../components/thumb.js";
import { COMMA } from "../language.js";
import { navigate, withParams } from "../state.js";
import { keptStore, useStore } from "../store.js";
import { texts } from "../texts.js";
import { Mosaic } from "./mosaic.js";
import { Sure } from "./name.js";
import { isRunning, runJob, useJobs } from "../jobs.js";
import { askToGroup } from "./start.js";
import { change } from "./store.js";

const t = texts.groups;
const later = keptStore("groups-later", ""); // the key of the news that were put off
const SHOWN = 12;

const useNews = (data) =>
  useRequest(data.since?.came > 0 ? `${data.run} ${data.n_images} ${data.since.came}` : null, (signal) => api.get("/clusters/news", {}, { signal }));

const sum = (all, of) => all.reduce((n, one) => n + one[of], 0);

/** Makes the new groups, those of `labels` or all, beside the former ones. */
const accept = (news, labels) => {
  const clusters = labels ?? news.clusters.map((one) => one.label);
  const sorted = sum(news.fit, "came") + sum(news.clusters.filter((one) => clusters.includes(one.label)), "size");
  return change(t.doing.takeIn, () => runJob("take-in", { key: news.key, clusters }), () => t.newsAccepted(clusters.length, sorted));
};

/** Whether new groups are being made, here or elsewhere. */
const useTaking = () => useJobs().some((job) => job.kind === "take-in" && isRunning(job));

const parts = (news) =>
  [
    news.fit.length > 0 && t.newsFit(sum(news.fit, "came")),
    news.clusters.length > 0 && t.newsNew(sum(news.clusters, "size"), news.clusters.length),
    news.rest > 0 && !news.too_many && t.newsRest(news.rest),
  ].filter(Boolean);

/** @param {{data: object, why: string | null}} props `why` nothing may be changed, if so */
export function NewsCard({ data, why }) {
  const { data: news, error } = useNews(data);
  const putOff = useStore(later);
  const busy = useTaking();
  const { came } = data.since;
  if (news && putOff === news.key) {
    return html`<p class="row wrap muted small-text" data-testid="since"><span>${t.newsWaiting(news.came)}</span>
      <button class="button small" onClick=${() => later.set("")}>${t.newsShow}</button></p>`;
  }
  const take = async () => {
    const made = await accept(news);
    if (made) document.querySelector(".groups-head h1")?.focus();
  };
  const again = news && (news.too_many || (!news.clusters.length && data.since.advice));
  return html`<section class="card news" aria-label=${t.news} data-testid="since">
    <div class="grow stack tight">
      <h2>${t.newsTitle(news?.came ?? came)}</h2>
      <p aria-live="polite">${news ? (news.too_many ? t.newsTooMany(news.rest) : `${parts(news).join(COMMA)}. ${news.clusters.length || !news.rest ? "" : t.newsNoNew}`) : error ? error.message : t.newsLooking}</p>
      ${news?.clusters.length > 0 && html`<ul class="news-strip">${news.clusters.slice(0, SHOWN).map(
        (one) => html`<li key=${one.label} title=${`${one.name}: ${t.images(one.size)}`}><span class="news-picture"><${Thumb} image=${{ id: one.medoid }} size=${88} alt=${one.name} /></span></li>`,
      )}</ul>`}
    </div>
    ${news && !why && html`<div class="row wrap news-buttons">
      ${again && html`<button class="button primary" onClick=${() => askToGroup(data)}><${Icon} name="refresh" />${t.again}</button>`}
      ${!news.too_many && html`<button class="button ${again ? "" : "primary"}" disabled=${busy} onClick=${take}><${Icon} name="check" />${news.clusters.length ? t.newsAccept(news.clusters.length) : t.newsKeep}</button>`}
      ${!news.too_many && html`<a class="button" href=${withParams({ view: "new" }, { path: "/groups", from: "" })}>${t.newsLook}</a>`}
      <button class="button quiet" onClick=${() => later.set(news.key)}>${t.newsLater}</button>
    </div>`}
  </section>`;
}

/** The new groups one by one, with a tick each, and what went into the former ones. */
export function NewsView({ data, why }) {
  const { data: news, error, reload } = useNews(data);
  useEffect(() => {
    document.title = `${t.news} · ${t.documentTitle}`;
    return () => (document.title = t.documentTitle);
  }, []);
  return html`<div class="page stack groups" data-testid="news">
    <header class="stack tight">
      <a class="back small-text" href="/groups"><${Icon} name="left" />${t.all}</a>
      <h1 tabindex="-1">${t.newsHead}</h1>
    </header>
    ${error && html`<${ErrorBox} error=${error} retry=${reload} />`}
    ${!news && !error && data.since?.came > 0 && html`<${Skeleton} boxes=${6} />`}
    ${!(data.since?.came > 0) && html`<${Empty} icon="groups" title=${t.newsNone} text=${t.newsNoneText}><a class="button" href="/groups">${t.all}</a><//>`}
    ${news && html`<${Shown} key=${news.key} ...${{ data, news, why }} />`}
  </div>`;
}

function Shown({ data, news, why }) {
  const [left, setLeft] = useState([]); // labels of the new groups that shall not be made
  const busy = useTaking();
  const wanted = news.clusters.map((one) => one.label).filter((label) => !left.includes(label));
  const toggle = (label) => setLeft((all) => (all.includes(label) ? all.filter((one) => one !== label) : [...all, label]));
  const take = async () => {
    const made = await accept(news, wanted);
    if (made) navigate("/groups");
  };
  const groups = new Map(data.clusters.map((one) => [one.label, one]));
  const joined = news.fit.filter((one) => groups.has(one.label));
  return html`<p>${parts(news).join(COMMA)}.</p>
    ${news.clusters.length > 0 && html`<section class="stack tight" aria-label=${t.newsGroups}>
      <h2>${t.newsGroups}</h2>
      ${!why && html`<p class="muted small-text">${t.newsHow}</p>`}
      <ul class="covers">${news.clusters.map((one) => html`<${NewGroup} key=${one.label} ...${{ group: one, why, wanted: wanted.includes(one.label) }} toggle=${() => toggle(one.label)} />`)}</ul>
    </section>`}
    ${!why && html`<div class="row wrap"><button class="button primary" disabled=${busy} onClick=${take}><${Icon} name="check" />${wanted.length ? t.newsAccept(wanted.length) : t.newsKeep}</button></div>`}
    ${joined.length > 0 && html`<section class="stack tight" aria-label=${t.newsJoined}>
      <h2>${t.newsJoined}</h2>
      <p class="muted small-text">${t.newsJoinedHow}</p>
      <ul class="joined">${joined.map((one) => html`<${Joined} key=${one.label} group=${groups.get(one.label)} came=${one.came} />`)}</ul>
    </section>`}`;
}

function NewGroup({ group, wanted, toggle, why }) {
  const text = html`<span class="group-name" title=${group.name}>${group.name}</span><${Sure} group=${group} />`;
  return html`<li class="cover ${wanted ? "" : "left-out"}" data-testid="new-group">
    <span class="cover-link"><${Mosaic} group=${group} /></span>
    <div class="cover-text"><div class="row cover-name">
      ${why ? text : html`<label class="check grow"><input type="checkbox" checked=${wanted} onChange=${toggle} />${text}</label>`}</div>
      <span class="facts number">${t.images(group.size)}</span></div>
  </li>`;
}

const Joined = ({ group, came }) => html`<li>
  <a href=${`/groups/${group.label}?view=review&new=1`} aria-label=${t.newsCheck(group.name)}>
    <span class="pick-picture"><${Thumb} image=${{ id: group.medoid }} size=${44} /></span>
    <span class="grow ellipsis" title=${group.name}>${group.name}</span><span class="muted small-text number">${t.newsJoinedCount(came)}</span></a>
</li>`;
