// What came of a training: what was learnt from, how much better it is, and a way to use it.
import { html } from "../../vendor/preact.js";
import { api } from "../api.js";
import { toast, toastError } from "../components/toast.js";
import { ALONG } from "../language.js";
import { reloadIndex, useIndex } from "../library_info.js";
import { table } from "../table.js";
import { texts } from "../texts.js";

const MEASURES = table(texts.library.measures);
const percent = (share) => `${(100 * share).toFixed(1)} %`;

/** Rows of names and values for the details of a job. */
export function trainingRows({ name, images, missing, held_out, before, after, chosen, accuracy, notes }) {
  const measured = before && after ? Object.keys(MEASURES).filter((measure) => measure in before) : [];
  return [
    [texts.library.made, name ?? texts.library.nothingMade],
    [texts.library.method, chosen],
    [texts.library.learntFrom, texts.library.learntImages(images, missing.length)],
    [texts.library.measuredOn, measured.length > 0 && texts.library.images(held_out)],
    ...measured.map((measure) => [MEASURES[measure], html`${percent(before[measure])} ${ALONG > 0 ? "→" : "←"} <strong>${percent(after[measure])}</strong>`]),
    [texts.library.classRight, accuracy >= 0 && percent(accuracy)],
    [texts.library.note, notes.join(" ")],
  ];
}

/** Makes a model the one that searches use; the views follow, as the index has changed. */
export async function searchWith(name) {
  try {
    await api.post(`/spaces/${encodeURIComponent(name)}/use`);
    toast(texts.library.searchesUse(name));
    reloadIndex();
  } catch (error) {
    toastError(error);
  }
}

export function UseIt({ name }) {
  const { info } = useIndex();
  const known = Object.values(info?.spaces ?? {}).filter((space) => space.model === name);
  if (!known.length || info.read_only || known.some((space) => space.current.length)) return null;
  return html`<footer class="dialog-buttons"><button class="button primary" onClick=${() => searchWith(name)}>${texts.library.searchWith}</button></footer>`;
}
