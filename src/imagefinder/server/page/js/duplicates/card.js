// One group of duplicates: the one to keep, the others with what shows that they are duplicates, and what to do with them.
import { html } from "../../vendor/preact.js";
import { Icon } from "../components/icon.js";
import { Popover } from "../components/popover.js";
import { Thumb } from "../components/thumb.js";
import { ratioOf } from "../components/layout.js";
import { fileName } from "../format.js";
import { imageHref } from "../state.js";
import { texts } from "../texts.js";
import { bytes } from "../units.js";
import { cropOf } from "./geometry.js";
import { PartShown } from "./overlay.js";
import { bytesOf, imagesOf, keyOf, removable } from "./report.js";
import { besideWords, evidenceWords, factsWords, isCopy, placesApart, reasonWords, spaced, tierName } from "./words.js";

const said = texts.duplicates;
const WIDE = 4; // images from which a group takes the whole width

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
  const crop = pair && isCopy(group.tier) ? cropOf(group, ...images) : null;
  const name = said.cardName(tierName(group.tier), images.length, fileName(group.keep.uri));
  return html`<article class="duplicates-group ${images.length >= WIDE ? "wide" : ""}" id=${`group-${keyOf(group)}`} tabindex="-1" aria-label=${name} aria-current=${active ? "true" : undefined}
    data-testid="duplicates-group" onFocusIn=${() => on.activate(group)}>
    <ol class="copies">
      ${images.map((image, i) => html`<${Copy} key=${image.id} number=${i + 1} kept=${image.id === keepId} place=${places[i]} ...${{ group, image, crop, keepId, on, why }} />`)}
    </ol>
    ${images.map((image) => image.hold && html`<p key=${image.id} class="small-text hold">${said.decide(spaced(image.hold))}</p>`)}
    <footer class="group-actions">
      ${!why && gone.length > 0 &&
      html`<button class="button small trash" data-testid="trash" onClick=${() => on.trash(group)}>
        <${Icon} name="trash" />${said.trash(gone.length, isCopy(group.tier), bytes(bytesOf(gone)))}</button>`}
      ${!why && html`<button class="button small" onClick=${() => on.decide(group, "keep-both")}>${pair ? said.keepBoth : said.keepAll}</button>
        <button class="button small" onClick=${() => on.decide(group, "not-duplicate")}>${said.notDuplicates}</button>`}
      <button class="button small" onClick=${() => on.compare(group)}><${Icon} name="zoomIn" />${said.compare}</button>
    </footer>
  </article>`;
}

function Copy({ group, image, crop, number, place, kept, keepId, on, why }) {
  const suggested = image.id === group.keep.id;
  const words = reasonWords(group.reason);
  const [what, how] = !suggested ? evidenceWords(image) : keepId === null ? [words, ""] : [kept ? said.keep : said.suggested, words];
  const name = fileName(image.uri);
  const ratio = ratioOf(image);
  const size = { "--ratio": ratio };
  return html`<li class="copy ${kept ? "kept" : ""}" data-id=${image.id}>
    <div class="copy-room"><a class="copy-picture" href=${imageHref(image.id)} aria-label=${said.open(name)} style=${size}>
      <${Thumb} image=${image} size=${Math.max(1, ratio) * 190} />
      ${crop?.[2] === image && html`<${PartShown} matrix=${crop[0]} name=${fileName(crop[1].uri)} />`}</a>
      ${kept
        ? html`<span class="keep-badge"><${Icon} name="check" />${said.keep}</span>`
        : !why && html`<button class="keep-this" aria-label=${said.keepThisName(name)} onClick=${() => on.keep(group, image)}>${said.keepThis}</button>`}
      ${!why && !kept && group.members.length > 1 && !suggested && keepId === group.keep.id && html`<${More} ...${{ group, image, name, on }} />`}
    </div>
    <div class="copy-text">
      <p class="copy-what">${number < 10 && html`<kbd aria-hidden="true">${number}</kbd>`}<strong>${kept && !suggested ? said.yourChoice : what}</strong></p>
      ${how && html`<p class="muted small-text">${how}</p>`}
      <p class="ellipsis" title=${image.uri}>${name} <span class="muted small-text copy-place"><${Icon} name="folder" />${place}</span></p>
      <p class="muted small-text number">${factsWords(image)}${image.reference ? ` · ${said.reference}` : ""}</p>
      ${besideWords(image).map((line) => html`<p key=${line} class="small-text beside">${line}</p>`)}
    </div>
  </li>`;
}

const More = ({ group, image, name, on }) => html`<div class="copy-more"><${Popover} class="icon-button" label=${said.moreFor(name)} align="end" button=${html`<${Icon} name="more" />`}>
  ${(close) => html`<div class="menu">
    <button class="menu-item" onClick=${() => (close(), on.decide(group, "not-duplicate", image))}><${Icon} name="close" />${said.thisIsNone}</button>
    <button class="menu-item" onClick=${() => (close(), on.decide(group, "keep-both", image))}><${Icon} name="check" />${said.keepThisToo}</button>
  </div>`}<//></div>`;
