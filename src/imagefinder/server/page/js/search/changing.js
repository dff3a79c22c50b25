// Tagging and removing images, one or many.
import { api } from "../api.js";
import { ask, confirm } from "../components/dialog.js";
import { toast } from "../components/toast.js";
import { count } from "../format.js";

const AT_ONCE = 1000; // ids in one call

/** Asks for tags; "-old" takes one away. */
export async function askToTag(ids) {
  const text = await ask({
    title: `Tag ${count(ids.length, "image")}`,
    label: "Tags, with commas between them",
    hint: "A minus before a tag takes it away.",
    action: "Tag",
  });
  const words = (text ?? "").split(",").map((word) => word.trim()).filter((word) => word && word !== "-");
  if (!words.length) return;
  const add = words.filter((word) => !word.startsWith("-"));
  const remove = words.filter((word) => word.startsWith("-")).map((word) => word.slice(1).trim());
  let changed = 0;
  for (let i = 0; i < ids.length; i += AT_ONCE) changed += (await api.post("/images/tags", { ids: ids.slice(i, i + AT_ONCE), add, remove })).changed;
  toast(`${count(changed, "image")} changed`);
}

/** @returns {Promise<boolean>} whether they are gone */
export async function askToRemove(ids) {
  const sure = await confirm({
    title: `Remove ${count(ids.length, "image")} from the index?`,
    text: "What is removed is no longer found here. Files stay where they are, and indexing their folder again brings them back; only pictures that were uploaded on this page are deleted for good.",
    action: "Remove",
    danger: true,
  });
  if (!sure) return false;
  let removed = 0;
  for (let i = 0; i < ids.length; i += AT_ONCE) removed += (await api.post("/images/delete", { ids: ids.slice(i, i + AT_ONCE) })).removed;
  toast(`${count(removed, "image")} removed from the index`);
  return true;
}
