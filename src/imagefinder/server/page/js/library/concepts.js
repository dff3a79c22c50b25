// The searches that were kept under a name: to search by, to see their images, to rename and remove.
import { html, useEffect } from "../../vendor/preact.js";
import { api, useRequest } from "../api.js";
import { ask, confirm } from "../components/dialog.js";
import { Icon } from "../components/icon.js";
import { toast, toastError } from "../components/toast.js";
import { onChanged } from "../events.js";
import { texts } from "../texts.js";
import { conceptHref, imagesHref } from "../search/keeping.js";

const place = (name) => `/concepts/${encodeURIComponent(name)}`;

/** Does it, and says what is wrong if it can't be done. */
async function change(work, after) {
  try {
    await work();
    after();
  } catch (error) {
    toastError(error);
  }
}

export function Concepts({ info }) {
  const { data, reload } = useRequest("concepts", (signal) => api.get("/concepts", {}, { signal }));
  useEffect(() => onChanged(["images"], reload), []);
  if (!data?.concepts.length) return null;
  const refresh = () => change(() => api.post("/concepts/refresh"), () => (reload(), toast(texts.library.marked)));
  return html`<section class="stack tight" id="concepts" data-testid="concepts"><h2>${texts.library.keptSearches}</h2>
    <ul class="stack tight">${data.concepts.map((concept) => html`<${Concept} key=${concept.id} ...${{ concept, info, reload }} />`)}</ul>
    ${!info.read_only && html`<div class="row"><button class="button small" onClick=${refresh}>${texts.library.markNew}</button></div>`}
  </section>`;
}

function Concept({ concept, info, reload }) {
  const { name, liked, disliked, images } = concept;
  const rename = async () => {
    const wanted = await ask({ title: texts.library.renameKept, label: texts.library.name, value: name });
    if (wanted && wanted !== name) change(() => api.patch(place(name), { name: wanted }), reload);
  };
  const remove = async () => {
    const sure = await confirm({ title: texts.library.removeKept(name), text: texts.library.removeKeptText, action: texts.library.remove, danger: true });
    if (sure) change(() => api.delete(place(name)), reload);
  };
  return html`<li class="spread wrap">
    <span class="grow"><a href=${conceptHref(name)}>${name}</a> <span class="muted small-text">${texts.library.thumbsOf(liked.length, disliked.length)}</span></span>
    <a class="button small quiet" href=${imagesHref(name)}>${texts.library.images(images)}</a>
    ${!info.read_only && html`<button class="icon-button" aria-label=${texts.library.renameOf(name)} onClick=${rename}><${Icon} name="edit" /></button>
      <button class="icon-button" aria-label=${texts.library.removeOf(name)} onClick=${remove}><${Icon} name="close" /></button>`}
  </li>`;
}
