// What the text in the search box may become, as rows of its list: each has a kind, a text, and what choosing it does.
import { api, useRequest } from "../api.js";
import { imageHref, navigate, withParams } from "../state.js";
import { searchHref } from "../searching.js";
import { useStore } from "../store.js";
import { texts } from "../texts.js";
import { joinFilter, oneOf, splitFilter } from "./filters.js";
import { recent, recentHref, recentLike } from "./recent.js";
import { openSaved } from "./saved.js";

const SHORTEST = 2; // letters, below which names of files say nothing
const FEW = 4;

/** @typedef {{key: string, kind: string, text: string, note?: string, icon?: string, image?: object, choose: () => void}} Row */

/**
 * @param {{text: string, open: boolean, chips: object[], search: object, add: (text: string) => void}} box
 * @returns {Row[]}
 */
export function useSuggestions({ text, open, chips, search, add }) {
  const wanted = text.trim();
  const former = useStore(recent);
  const { data, current } = useRequest(open ? `suggest ${wanted}` : null, (signal) => api.get("/suggest", { text: wanted.slice(0, 200), k: FEW }, { signal }));
  const found = data && (current || wanted) ? data : null;
  const filtered = (field, value) => () => navigate(narrowed(chips.length > 0, search, oneOf(field, [value])));
  const row = (kind, key, said, more) => ({ kind, key: `${kind} ${key}`, text: said, ...more });
  const recents = recentLike(former, wanted).filter((one) => one.q !== search.words || wanted);
  return [
    ...(wanted && chips.length > 0 ? [row("more", "", texts.search.moreOf(wanted), { icon: "plus", choose: () => add(wanted) }), row("less", "", texts.search.lessOf(wanted), { icon: "minus", choose: () => add(lessOf(wanted)) })] : []),
    ...(found?.concepts ?? []).map(({ name }) => row("saved", name, name, { icon: "sparkle", choose: () => openSaved(name) })),
    ...recents.slice(0, wanted ? 2 : 6).map((one) => row("recent", JSON.stringify(one), one.q || texts.search.pictures(one.id.length), { icon: "clock", image: one.id[0] && { id: one.id[0].split("*")[0] }, choose: () => navigate(recentHref(one)) })),
    ...(found?.tags ?? []).map(({ value, count }) => row("tag", value, value, { icon: "tag", note: texts.search.images(count), choose: filtered("tags", value) })),
    ...(found?.clusters ?? []).map(({ value, name, count }) => row("group", value, name, { icon: "groups", note: texts.search.images(count), choose: filtered("cluster", value) })),
    ...(found?.folders ?? []).map(({ value, count }) => row("folder", value, value, { icon: "folder", note: texts.search.images(count), choose: filtered("folder", value) })),
    ...(wanted.length >= SHORTEST ? (found?.files ?? []) : []).map((file) => row("file", file.id, file.name, { image: file, note: file.folder, choose: () => navigate(imageHref(file.id)) })),
    ...(!wanted && recents.length > 0 ? [row("forget", "", texts.search.forgetRecent, { icon: "close", stays: true, choose: () => recent.set([]) })] : []),
  ];
}

const lessOf = (text) => (/^[-\u2212]/.test(text) ? text : `- 0.5:${/\s/.test(text) && !text.includes('"') ? `"${text}"` : text}`);

/** The URL with a filter more; words that stand as chips stay, and a text that was typed over is gone. */
function narrowed(keeps, search, clause) {
  const filter = joinFilter([...splitFilter(search.filter), clause]);
  return keeps ? withParams({ filter, image: null }) : searchHref({ filter });
}
