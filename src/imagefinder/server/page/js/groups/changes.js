// What people do with groups: each asks what it must, does it on the server, and can be taken back.
import { html } from "../../vendor/preact.js";
import { api } from "../api.js";
import { openDialog } from "../components/dialog.js";
import { count } from "../format.js";
import { MergeForm, MoveForm, SplitForm } from "./dialogs.js";
import { change, showGroup } from "./store.js";

/** Changes a name or a lock. */
async function patch(group, body) {
  const made = await api.patch(`/clusters/${group.label}`, body);
  showGroup(made);
  return made;
}

export const rename = (group, name) =>
  change("Renaming", () => patch(group, { name }), () => `“${group.name}” is now called “${name}”`);

export const setLocked = (group, locked) =>
  change(
    locked ? "Locking" : "Unlocking",
    () => patch(group, { locked }),
    () => (locked ? `“${group.name}” keeps its images when you group again` : `“${group.name}” is no longer locked`),
  );

/** Shows what merging would make; the first of `groups` gives the name unless another is chosen. */
export async function merge(groups) {
  const order = await openDialog("Merge groups", (close) => html`<${MergeForm} ...${{ groups, close }} />`);
  if (!order) return null;
  return change(
    "Merging",
    () => api.post("/clusters/merge", { clusters: order }),
    (made) => `${count(groups.length, "group")} are now one: “${made.name}”`,
  );
}

export const split = (group) =>
  openDialog(`Split “${group.name}”`, (close) => html`<${SplitForm} ...${{ group, close }} />`, { wide: true });

export const moveTo = (ids, group) =>
  change(
    `Moving to “${group.name}”`,
    () => api.post(`/clusters/${group.label}/images`, { ids }),
    () => `${count(ids.length, "image")} moved to “${group.name}”`,
  );

/** Asks for a group out of `groups`, without the one labelled `but`. */
const pick = (title, groups, but) =>
  openDialog(title, (close) => html`<${MoveForm} groups=${groups.filter((one) => one.label !== but)} close=${close} />`);

/** Asks for another group, then merges the two. */
export async function askWhatToMerge(group, groups) {
  const other = await pick(`Merge “${group.name}” with`, groups, group.label);
  return other ? merge([group, other]) : null;
}
