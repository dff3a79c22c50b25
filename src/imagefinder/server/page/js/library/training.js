// What came of a training: what was learnt from, how much better it is, and a way to use it.
import { html } from "../../vendor/preact.js";
import { api } from "../api.js";
import { toast, toastError } from "../components/toast.js";
import { count } from "../format.js";
import { reloadIndex, useIndex } from "../library_info.js";
import { table } from "../table.js";

const MEASURES = table({ recall_at_1: "First match right", recall_at_5: "Among the first 5", recall_at_10: "Among the first 10", map_at_r: "MAP@R" });
const percent = (share) => `${(100 * share).toFixed(1)} %`;

/** Rows of names and values for the details of a job. */
export function trainingRows({ name, images, missing, held_out, before, after, chosen, accuracy, notes }) {
  const measured = before && after ? Object.keys(MEASURES).filter((measure) => measure in before) : [];
  return [
    ["Made", name ?? "Nothing: searches are as good as they are"],
    ["Method", chosen],
    ["Learnt from", count(images, "image") + (missing.length ? `, ${count(missing.length, "label")} of images that are not here` : "")],
    ["Measured on", measured.length > 0 && count(held_out, "image")],
    ...measured.map((measure) => [MEASURES[measure], html`${percent(before[measure])} → <strong>${percent(after[measure])}</strong>`]),
    ["Class right", accuracy >= 0 && percent(accuracy)],
    ["Note", notes.join(" ")],
  ];
}

/** Makes a model the one that searches use; the views follow, as the index has changed. */
export async function searchWith(name) {
  try {
    await api.post(`/spaces/${encodeURIComponent(name)}/use`);
    toast(`Searches use ${name} now`);
    reloadIndex();
  } catch (error) {
    toastError(error);
  }
}

export function UseIt({ name }) {
  const { info } = useIndex();
  const known = Object.values(info?.spaces ?? {}).filter((space) => space.model === name);
  if (!known.length || info.read_only || known.some((space) => space.current.length)) return null;
  return html`<footer class="dialog-buttons"><button class="button primary" onClick=${() => searchWith(name)}>Search with it</button></footer>`;
}
