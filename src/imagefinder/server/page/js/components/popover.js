// A button with something that opens under it; on a phone it comes up from the bottom. Escape and a click beside close it.
import { html, useId, useLayoutEffect, useRef, useState } from "../../vendor/preact.js";
import { ALONG } from "../language.js";

/**
 * @param {{button: any, label: string, class?: string, align?: "start" | "end", children: (close: () => void) => any}} props
 *   `button` is what the button shows, `label` names both; `children` is drawn only while it is open.
 */
export function Popover({ button, label, class: extra = "button", align = "start", pressed, testid, children }) {
  const [open, setOpen] = useState(false);
  const panel = useRef(null);
  const opener = useRef(null);
  const id = useId();
  const close = () => panel.current?.hidePopover();
  useLayoutEffect(() => {
    if (open) place(opener.current, panel.current, align);
  });
  return html`<span class="popover-anchor">
    <button ref=${opener} type="button" class=${extra} aria-label=${label} title=${label} aria-expanded=${open}
      aria-haspopup="dialog" aria-pressed=${pressed} popovertarget=${id} data-testid=${testid}>
      ${button}
    </button>
    <div ref=${panel} id=${id} popover="auto" role="dialog" aria-label=${label} class="popover"
      onToggle=${(event) => event.target === panel.current && setOpen(event.newState === "open")}>
      ${open && (typeof children === "function" ? children(close) : children)}
    </div>
  </span>`;
}

/** Under the opener and inside the window; the style sheet overrides this on phones. */
function place(opener, panel, align) {
  const at = opener.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = panel;
  const toTheLeft = (align === "end") === ALONG > 0; // of the opener's right edge
  const wanted = toTheLeft ? at.right - width : at.left;
  const left = Math.max(8, Math.min(wanted, innerWidth - width - 8));
  const below = innerHeight - at.bottom - 16;
  const top = below >= Math.min(height, 240) ? at.bottom + 6 : Math.max(8, at.top - height - 6);
  panel.style.left = `${left}px`;
  panel.style.top = `${top}px`;
  panel.style.maxHeight = `${Math.max(160, innerHeight - top - 12)}px`;
}
