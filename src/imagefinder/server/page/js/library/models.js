// The models whose vectors are in the index, and which of them searches use.
import { html, useCallback, useEffect, useState } from "../../vendor/preact.js";
import { api, isAbort } from "../api.js";
import { Icon } from "../components/icon.js";
import { toastError } from "../components/toast.js";
import { searchWith } from "./training.js";
import { table } from "../table.js";
import { texts } from "../texts.js";

const ROLES = table(texts.library.roles);

/** Nothing where there is one model only: the facts above name it. */
export function Models({ info }) {
  const [spaces, setSpaces] = useState([]);
  const known = JSON.stringify(info.spaces); // names, and what each is in use for
  const several = new Set(Object.values(info.spaces).map((space) => space.model)).size > 1;
  const load = useCallback(async (signal) => {
    try {
      setSpaces((await api.get("/spaces", {}, { signal })).spaces);
    } catch (error) {
      if (!isAbort(error)) toastError(error);
    }
  }, []);
  useEffect(() => {
    if (!several) return undefined;
    const controller = new AbortController();
    load(controller.signal);
    return () => controller.abort();
  }, [several, info.images, known, load]);
  if (!several || !spaces.length) return null;
  return html`<section class="stack tight" data-testid="models">
    <h2>${texts.library.models}</h2>
    <ul class="source-list">
      ${modelsOf(spaces).map(
        ({ model, images, roles, provides }) => html`<li key=${model}>
          <${Icon} name="image" />
          <div class="grow">
            <div class="ellipsis mono">${model}</div>
            <div class="muted small-text">${images < info.images ? texts.library.someOf(images, info.images) : texts.library.images(images)}${roles.length ? texts.library.inUse(roles.map((role) => ROLES[role])) : ""}</div>
          </div>
          ${!info.read_only && roles.length < provides && html`<button class="button small" onClick=${() => searchWith(model)} aria-label=${texts.library.useIt(model)}>${texts.library.use}</button>`}
        </li>`,
      )}
    </ul>
  </section>`;
}

/** The spaces by their model: how many images have all its vectors, and what it is in use for. */
function modelsOf(spaces) {
  const models = new Map();
  for (const { model, images, current } of spaces) {
    const row = models.get(model) ?? { model, images, roles: [], provides: 0 };
    row.images = Math.min(row.images, images);
    row.roles.push(...current);
    row.provides += 1;
    models.set(model, row);
  }
  return [...models.values()];
}
