// What can be done with a source: pause, resume, forget, and say where it is now.
import { html } from "../../vendor/preact.js";
import { api } from "../api.js";
import { ask, confirm, openDialog } from "../components/dialog.js";
import { toast, toastError } from "../components/toast.js";
import { count } from "../format.js";
import { startJob } from "../jobs.js";
import { reloadIndex } from "../library_info.js";
import { pickFolder } from "./folder_picker.js";
import { sourceName } from "./names.js";

async function change(path, body, said) {
  try {
    const answer = await api.post(path, body);
    toast(said(answer));
    await reloadIndex();
  } catch (error) {
    toastError(error);
  }
}

/** @param {{uri: string}} source @param {boolean} paused */
export const pauseSource = ({ uri }, paused) =>
  change(`/sources/${paused ? "pause" : "resume"}`, { source: uri }, () => (paused ? "Paused; its images stay" : "Resumed; look for changes to bring it up to date"));

/** Asks whether its images stay. */
export async function forgetSource(source) {
  const images = count(source.images ?? 0, "image");
  const remove = await openDialog(
    "Forget this source?",
    (close) => html`<p class="mono break">${sourceName(source.uri)}</p>
      <p>It is not looked through any more. Its ${images} can stay in the library, or be taken out of it. No file is touched, and what you said of them comes back with them.</p>
      <footer class="dialog-buttons">
        <button class="button" onClick=${() => close(null)}>Cancel</button>
        <button class="button danger" onClick=${() => close(true)} data-testid="forget-remove">Take the images out</button>
        <button class="button primary" autofocus onClick=${() => close(false)} data-testid="forget-keep">Keep the images</button>
      </footer>`,
  );
  if (remove === null) return;
  const said = (answer) => `Forgotten; ${count(answer.images, "image")} ${answer.removed ? "taken out" : "stay"}`;
  await change("/sources/forget", { source: source.uri, remove_images: remove }, said);
}

/** Images that stay because so many were gone at once, as when a drive is not mounted. */
export async function removeGone({ uri, missing }) {
  const sure = await confirm({
    title: "Take out what is gone?",
    text: `${count(missing, "image")} of this source were not there when it was last looked through. If a drive is only unplugged, plug it in instead. What you said of them is kept, and comes back with them.`,
    action: "Take them out",
    danger: true,
  });
  if (sure) await startJob("index", { sources: [uri], allow_removal: true });
}

/** For one that is missing: its images are recognised by their content in the new place. */
export async function moveSource(source, info) {
  const picked = source.kind === "folder" && info.may_add_folders;
  const place = picked
    ? await pickFolder("Where is this folder now?", "It is here now")
    : await ask({
        title: "Where is it now?",
        label: "Path on the server's machine",
        value: source.uri,
        action: "Move",
        hint: "Tags, captions and groups go along: images are recognised by their content.",
      });
  if (place && place !== source.uri) await startJob("move-source", { old: source.uri, new: place });
}
