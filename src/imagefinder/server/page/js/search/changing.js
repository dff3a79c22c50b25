// Tagging and removing images, one or many.
import { api } from "../api.js";
import { askForTags } from "../browse/tag_dialog.js";
import { confirm } from "../components/dialog.js";
import { toast } from "../components/toast.js";
import { texts } from "../texts.js";

const AT_ONCE = 1000; // ids in one call

/** Asks which tags images get and lose. */
export async function askToTag(ids) {
  const wanted = await askForTags(ids);
  if (!wanted || wanted.add.length + wanted.remove.length === 0) return;
  let changed = 0;
  for (let i = 0; i < ids.length; i += AT_ONCE) changed += (await api.post("/images/tags", { ids: ids.slice(i, i + AT_ONCE), ...wanted })).changed;
  toast(texts.filters.changedTags(changed));
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
