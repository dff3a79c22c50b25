import { html } from "../../vendor/preact.js";
import { ErrorBox } from "../components/empty.js";
import { count } from "../format.js";
import { reloadIndex, useIndex } from "../library_info.js";

export default function Library() {
  const { info, error } = useIndex();
  if (error && !info) return html`<${ErrorBox} error=${error} retry=${reloadIndex} />`;
  return html`<div class="page narrow stack"><h1>Library</h1>${info && html`<p>${count(info.images, "image")}</p>`}</div>`;
}
