// Decisions about groups: each leaves the list at once, is told to the server, and can be taken back.
import { api } from "../api.js";
import { toast, toastError } from "../components/toast.js";
import { store } from "../store.js";
import { texts } from "../texts.js";
import { bytes } from "../units.js";
import { bytesOf, filesOf, imagesOf, keyOf } from "./report.js";
import { table } from "../table.js";

const said = texts.duplicates;

/** Keys of groups, and of members as `KEY/ID`, that are decided while the report on the screen still has them. */
export const settled = store(new Set());
/** What can be taken back, the latest last: `{words, keys, trash, run, untold}`. */
export const history = store([]);

const settle = (keys) => settled.set((all) => new Set([...all, ...keys]));
const unsettle = (keys) => settled.set((all) => new Set([...all].filter((key) => !keys.includes(key))));

let telling = Promise.resolve(); // the decision that is on its way to the server

const act = (keys, call, entry) => (telling = tell(keys, call, entry));

async function tell(keys, call, entry) {
  settle(keys);
  try {
    const answer = await call();
    const done = { ...entry(answer), keys };
    history.set((all) => [...all, done]);
    done.untold = toast(done.words, { action: { label: texts.common.undo, run: () => takeBack(done) } });
    return answer;
  } catch (error) {
    unsettle(keys);
    toastError(error);
    return null;
  }
}

const WORDS = table({ "keep-both": said.kept, "not-duplicate": said.different });

/**
 * @param {object} group
 * @param {"keep-both" | "not-duplicate"} decision
 * @param {object} [member] only this one against the one to keep, instead of all against each other
 */
export function decide(group, decision, member) {
  const images = member ? [group.keep, member] : imagesOf(group);
  const only = member && group.members.length > 1;
  const keys = [only ? `${keyOf(group)}/${member.id}` : keyOf(group)];
  const call = () => api.post("/duplicates/decisions", { ids: images.map((one) => one.id), decision });
  return act(keys, call, () => ({ words: WORDS[decision](images.length), run: () => forget(images) }));
}

/** Takes back what was decided of every pair. Files of one content are one to the server. */
async function forget(images) {
  const done = new Set();
  for (let i = 0; i < images.length; i++) {
    for (const other of images.slice(i + 1)) {
      const pair = [images[i].content_hash, other.content_hash].sort().join();
      if (!done.has(pair)) await api.delete("/duplicates/decisions", { ids: [images[i].id, other.id] });
      done.add(pair);
    }
  }
}

/** Moves files to the trash. @param {{group: object, keep: object, remove: object[]}[]} plan */
export async function trash(plan) {
  const whole = plan.filter(({ group, remove }) => remove.length === group.members.length);
  const parts = plan.filter((one) => !whole.includes(one));
  const keys = [...whole.map(({ group }) => keyOf(group)), ...parts.flatMap(({ group, remove }) => remove.map((one) => `${keyOf(group)}/${one.id}`))];
  const gone = plan.flatMap(({ remove }) => remove);
  const groups = plan.map(({ keep, remove }) => ({ keep: keep.id, remove: remove.map((one) => one.id) }));
  const answer = await act(keys, () => api.post("/duplicates/trash", { groups }), ({ moved, journal }) => ({
    words: said.moved(moved.length, moved.length === filesOf(gone).length ? bytes(bytesOf(gone)) : ""),
    trash: true,
    run: () => api.post("/duplicates/undo", { journal }),
  }));
  if (answer?.left.length) {
    unsettle(keys);
    const [first] = answer.left;
    toast(said.stayed(answer.left.length, first.reason), { kind: "error", remedy: first.remedy || first.uri });
  }
  return answer;
}

/** Takes one decision back; files come back from the trash in the order they went there. */
export async function takeBack(entry) {
  const all = history.get();
  if (!all.includes(entry)) return;
  if (entry.trash && all.slice(all.indexOf(entry) + 1).some((later) => later.trash)) {
    return toast(said.laterTrash, { kind: "error", remedy: said.laterTrashRemedy });
  }
  try {
    await entry.run();
    history.set((now) => now.filter((one) => one !== entry));
    unsettle(entry.keys);
    entry.untold();
    toast(said.undone(entry.words));
  } catch (error) {
    toastError(error);
  }
}

export async function takeLastBack() {
  await telling;
  if (history.get().length) await takeBack(history.get().at(-1));
}

/** What went to the trash last, whenever that was. */
export async function restoreTrash() {
  const last = history.get().filter((one) => one.trash).at(-1);
  if (last) return takeBack(last);
  try {
    const { restored } = await api.post("/duplicates/undo");
    toast(said.restored(restored));
  } catch (error) {
    toastError(error);
  }
}
