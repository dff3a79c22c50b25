// A search that is kept under a name: a button at the results, and what the name is in queries and filters.
import { html } from "../../vendor/preact.js";
import { api } from "../api.js";
import { ask } from "../components/dialog.js";
import { Icon } from "../components/icon.js";
import { toast, toastError } from "../components/toast.js";
import { count } from "../format.js";
import { searchBody, searchHref } from "../searching.js";
import { navigate } from "../state.js";
import { oneOf } from "./filters.js";

export const conceptHref = (name) => searchHref({ q: `concept:${name}` });
export const imagesHref = (name) => `/?filter=${encodeURIComponent(oneOf("concept", [name]))}`;

const former = (words) => /^concept:([^+]+)$/.exec(words)?.[1].trim() ?? "";

async function keep(search) {
  const name = await ask({
    title: "Keep this search",
    label: "Name",
    value: former(search.words),
    hint: "With its likes and dislikes. Search for it as concept:NAME, alone or with other words; its images can be filtered and trained by.",
  });
  if (!name) return;
  const { words, parts, liked, disliked, min_score } = searchBody(search);
  try {
    const made = await api.post("/concepts", { name, words, parts, liked, disliked, min_score });
    const run = () => navigate(conceptHref(made.name));
    toast(`Kept as “${made.name}”, ${count(made.images, "image")}`, { action: { label: "Search for it", run } });
  } catch (error) {
    toastError(error);
  }
}

/** Pictures that were sent are not kept, so a search by one can't be. */
export function Keep({ search }) {
  if (search.upload) return null;
  return html`<button class="button small quiet" data-testid="keep" onClick=${() => keep(search)}><${Icon} name="tag" />Keep</button>`;
}
