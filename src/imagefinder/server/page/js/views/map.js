import { html } from "../../vendor/preact.js";
import { Empty } from "../components/empty.js";

export default function View() {
  return html`<${Empty} icon="map" title="This view is not here yet" text="The same is on the command line: imagefinder --help" />`;
}
