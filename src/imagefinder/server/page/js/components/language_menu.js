// The languages that the page is written in, each called as it calls itself.
import { html } from "../../vendor/preact.js";
import { LANGUAGES, language, speak } from "../language.js";
import { texts } from "../texts.js";
import { Icon } from "./icon.js";
import { Popover } from "./popover.js";

/** @param {{named?: boolean}} props `named`: it shows which language it is, where there is no room in the frame */
export const LanguageMenu = ({ named = false }) => html`<${Popover} class=${named ? "button small" : "icon-button"} align=${named ? "start" : "end"} label=${texts.shell.language}
  testid=${named ? "language-named" : "language"} button=${html`<${Icon} name="language" />${named && LANGUAGES.get(language).name}`}>
  ${() => html`<div class="menu">${[...LANGUAGES].map(
    ([code, { name, dir }]) => html`<button key=${code} type="button" class="menu-item" lang=${code} dir=${dir} aria-pressed=${code === language} onClick=${() => speak(code)}>
      <${Icon} name=${code === language ? "check" : "language"} />${name}</button>`,
  )}</div>`}
<//>`;
