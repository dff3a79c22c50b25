// Tagging and removing images, one or many.
import { api } from "../api.js";
import { ask, confirm } from "../components/dialog.js";
import { toast } from "../components/toast.js";
import { texts } from "../texts.js";

const AT_ONCE = 1000; // ids in one call

/** Asks for tags; "-old" takes one away. */
export async function askToTag(ids) {
  const text = await ask({
    title: texts.search.tagTitle(ids.length),
    label: texts.search.tags,
    hint: texts.search.tagHint,
    action: texts.search.tag,
  });
  const words = (text ?? "").split(",").map((word) => word.trim()).filter((word) => word && word !== "-");
  if (!words.length) return;
  const add = words.filter((word) => !word.startsWith("-"));
  const remove = words.filter((word) => word.startsWith("-")).map((word) => word.slice(1).trim());
  let changed = 0;
  for (let i = 0; i < ids.length; i += AT_ONCE) changed += (await api.post("/images/tags", { ids: ids.slice(i, i + AT_ONCE), add, remove })).changed;
  toast(texts.search.changed(changed));
}

/** @returns {Promise<boolean>} whether they are gone */
export async function askToRemove(ids) {
  const sure = await confirm({
    title: texts.search.removeTitle(ids.length),
    text: texts.search.removeText,
    action: texts.search.remove,
    danger: true,
  });
  if (!sure) return false;
  let removed = 0;
  for (let i = 0; i < ids.length; i += AT_ONCE) removed += (await api.post("/images/delete", { ids: ids.slice(i, i + AT_ONCE) })).removed;
  toast(texts.search.removed(removed));
  return true;
}
