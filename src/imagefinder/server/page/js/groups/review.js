// The members of a group that are most in doubt, one at a time, answered by one key each.
import { html, useEffect, useRef, useState } from "../../vendor/preact.js";
import { api, useRequest } from "../api.js";
import { Empty, ErrorBox, Skeleton } from "../components/empty.js";
import { Icon } from "../components/icon.js";
import { Thumb } from "../components/thumb.js";
import { toastError } from "../components/toast.js";
import { isTyping } from "../keys.js";
import { imageHref } from "../state.js";
import { texts } from "../texts.js";
import { pickPlace } from "./changes.js";
import { asked, reloadGroups } from "./store.js";
import { groupHref } from "./words.js";

const t = texts.groups;
const AT_ONCE = 30;

/** @param {{data: object, group: object, onlyNew: boolean}} props */
export function Review({ data, group, onlyNew }) {
  const [turn, setTurn] = useState(0);
  const { data: found, error, reload, current } = useRequest(`${group.label} ${onlyNew} ${turn}`, (signal) =>
    api.get(`/clusters/${group.label}/borderline`, { k: AT_ONCE, new: onlyNew || null }, { signal }));
  useEffect(() => {
    document.title = t.reviewDocument(group.name);
    return () => (document.title = t.documentTitle);
  }, [group.name]);
  return html`<div class="page narrow-wide stack review" data-testid="review">
    <a class="back small-text" href=${groupHref(group.label)}><${Icon} name="left" />${t.reviewBack(group.name)}</a>
    ${error && html`<h1 class="visually-hidden">${t.reviewTitle(group.name)}</h1><${ErrorBox} error=${error} retry=${reload} />`}
    ${!error && !(found && current) && html`<h1>${t.reviewTitle(group.name)}</h1><${Skeleton} boxes=${3} height="240px" />`}
    ${found && current && html`<${Questions} key=${turn} ...${{ data, group, doubts: found.images }} again=${() => setTurn((n) => n + 1)} />`}
  </div>`;
}

/** One answer after the other goes to the server while the next picture is already shown. */
function useAnswers() {
  const queue = useRef(Promise.resolve());
  const send = (call) => {
    const sent = queue.current.then(() => asked(call));
    queue.current = sent.then(reloadGroups, reloadGroups);
    return sent;
  };
  return send;
}

function Questions({ data, group, doubts, again }) {
  const [answers, setAnswers] = useState([]); // of the pictures so far: "yes", "no" or "skip"
  const send = useAnswers();
  const heading = useRef(null);
  const doubt = doubts[answers.length];
  const byLabel = (label) => data.clusters.find((one) => one.label === label);
  const other = doubt && doubt.others.map(byLabel).find(Boolean);
  useEffect(() => heading.current?.focus(), [!doubt]);

  const answer = (what, call) => {
    const before = answers;
    setAnswers([...answers, what]);
    if (call) send(call).catch((error) => (toastError(error), setAnswers(before)));
  };
  const put = (target) => api.post(`/clusters/${target.label}/images`, { ids: [doubt.id] });
  const acts = {
    y: () => answer("yes", () => put(group)),
    n: () => other && answer("no", () => put(other)),
    w: async () => {
      const found = await pickPlace([doubt.id], data.clusters, group.label);
      if (found) answer("no", () => ("label" in found ? put(found) : api.post("/clusters", { ids: [doubt.id], name: found.name || null })));
    },
    s: () => answer("skip"),
    u: () => {
      if (!answers.length) return;
      if (answers.at(-1) !== "skip") send(() => api.post("/clusters/undo")).catch(toastError);
      setAnswers(answers.slice(0, -1));
    },
  };
  useKeys(doubt ? acts : { u: acts.u });
  const count = (what) => answers.filter((one) => one === what).length;
  if (!doubt) {
    const none = !doubts.length;
    return html`<h1 ref=${heading} tabindex="-1" class="visually-hidden">${t.reviewTitle(group.name)}</h1>
      <${Empty} icon="check" title=${none ? t.reviewNone : t.reviewDone} text=${none ? t.reviewNoneText : t.reviewDoneText(count("yes"), count("no"))}>
        ${answers.length > 0 && html`<button class="button" onClick=${acts.u}><${Icon} name="undo" />${t.reviewUndo}<kbd>u</kbd></button>`}
        ${doubts.length === AT_ONCE && html`<button class="button" onClick=${again}>${t.reviewAgain}</button>`}
        <a class="button primary" href=${groupHref(group.label)}>${t.reviewBack(group.name)}</a><//>`;
  }
  return html`<header class="spread wrap">
      <div class="stack tight"><h1 ref=${heading} tabindex="-1">${t.reviewTitle(group.name)}</h1><p class="muted small-text">${t.reviewHow}</p></div>
      <p class="number muted" role="status">${t.reviewOf(answers.length + 1, doubts.length)}</p>
    </header>
    <div class="review-main">
      <a class="review-picture" href=${imageHref(doubt.id)} aria-label=${t.reviewPicture} data-id=${doubt.id}><${Thumb} key=${doubt.id} image=${{ id: doubt.id }} size=${512} /></a>
      <div class="stack">
        <${Sample} title=${t.reviewHere(group.name)} group=${group} />
        ${other && html`<${Sample} title=${t.reviewThere(other.name)} group=${other} />`}
      </div>
    </div>
    <div class="row wrap review-answers" role="group" aria-label=${t.reviewTitle(group.name)}>
      <button class="button primary" aria-keyshortcuts="y" onClick=${acts.y}>${t.reviewYes}<kbd>y</kbd></button>
      ${other && html`<button class="button" aria-keyshortcuts="n" onClick=${acts.n}>${t.reviewNo(other.name)}<kbd>n</kbd></button>`}
      <button class="button" aria-keyshortcuts="w" onClick=${acts.w}>${t.reviewWhere}<kbd>w</kbd></button>
      <button class="button quiet" aria-keyshortcuts="s" onClick=${acts.s}>${t.reviewSkip}<kbd>s</kbd></button>
      <button class="button quiet" aria-keyshortcuts="u" disabled=${!answers.length} onClick=${acts.u}><${Icon} name="undo" />${t.reviewUndo}<kbd>u</kbd></button>
    </div>`;
}

function useKeys(acts) {
  const now = useRef(acts);
  now.current = acts;
  useEffect(() => {
    const keys = (event) => {
      if (isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
      const act = Object.hasOwn(now.current, event.key) && now.current[event.key];
      if (!act) return;
      event.preventDefault();
      act();
    };
    addEventListener("keydown", keys);
    return () => removeEventListener("keydown", keys);
  }, []);
}

const Sample = ({ title, group }) => html`<section aria-label=${title}><h2 class="small-text muted ellipsis" title=${title}>${title}</h2>
  <ul class="strip">${group.representatives.slice(0, 6).map((id) => html`<li key=${id}><span><${Thumb} image=${{ id }} size=${110} /></span></li>`)}</ul></section>`;
