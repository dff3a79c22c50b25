// What the index is (`GET /v1/index`), for every view: `const { info, error } = useIndex()`.
import { useEffect } from "../vendor/preact.js";
import { api, useRequest } from "./api.js";
import { onChanged, onEvent } from "./events.js";
import { store, useStore } from "./store.js";
import { texts } from "./texts.js";

const state = store({ info: null, error: null });
export const useIndex = () => useStore(state);

export async function reloadIndex() {
  try {
    state.set({ info: await api.get("/index"), error: null });
  } catch (error) {
    state.set((former) => ({ info: former.info, error }));
  }
}

export function watchIndex() {
  reloadIndex();
  onChanged(["images", "duplicates"], reloadIndex);
  onChanged(["clusters"], () => state.get().info?.clustered || reloadIndex()); // a correction changes nothing in it
  onEvent("connected", reloadIndex);
}

/** Why nothing can be changed here, as the begin of a sentence; null where it can. */
export const fixed = (info) => (!info?.read_only ? null : info.scope === "read" ? texts.library.onlyYou : texts.library.onlyShows);

/** How many images a filter lets through, kept up to date; null while that is not known, or without a filter. */
export function useCount(filter) {
  const { data, reload, current } = useRequest(filter ? `count ${filter}` : null, (signal) => api.get("/images", { filter, k: 1 }, { signal }));
  useEffect(() => onChanged(["images", "clusters"], reload), []);
  return current ? (data?.total ?? null) : null;
}
