// What the picture searched by is, where the index has a classifier.
import { html } from "../../vendor/preact.js";
import { api, useRequest } from "../api.js";
import { useIndex } from "../library_info.js";
import { texts } from "../texts.js";

const LIKELY = 0.05; // a share below this says nothing

/** The picture that alone is searched by; null where there is none, or several. */
function onlyPicture({ words, pictures: [one, ...others] }) {
  return words || !one || others.length || one.box ? null : { [one.kind]: one.value };
}

export function Predicted({ search }) {
  const { info } = useIndex();
  const picture = onlyPicture(search);
  const key = picture && info?.classifier ? JSON.stringify([picture, info.classifier]) : null;
  const { data, current } = useRequest(key, (signal) => api.post("/predict", picture, { signal }));
  if (!data || !current) return null; // a picture that can't be read any more tells nothing; the search says so
  const [[best, share], ...others] = Object.entries(data.classes);
  const rest = others.filter(([, other]) => other >= LIKELY).map(([name, other]) => `${name} ${Math.round(100 * other)} %`);
  return html`<p class="small-text" data-testid="predicted" title=${texts.search.by(info.classifier)}>${texts.search.looksLike(html`<strong>${best}</strong>`)} <span class="muted number">${[`${Math.round(100 * share)} %`, ...rest].join(" · ")}</span></p>`;
}
