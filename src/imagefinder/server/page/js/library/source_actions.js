// What can be done with a source: rename, pause, resume, take out, and say where it is now.
import { html } from "../../vendor/preact.js";
import { api } from "../api.js";
import { ask, confirm, openDialog } from "../components/dialog.js";
import { toast, toastError } from "../components/toast.js";
import { cancelJob, startJob } from "../jobs.js";
import { reloadIndex } from "../library_info.js";
import { texts } from "../texts.js";
import { indexSources } from "./adding.js";
import { pickFolder } from "./folder_picker.js";

/** @returns {Promise<object | null>} the answer; null where it was refused, which is shown */
async function change(path, body, said, action) {
  try {
    const answer = await api.post(path, body);
    toast(said(answer), { action });
    await reloadIndex();
    return answer;
  } catch (error) {
    toastError(error);
    return null;
  }
}

/** Pausing also stops a run that reads this source alone; resuming goes on with it. @param {object[]} jobs what runs */
export async function pauseSource({ uri }, paused, jobs) {
  const mine = jobs.filter((job) => job.options.sources?.length === 1 && job.options.sources[0] === uri);
  const said = () => (paused ? texts.library.pausedNow : texts.library.resumedNow);
  const done = await change(`/sources/${paused ? "pause" : "resume"}`, { source: uri }, said);
  if (done && paused) for (const job of mine) await cancelJob(job);
  if (done && !paused) await indexSources([uri]);
}

export async function renameSource({ uri }, name) {
  const label = await ask({ title: texts.library.renameTitle, label: texts.library.name, value: name, hint: texts.library.renameHint });
  if (label !== null && label !== name) await change("/sources/rename", { source: uri, label: label === uri ? "" : label }, () => texts.library.renamed);
}

/** Asks whether its pictures stay. */
export async function forgetSource(source, name) {
  const images = source.images ?? 0;
  const remove = await openDialog(
    texts.library.forgetTitle,
    (close) => html`<p class="break"><strong>${name}</strong></p>
      <p>${texts.library.forgetText(images)}</p>
      <footer class="dialog-buttons">
        <button class="button" autofocus onClick=${() => close(null)}>${texts.library.cancel}</button>
        ${images > 0 && html`<button class="button" onClick=${() => close(false)} data-testid="forget-keep">${texts.library.forgetKeep}</button>`}
        <button class="button danger" onClick=${() => close(true)} data-testid="forget-remove">${texts.library.forgetRemove(images)}</button>
      </footer>`,
  );
  if (remove === null) return;
  const again = { label: texts.library.addAgain, run: () => indexSources([source.uri]) };
  await change("/sources/forget", { source: source.uri, remove_images: remove }, texts.library.forgotten, source.state === "missing" ? undefined : again);
}

/** Pictures that stay because so many were gone at once, as when a drive is not mounted. */
export async function removeGone({ uri, missing }) {
  const sure = await confirm({ title: texts.library.goneTitle, text: texts.library.goneText(missing), action: texts.library.goneAction, danger: true });
  if (sure) await startJob("index", { sources: [uri], allow_removal: true });
}

/** For one that is missing: its pictures are recognised by their content in the new place. */
export async function moveSource(source, info) {
  const { whereTitle, whereAction, whereElse, wherePath, whereMove, whereHint } = texts.library;
  const picked = source.kind === "folder" && info.may_add_folders;
  const place = picked ? await pickFolder(whereTitle, whereAction) : await ask({ title: whereElse, label: wherePath, value: source.uri, action: whereMove, hint: whereHint });
  if (place && place !== source.uri) await startJob("move-source", { old: source.uri, new: place });
}
