// A model with which words would find more: what it costs, and a button that fetches it. Nothing is fetched before.
import { html, useEffect, useState } from "../../vendor/preact.js";
import { api, isAbort } from "../api.js";
import { JobButton } from "../components/progress.js";
import { toastError } from "../components/toast.js";
import { bytes, count, duration, number } from "../format.js";

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
    <h2>Better words</h2>
    <p>Words usually find more with ${title} (${licence} licence).</p>
    <p class="muted small-text">${found.bytes ? `${bytes(found.bytes)} are fetched from the Hugging Face hub when you press the button, and nothing before. ` : "It is on this machine. "}It takes about ${duration(Math.max(seconds, 1))} for ${count(images, "image")}, at ${rateText} a second here; searches go on meanwhile.</p>
    <div class="row wrap"><${JobButton} kind="better-words">${found.bytes ? "Fetch and use it" : "Use it"}<//></div>
  </section>`;
}
