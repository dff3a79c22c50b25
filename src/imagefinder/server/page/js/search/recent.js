// The searches of late, kept in this browser: in words or by images of the index, not by pictures that were sent.
import { useEffect } from "../../vendor/preact.js";
import { pictureParams, searchHref } from "../searching.js";
import { keptStore } from "../store.js";

const MOST = 12;
const RESTING_MS = 1500; // a search that is looked at for that long; before, it is still being put together

/** @type {ReturnType<typeof keptStore<{q: string, id: string[]}[]>>} the latest first */
export const recent = keptStore("recent-searches", []);

const keyOf = ({ q, id }) => JSON.stringify([q, id.map((one) => one.split("*")[0])]);

/** Keeps the search once it rests. @param {import("../searching.js").Search} search */
export function useRecent(search) {
  const one = { q: search.words, id: pictureParams(search.pictures).id };
  const there = (one.q || one.id.length) && !search.upload;
  useEffect(() => {
    if (!there) return;
    const timer = setTimeout(() => recent.set((all) => [one, ...all.filter((other) => keyOf(other) !== keyOf(one))].slice(0, MOST)), RESTING_MS);
    return () => clearTimeout(timer);
  }, [there && JSON.stringify(one)]);
}

export const recentHref = ({ q, id }) => searchHref({ q, id });

/** Those with a word that begins with the text. */
export function recentLike(all, text) {
  const wanted = text.toLowerCase();
  return all.filter(({ q }) => !wanted || (q !== text && (` ${q.toLowerCase()}`.includes(` ${wanted}`) || (wanted.length > 1 && q.toLowerCase().includes(wanted)))));
}
