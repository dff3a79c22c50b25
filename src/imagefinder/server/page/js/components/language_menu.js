// The languages that the page is written in, each called as it calls itself.
import { html } from "../../vendor/preact.js";
import { LANGUAGES, language, speak } from "../language.js";
import { texts } from "../texts.js";
import { Icon } from "./icon.js";
import { Popover } from "./popover.js";

export const LanguageMenu = () => html`<${Popover} class="icon-button" align="end" label=${texts.shell.language} testid="language" button=${html`<${Icon} name="language" />`}>
  ${() => html`<div class="menu">${[...LANGUAGES].map(
    ([code, { name, dir }]) => html`<button key=${code} type="button" class="menu-item" lang=${code} dir=${dir} aria-pressed=${code === language} onClick=${() => speak(code)}>
      <${Icon} name=${code === language ? "check" : "language"} />${name}</button>`,
  )}</div>`}
<//>`;
