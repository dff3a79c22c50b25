// What can be done with images that were chosen: each asks what it must, does it, and offers the way back.
// All return whether something was done.
import { html } from "../../vendor/preact.js";
import { api } from "../api.js";
import { askForTags } from "../browse/tag_dialog.js";
import { confirm, openDialog } from "../components/dialog.js";
import { toast } from "../components/toast.js";
import { downloadCsv } from "../csv.js";
import { number } from "../format.js";
import { askWhereTo } from "../groups/changes.js";
import { reloadGroups } from "../groups/store.js";
import { pickFolder } from "../library/folder_picker.js";
import { searchHref } from "../searching.js";
import { navigate } from "../state.js";
import { table } from "../table.js";
import { texts } from "../texts.js";
import { forAll } from "./calls.js";
import { Pick } from "./pick.js";
import { told } from "./undo.js";

export const MOST_PARTS = 50; // images that one search adds up: as many as the server takes, and as an address has room for
const WAIT_MS = 500; // between two looks at a job
const EXPORTED = "id,uri,folder,width,height,bytes,format,mtime,taken_at,caption,tags,favorite,rating,albums,colours,cluster,cluster_name,issues".split(",");
const EXPORTED_AT_ONCE = 2000; // images, of which an answer has some 500 bytes each
const words = texts.actions;

/** Asks for tags to give and to take away. */
export async function tag(ids) {
  const wanted = await askForTags(ids);
  if (!wanted || wanted.add.length + wanted.remove.length === 0) return false;
  const { n, changes } = await forAll("/images/tags", ids, wanted);
  told(n ? words.tagged(n) : words.nothing, changes);
  return n > 0;
}

/** Asks for an album, which may be new. */
export async function album(ids) {
  const { albums } = await api.get("/albums");
  const list = albums.map((one) => ({ name: one.name, note: number(one.images) }));
  const chosen = await openDialog(words.albumTitle(ids.length), (close) => html`<${Pick} label=${words.albumFind} list=${list} fresh=${words.albumNew} none=${words.albumNone} close=${close} />`);
  if (!chosen) return false;
  const { n, changes } = await forAll("/albums", ids, { name: chosen.name });
  told(n ? words.albumAdded(n, chosen.name) : words.nothing, changes);
  return true;
}

export async function outOfAlbum(ids, name) {
  const { n, changes } = await forAll("/albums/remove", ids, { name });
  told(words.albumRemoved(n, name), changes);
  return n > 0;
}

export async function albumFirst(ids, name) {
  const { changed, history } = await api.put("/albums/order", { name, ids });
  told(changed ? words.albumArranged(ids.length) : words.nothing, [history]);
}

/** Asks for a group, which may be new. @param {number | null} [but] a group that is left out of the list */
export async function group(ids, but = null) {
  const groups = await reloadGroups();
  return Boolean(groups && (await askWhereTo(ids, groups.clusters, but)));
}

/** As many of the images as a search takes, evenly spread. */
export function someOf(ids, most = MOST_PARTS) {
  const n = Math.min(most, ids.length);
  return Array.from({ length: n }, (_, i) => ids[Math.floor((i * ids.length) / n)]);
}

/** A search by these, or by some of them. */
export const similar = (ids) => navigate(searchHref({ id: someOf(ids) }));

export async function csv(ids) {
  const columns = table(Object.fromEntries(EXPORTED.map((name) => [name, []])));
  for (let i = 0; i < ids.length; i += EXPORTED_AT_ONCE) {
    const part = await api.post("/images/columns", { ids: ids.slice(i, i + EXPORTED_AT_ONCE), fields: EXPORTED });
    for (const name of EXPORTED) for (const value of part.columns[name]) columns[name].push(value);
  }
  downloadCsv("images.csv", columns);
}

/** The originals as one file. The browser keeps what comes on its disk, and the server makes it as it is sent. */
export async function zip(ids) {
  const blob = await api.post("/images/zip", { ids }, { as: "blob" });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = "images.zip";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  told(words.zipped(ids.length));
}

/** Copies or moves the files into a folder of this machine, as a job. @param {"copy" | "move"} what */
export async function place(ids, what) {
  const moving = what === "move";
  const folder = await pickFolder(moving ? words.moveTitle(ids.length) : words.copyTitle(ids.length), moving ? words.moveHere : words.copyHere);
  if (!folder) return false;
  let { job } = await api.post(`/images/${what}`, { ids, folder });
  while (job.state === "queued" || job.state === "running") {
    await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
    job = await api.get(`/jobs/${job.id}`);
  }
  if (job.state !== "done") throw Object.assign(new Error(job.error?.message ?? job.state), { remedy: job.error?.remedy });
  const { files, skipped, history } = job.result;
  told((moving ? words.moved : words.copied)(files, folder) + (skipped ? words.leftOut(skipped) : ""), [history]);
  return moving && files > 0;
}

export const reveal = (id) => api.post(`/images/${id}/reveal`);

export async function takeOut(ids) {
  const sure = await confirm({ title: words.takeOutTitle(ids.length), text: words.takeOutText, action: words.takeOutAction, danger: true });
  if (!sure) return false;
  const { n, changes } = await forAll("/images/delete", ids, {}, "removed");
  told(words.takenOut(n), changes);
  return true;
}

export async function trash(ids) {
  const sure = await confirm({ title: words.trashTitle(ids.length), text: words.trashText, action: words.trashAction, danger: true });
  if (!sure) return false;
  const { files, left, history } = await api.post("/images/trash", { ids });
  if (files.length) told(words.trashed(files.length), [history]);
  if (left.length) toast(words.trashLeft(left.length, left[0].reason), { kind: "error" });
  return files.length > 0;
}
