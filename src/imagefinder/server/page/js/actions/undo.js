// The way back from what was done: a message with "Undo", and the list of all of it.
import { api } from "../api.js";
import { toast, toastError } from "../components/toast.js";
import { texts } from "../texts.js";
import { forgetMarks } from "./marked.js";

/** Says what was done; with changes that the server can take back, it offers that. @param {string} text @param {string[]} [changes] */
export function told(text, changes = []) {
  const ids = changes.filter(Boolean);
  toast(text, ids.length ? { action: { label: texts.common.undo, run: () => undo(ids).catch(toastError) } } : {});
}

/** Takes back changes, the last one first. */
export async function undo(ids) {
  let n = 0;
  let job = null;
  for (const id of [...ids].reverse()) {
    const done = await api.post(`/history/${id}/undo`);
    n += done.changed;
    job ??= done.job;
  }
  forgetMarks();
  toast(job && !n ? texts.actions.comingBack : texts.actions.undone(n));
}
