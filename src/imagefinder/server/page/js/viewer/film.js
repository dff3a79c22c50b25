// A video, at the frame that was found. Its keys are the browser's own.
import { html } from "../../vendor/preact.js";
import { placeHref, thumbnail } from "../api.js";

/** @param {{image: object, name: string, onFail: () => void}} props */
export function Film({ image, name, onFail }) {
  return html`<div class="stage film"><video controls playsinline preload="metadata" poster=${thumbnail(image, 1024)} src=${placeHref(image)}
    aria-label=${image.caption || name} data-testid="film" onError=${onFail}></video></div>`;
}
