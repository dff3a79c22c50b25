// The three parts of the library as tabs; which one is shown stands in the address.
import { html } from "../../vendor/preact.js";
import { number } from "../format.js";
import { FORMER_KEY, NEXT_KEY } from "../language.js";
import { setParams } from "../state.js";
import { texts } from "../texts.js";

export const PARTS = ["sources", "tools", "activity"];

/** @param {{part: string, failed: number}} props `failed`: how many tasks have failed unseen */
export function Tabs({ part, failed }) {
  const go = (next) => {
    setParams({ part: next, add: null }, { replace: true });
    document.getElementById(`tab-${next}`)?.focus();
  };
  const keys = (event) => {
    const step = { [FORMER_KEY]: -1, [NEXT_KEY]: 1 }[event.key];
    if (event.key === "Home") go(PARTS[0]);
    else if (event.key === "End") go(PARTS.at(-1));
    else if (step) go(PARTS[(PARTS.indexOf(part) + step + PARTS.length) % PARTS.length]);
    else return;
    event.preventDefault();
  };
  return html`<div class="tabs" role="tablist" aria-label=${texts.library.parts} onKeyDown=${keys}>
    ${PARTS.map(
      (name) => html`<button key=${name} id=${`tab-${name}`} class="tab" role="tab" aria-selected=${name === part} aria-controls="library-part"
        tabindex=${name === part ? 0 : -1} onClick=${() => go(name)}>
        ${texts.library[name]}${name === "activity" && failed > 0 ? html`<span class="tab-badge"><span aria-hidden="true">${number(failed)}</span><span class="visually-hidden">${texts.library.failed(failed)}</span></span>` : ""}
      </button>`,
    )}
  </div>`;
}
