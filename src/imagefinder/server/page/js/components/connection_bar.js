// Says while the server doesn't answer that it is tried again.
import { html } from "../../vendor/preact.js";
import { look, lost } from "../connection.js";
import { useStore } from "../store.js";
import { texts } from "../texts.js";
import { Icon } from "./icon.js";

export function ConnectionBar() {
  const gone = useStore(lost);
  return html`<div class="connection" role="status">
    ${gone && html`<div class="connection-bar" data-testid="connection-lost"><${Icon} name="warning" />
      <span class="grow">${texts.shell.lost}</span>
      <button class="button small" onClick=${look}>${texts.shell.tryNow}</button></div>`}
  </div>`;
}
