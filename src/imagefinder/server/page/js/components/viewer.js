// The big view of one image, opened by `?image=id` over any place.
import { html, useEffect } from "../../vendor/preact.js";
import { api, thumbnail, useRequest } from "../api.js";
import { fileName } from "../format.js";
import { navigate, withParams } from "../state.js";
import { useStore } from "../store.js";
import { walk } from "../viewing.js";
import { Dialog } from "./dialog.js";
import { ErrorBox } from "./empty.js";
import { Icon } from "./icon.js";

export function Viewer({ id }) {
  const { items, more } = useStore(walk);
  const { data: image, error, reload } = useRequest(id, (signal) => api.get(`/images/${id}`, {}, { signal }));
  const at = items.findIndex((item) => item.id === id);
  const go = (step) => {
    const next = items[at + step];
    if (next) navigate(withParams({ image: next.id, box: null }), { replace: true });
  };
  useEffect(() => {
    if (at >= 0 && at > items.length - 3) more?.();
  }, [at, items.length]);
  const close = () => navigate(withParams({ image: null }));
  const keys = (event) => {
    if (event.target.closest("input, textarea")) return;
    if (event.key === "ArrowLeft") go(-1);
    if (event.key === "ArrowRight") go(1);
  };
  return html`<${Dialog} bare class="viewer" label=${image?.uri ? fileName(image.uri) : "Image"} onClose=${close}>
    <div class="viewer-frame" onKeyDown=${keys} data-testid="viewer">
      <header class="viewer-bar">
        <button class="icon-button" aria-label="Close" onClick=${close}><${Icon} name="close" /></button>
        <span class="grow ellipsis">${image?.uri ? fileName(image.uri) : ""}</span>
        <button class="icon-button" aria-label="Previous" disabled=${at <= 0} onClick=${() => go(-1)}><${Icon} name="left" /></button>
        <button class="icon-button" aria-label="Next" disabled=${at < 0 || at >= items.length - 1} onClick=${() => go(1)}><${Icon} name="right" /></button>
      </header>
      ${error && html`<${ErrorBox} error=${error} retry=${reload} />`}
      ${image && html`<img class="viewer-picture" src=${thumbnail(image, 1024)} alt=${image.caption ?? fileName(image.uri)} />`}
    </div>
  <//>`;
}
