// Small rounded labels: a word with a cross to take it away, or a link.
import { html } from "../../vendor/preact.js";
import { texts } from "../texts.js";
import { Icon } from "./icon.js";

/** @param {{children: any, onRemove?: () => void, label?: string, href?: string, kind?: "accent" | "bad"}} props */
export function Chip({ children, onRemove, label, href, kind = "" }) {
  const text = html`<span class="ellipsis">${children}</span>`;
  return html`<span class="chip ${kind}">
    ${href ? html`<a href=${href}>${text}</a>` : text}
    ${onRemove &&
    html`<button type="button" class="chip-remove" aria-label=${texts.common.remove(label ?? children)} onClick=${onRemove}>
      <${Icon} name="close" />
    </button>`}
  </span>`;
}
