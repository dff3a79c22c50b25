// A model with which words would find more: what it costs, and a button that fetches it. Nothing is fetched before.
import { html, useEffect, useState } from "../../vendor/preact.js";
import { api, isAbort } from "../api.js";
import { JobButton } from "../components/progress.js";
import { toastError } from "../components/toast.js";
import { number } from "../format.js";
import { texts } from "../texts.js";
import { bytes, duration } from "../units.js";

/** Nothing where such a model is in use or there is no way to it. */
export function BetterWords({ info }) {
  const [found, setFound] = useState(null);
  const known = JSON.stringify(info.spaces); // names, and what each is in use for
  useEffect(() => {
    if (info.read_only) return undefined;
    const controller = new AbortController();
    api
      .get("/better-words", {}, { signal: controller.signal })
      .then((answer) => setFound(answer.better_words))
      .catch((error) => isAbort(error) || toastError(error));
    return () => controller.abort();
  }, [info.images, info.read_only, known]);
  if (!found) return null;
  const { title, licence, images, images_per_second: rate, seconds } = found;
  const rateText = rate >= 10 ? number(Math.round(rate)) : String(rate);
  return html`<section class="stack tight" data-testid="better-words">
    <h2>${texts.library.betterWords}</h2>
    <p>${texts.library.betterFound(title, licence)}</p>
    <p class="muted small-text">${found.bytes ? texts.library.betterFetch(bytes(found.bytes)) : texts.library.betterHere}${texts.library.betterTakes(duration(Math.max(seconds, 1)), images, rateText)}</p>
    <div class="row wrap"><${JobButton} kind="better-words">${found.bytes ? texts.library.betterGet : texts.library.betterUse}<//></div>
  </section>`;
}
