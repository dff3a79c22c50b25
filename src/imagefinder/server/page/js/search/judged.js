// What was liked and disliked in a search: how many, which ones, and each taken back by itself.
import { html } from "../../vendor/preact.js";
import { thumbnail } from "../api.js";
import { Icon } from "../components/icon.js";
import { Popover } from "../components/popover.js";
import { imageHref, setParams } from "../state.js";
import { texts } from "../texts.js";

const toMain = () => document.getElementById("main").focus(); // where all is gone that had the focus

/** @param {{ids: string[], down: boolean}} props those liked, with `down` those disliked */
export function Judged({ ids, down }) {
  if (!ids.length) return null;
  const { liked, disliked, whichJudged, theLikes, theDislikes } = texts.search;
  const words = (down ? disliked : liked)(ids.length);
  const set = (rest) => (rest.length || toMain(), setParams({ [down ? "disliked" : "liked"]: rest }));
  const face = html`<${Icon} name=${down ? "dislike" : "like"} />${words}`;
  return html`<span class="chip ${down ? "" : "accent"} judged-chip">
    <${Popover} class="judged-face" align="end" label=${whichJudged(words)} testid=${down ? "disliked" : "liked"} button=${face}>
      <ul class="judged-pictures">${ids.map((id, i) => html`<li key=${id}><${One} ...${{ id, i }} takeBack=${() => set(ids.filter((one) => one !== id))} /></li>`)}</ul>
    <//>
    <button type="button" class="chip-remove" aria-label=${texts.common.remove(down ? theDislikes : theLikes)} onClick=${() => set([])}><${Icon} name="close" /></button>
  </span>`;
}

function One({ id, i, takeBack }) {
  const press = (event) => {
    const row = event.currentTarget.closest("li");
    (row.nextElementSibling ?? row.previousElementSibling)?.querySelector("button").focus();
    takeBack();
  };
  const picture = texts.search.judgedOne(i + 1);
  return html`<a href=${imageHref(id)} aria-label=${picture} title=${picture}><img src=${thumbnail({ id }, 128)} alt="" /></a>
    <button type="button" class="button small" aria-label=${texts.search.takeBackOne(i + 1)} onClick=${press}>${texts.search.takeBack}</button>`;
}
