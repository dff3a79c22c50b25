// One group of duplicates: the one to keep, the others with what shows that they are duplicates, and what to do with them.
import { html } from "../../vendor/preact.js";
import { Icon } from "../components/icon.js";
import { Popover } from "../components/popover.js";
import { Thumb } from "../components/thumb.js";
import { ratioOf } from "../components/layout.js";
import { bytes, count, fileName } from "../format.js";
import { imageHref } from "../state.js";
import { bytesOf, imagesOf, keyOf, removable } from "./report.js";
import { besideWords, evidenceWords, factsWords, isCopy, placesApart, reasonWords, spaced, tierName } from "./words.js";

/**
 * @param {object} props
 * @param {object} props.group
 * @param {string | null} props.keepId the image to keep; null where nothing is suggested
 * @param {boolean} props.chosen whether a person chose it
 * @param {boolean} props.active whether the keys are about this group
 * @param {{keep, trash, decide, compare, activate}} props.on what the buttons do
 * @param {string | null} props.why why nothing may be changed, if so
 */
export function GroupCard({ group, keepId, chosen, active, on, why }) {
  const images = imagesOf(group);
  const gone = removable(group, keepId, chosen);
  const pair = images.length === 2;
  const places = placesApart(images);
  const name = `${tierName(group.tier)}: ${count(images.length, "image")}, ${fileName(group.keep.uri)}`;
  return html`<article class="duplicates-group" id=${`group-${keyOf(group)}`} tabindex="-1" aria-label=${name} aria-current=${active ? "true" : undefined}
    data-testid="duplicates-group" onFocusIn=${() => on.activate(group)}>
    <ol class="copies ${images.length < 4 ? "few" : ""}">
      ${images.map((image, i) => html`<${Copy} key=${image.id} number=${i + 1} kept=${image.id === keepId} place=${places[i]} ...${{ group, image, keepId, on, why }} />`)}
    </ol>
    <footer class="group-actions">
      <p class="tier-name small-text muted">${tierName(group.tier)}</p>
      ${!why && gone.length > 0 &&
      html`<button class="button ${isCopy(group.tier) ? "primary" : ""}" data-testid="trash" onClick=${() => on.trash(group)}>
        <${Icon} name="trash" />Trash ${gone.length === 1 ? "the other" : `the other ${gone.length}`} · ${bytes(bytesOf(gone))}</button>`}
      ${!why && html`<button class="button" onClick=${() => on.decide(group, "keep-both")}>${pair ? "Keep both" : "Keep all"}</button>
        <button class="button" onClick=${() => on.decide(group, "not-duplicate")}>Not duplicates</button>`}
      <button class="button" onClick=${() => on.compare(group)}><${Icon} name="zoomIn" />Compare</button>
    </footer>
  </article>`;
}

function Copy({ group, image, number, place, kept, keepId, on, why }) {
  const suggested = image.id === group.keep.id;
  const words = reasonWords(group.reason);
  const [what, how] = !suggested ? evidenceWords(image) : keepId === null ? [words, ""] : [kept ? "Keep" : "Suggested to keep", words];
  const name = fileName(image.uri);
  const ratio = ratioOf(image);
  return html`<li class="copy ${kept ? "kept" : ""}" data-id=${image.id}>
    <a class="copy-picture" href=${imageHref(image.id)} aria-label=${`Open ${name}`} style=${{ aspectRatio: String(ratio) }}>
      <${Thumb} image=${image} size=${group.members.length > 2 ? 260 : 340} /></a>
    ${kept && html`<span class="keep-badge"><${Icon} name="check" />Keep</span>`}
    <div class="copy-text">
      <p class="copy-what">${number < 10 && html`<kbd aria-hidden="true">${number}</kbd>`}<strong>${kept && !suggested ? "Your choice to keep" : what}</strong></p>
      ${how && html`<p class="muted small-text">${how}</p>`}
      ${image.hold && html`<p class="small-text">${spaced(image.hold)} It is for you to decide.</p>`}
      <p class="ellipsis" title=${image.uri}>${name}</p>
      <p class="ellipsis muted small-text" title=${image.uri}><${Icon} name="folder" />${place}</p>
      ${besideWords(image).map((line) => html`<p key=${line} class="small-text beside">${line}</p>`)}
      <p class="muted small-text number">${factsWords(image)}${image.reference ? " · reference folder" : ""}</p>
      ${!why && !kept &&
      html`<div class="row copy-buttons">
        <button class="button small" aria-label=${`Keep this one: ${name}`} onClick=${() => on.keep(group, image)}>Keep this one</button>
        ${group.members.length > 1 && !suggested && keepId === group.keep.id &&
        html`<${Popover} class="icon-button" label=${`More for ${name}`} align="end" button=${html`<${Icon} name="more" />`}>
          ${(close) => html`<div class="menu">
            <button class="menu-item" onClick=${() => (close(), on.decide(group, "not-duplicate", image))}><${Icon} name="close" />This one is no duplicate</button>
            <button class="menu-item" onClick=${() => (close(), on.decide(group, "keep-both", image))}><${Icon} name="check" />Keep this one too</button>
          </div>`}<//>`}
      </div>`}
    </div>
  </li>`;
}
