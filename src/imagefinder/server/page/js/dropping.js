// A picture dropped or pasted anywhere is searched by. A view that takes files itself marks its area with data-drop.
import { html, useLayoutEffect, useState } from "../vendor/preact.js";
import { Icon } from "./components/icon.js";
import { toast } from "./components/toast.js";
import { isUrl, searchByFile, searchByUrl } from "./searching.js";
import { texts } from "./texts.js";

const hasPicture = (transfer) => [...(transfer?.types ?? [])].some((type) => type === "Files" || type === "text/uri-list");
const ownArea = (target) => target instanceof Element && target.closest("[data-drop]");

export function DropTarget() {
  const [over, setOver] = useState(false);
  useLayoutEffect(() => {
    const drag = (event) => {
      if (!hasPicture(event.dataTransfer) || ownArea(event.target)) return setOver(false);
      event.preventDefault();
      setOver(true);
    };
    const leave = (event) => event.relatedTarget === null && setOver(false);
    const drop = (event) => {
      setOver(false);
      if (!hasPicture(event.dataTransfer) || ownArea(event.target)) return;
      event.preventDefault();
      take(event.dataTransfer);
    };
    const paste = (event) => {
      if (event.target.closest?.("textarea, input:not(#search-words)")) return;
      const text = event.clipboardData.getData("text/plain");
      if (event.clipboardData.files.length || (isUrl(text) && !event.target.closest?.("input"))) {
        event.preventDefault();
        take(event.clipboardData);
      }
    };
    const all = { dragover: drag, dragleave: leave, drop, paste };
    for (const [name, listener] of Object.entries(all)) addEventListener(name, listener);
    return () => {
      for (const [name, listener] of Object.entries(all)) removeEventListener(name, listener);
    };
  }, []);
  return html`<div class="drop-veil" hidden=${!over}><div><${Icon} name="image" /><p>${texts.search.dropHere}</p></div></div>`;
}

function take(transfer) {
  const file = [...transfer.files].find((one) => one.type.startsWith("image/") || /\.(heic|heif|avif)$/i.test(one.name));
  const url = (transfer.getData("text/uri-list") || transfer.getData("text/plain")).split("\n")[0];
  if (file) searchByFile(file);
  else if (transfer.files.length) toast(texts.search.noPicture, { kind: "error", remedy: texts.search.noPictureHow });
  else if (isUrl(url)) searchByUrl(url);
}
