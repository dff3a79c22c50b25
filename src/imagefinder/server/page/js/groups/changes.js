// What people do with groups: each asks what it must, does it on the server, and can be taken back.
import { html } from "../../vendor/preact.js";
import { api } from "../api.js";
import { openDialog } from "../components/dialog.js";
import { texts } from "../texts.js";
import { MergeForm, MoveForm, SplitForm } from "./dialogs.js";
import { change, showGroup } from "./store.js";

const t = texts.groups;

/** Changes a name or a lock; it is shown at once, and as it was again if the server refuses. */
async function patch(group, body, expected) {
  showGroup({ ...group, ...expected });
  try {
    const made = await api.patch(`/clusters/${group.label}`, body);
    showGroup(made);
    return made;
  } catch (error) {
    showGroup(group);
    throw error;
  }
}

export const rename = (group, name) =>
  change(t.doing.rename, () => patch(group, { name }, { name, named: true, sure: null }), () => t.renamed(group.name, name));

export const setLocked = (group, locked) =>
  change(
    locked ? t.doing.lock : t.doing.unlock,
    () => patch(group, { locked }, { locked }),
    () => (locked ? t.lockedNow(group.name) : t.unlockedNow(group.name)),
  );

/** Shows what merging would make; the first of `groups` gives the name unless another is chosen. */
export async function merge(groups) {
  const order = await openDialog(t.mergeTitle, (close) => html`<${MergeForm} ...${{ groups, close }} />`);
  if (!order) return null;
  return change(t.doing.merge, () => api.post("/clusters/merge", { clusters: order }), (made) => t.merged(groups.length, made.name));
}

export const split = (group) =>
  openDialog(t.splitTitle(group.name), (close) => html`<${SplitForm} ...${{ group, close }} />`, { wide: true });

export const moveTo = (ids, group) =>
  change(t.moving(group.name), () => api.post(`/clusters/${group.label}/images`, { ids }), () => t.moved(ids.length, group.name));

/** Makes a group of images; without a name the server finds one. */
const create = (ids, name) =>
  change(t.doing.create, () => api.post("/clusters", { ids, name: name || null }), (made) => t.created(ids.length, made.name));

/** Asks for a group out of `groups`, without the one labelled `but`. */
const pick = (title, groups, but, options) =>
  openDialog(title, (close) => html`<${MoveForm} groups=${groups.filter((one) => one.label !== but)} ...${options} close=${close} />`);

/** Asks where to: gives an old group, or the `{ name }` of a new one. `from` is left out of the list. */
export const pickPlace = (ids, groups, from) => pick(t.moveTitle(ids.length), groups, from, { canMake: true });

/** The same, then moves. */
export async function askWhereTo(ids, groups, from) {
  const found = await pickPlace(ids, groups, from);
  if (!found) return null;
  return "label" in found ? moveTo(ids, found) : create(ids, found.name);
}

/** Asks for another group, then merges the two. */
export async function askWhatToMerge(group, groups) {
  const other = await pick(t.mergeWith(group.name), groups, group.label);
  return other ? merge([group, other]) : null;
}
