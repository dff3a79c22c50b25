// The groups in force, shared by the parts of the view, and changes to them that can be taken back.
import { api } from "../api.js";
import { toast, toastError } from "../components/toast.js";
import { onChanged, onEvent } from "../events.js";
import { useIndex } from "../library_info.js";
import { store, useStore } from "../store.js";
import { texts } from "../texts.js";
import { useEffect } from "../../vendor/preact.js";

/** `data` is the answer of `GET /v1/clusters`; null without an `error` while nothing is grouped. */
const state = store({ data: null, error: null, loaded: false });
const t = texts.groups;
const NONE = { data: null, error: null, loaded: true };
const LATE_MS = 500;
let offered = () => {}; // takes away the last message that offers to undo
let mine = 0; // changes made here whose event is still to come: what they did is read when they are answered

export async function reloadGroups() {
  try {
    state.set({ data: await api.get("/clusters"), error: null, loaded: true });
  } catch (error) {
    const none = error.code === "not-found";
    state.set((former) => ({ data: none ? null : former.data, error: none ? null : error, loaded: true }));
  }
  return state.get().data;
}

/** @returns {{data: any, error: import("../api.js").ApiError | null, loaded: boolean}} kept up to date while it is used */
export function useGroups() {
  const { info } = useIndex();
  const groups = useStore(state);
  const none = info?.clustered === false;
  useEffect(() => {
    if (!info || none) return;
    const start = () => ((mine = 0), reloadGroups());
    start();
    const stops = [
      onChanged(["images"], reloadGroups),
      onChanged(["clusters"], () => (mine ? mine-- : reloadGroups())),
      onEvent("connected", start),
    ];
    return () => stops.forEach((stop) => stop());
  }, [Boolean(info), none]);
  return none ? NONE : groups;
}

/** Shows at once what a renamed or locked group is like; `reloadGroups` brings the rest. */
export function showGroup({ label, name, named, locked, sure }) {
  const shown = (one) => (one.label === label ? { ...one, name, named, locked, sure } : one);
  state.set((former) => ({ ...former, data: former.data && { ...former.data, clusters: former.data.clusters.map(shown) } }));
}

/** Asks the server for a change of the groups; what it did is to be read afterwards. */
export async function asked(call) {
  mine++;
  try {
    return await call();
  } catch (error) {
    mine = Math.max(0, mine - 1);
    throw error;
  }
}

/**
 * Makes one change, shows what came of it, and offers to take it back.
 *
 * @param {string} doing what is being done, in words: shown when it takes a while
 * @param {() => Promise<any>} call
 * @param {(made: any) => string} said what was done, in words
 * @returns {Promise<any>} the answer, or null when it was refused, which is then shown
 */
export async function change(doing, call, said) {
  let finished = () => {};
  const late = setTimeout(() => (finished = toast(t.doingLate(doing))), LATE_MS);
  try {
    const made = await asked(call);
    const run = (await reloadGroups())?.run;
    if (made === null) return null; // somebody stopped it
    offered = toast(said(made), { action: { label: t.undo, run: () => undo(run) } });
    return made;
  } catch (error) {
    toastError(error);
    return null;
  } finally {
    clearTimeout(late);
    finished();
  }
}

/** Takes the last change back. With `run` only if that is still the last one. */
export async function undo(run) {
  const { data } = state.get();
  if (run && data?.run !== run) {
    return toast(t.changedSince, { kind: "error", remedy: t.changedSinceHow });
  }
  try {
    const before = data.done;
    state.set({ data: await asked(() => api.post("/clusters/undo")), error: null, loaded: true });
    offered();
    toast(t.undone(doneWords(before)));
  } catch (error) {
    toastError(error);
  }
}

/** What the last change did, as the server notes it ("cluster" is a whole run). */
export const doneWords = (done) => ({ cluster: t.lastGrouping, "take in what came": t.takenInShort })[done] ?? done;
