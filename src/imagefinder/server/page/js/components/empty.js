// What stands where nothing is: why it is empty or what went wrong, and the way on.
import { html } from "../../vendor/preact.js";
import { texts } from "../texts.js";
import { Icon } from "./icon.js";

/** @param {{icon?: string, title: string, text?: any, children?: any}} props children are the buttons of the way on */
export function Empty({ icon = "image", title, text, children }) {
  return html`<section class="empty" data-testid="empty">
    <span class="empty-icon"><${Icon} name=${icon} /></span>
    <h2>${title}</h2>
    ${text && html`<p class="muted">${text}</p>`}
    ${children && html`<div class="row wrap center">${children}</div>`}
  </section>`;
}

/** What stands in a view's place while the library has no pictures, or too few: what the view is for, and the way to get some. */
export const NoPictures = ({ icon, title = texts.common.noPictures, text }) => html`<${Empty} icon=${icon} title=${title} text=${text}>
  <a class="button primary" href="/library?add=1">${texts.common.addPictures}</a>
<//>`;

/** @param {{error: {message: string, remedy?: string}, retry?: () => void}} props */
export function ErrorBox({ error, retry }) {
  return html`<section class="empty error" role="alert" data-testid="error">
    <span class="empty-icon"><${Icon} name="warning" /></span>
    <h2 class="theirs">${error.message}</h2>
    ${error.remedy && html`<p class="muted theirs">${error.remedy}</p>`}
    ${retry && html`<div class="row wrap center"><button class="button" onClick=${retry}>${texts.common.tryAgain}</button></div>`}
  </section>`;
}

/** Grey boxes in the shape of what is coming. */
export function Skeleton({ boxes = 12, height = "180px" }) {
  return html`<div class="skeleton" aria-busy="true" aria-label=${texts.common.loading}>
    ${Array.from({ length: boxes }, (_, i) => html`<span key=${i} style=${{ height, flexGrow: 1 + ((i * 7) % 5) / 4 }} />`)}
  </div>`;
}
