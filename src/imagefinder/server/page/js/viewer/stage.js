// The picture itself: as sharp as the screen shows it, zoomable, and what is laid over it.
import { html, useEffect, useLayoutEffect, useRef, useState } from "../../vendor/preact.js";
import { originalHref, thumbnail } from "../api.js";
import { Icon } from "../components/icon.js";
import { texts } from "../texts.js";
import { useZoom } from "./use_zoom.js";

const said = texts.viewer;
const LARGEST = 2048; // pixels of the largest thumbnail
const SHOWN = new Set(["JPEG", "PNG", "WEBP", "GIF", "AVIF", "BMP"]); // formats that browsers show themselves
const ENLARGED = 4; // a tiny picture is not blown up beyond this

/** @param {{image: object, onSwipe: (step: number) => void, boxing: boolean, controls: {current: object}, children: any}} props */
export function Stage({ image, name, onSwipe, boxing, controls, children }) {
  const stage = useRef(null);
  const room = useRoom(stage);
  const size = fitted(image, room);
  const { view, zoom, reset } = useZoom(stage, size, { off: boxing, onSwipe });
  controls.current = { zoom, reset };
  useEffect(reset, [image.id, boxing]);
  const { src, broken } = useSharpest(image, Math.max(size.width, size.height) * view.scale);
  const style = { ...fittedStyle(image), transform: `translate(-50%, -50%) translate(${view.x}px, ${view.y}px) scale(${view.scale})` };
  return html`<div ref=${stage} class="stage ${view.scale > 1 ? "zoomed" : ""}">
    <div class="stage-picture" style=${style}>
      ${broken
        ? html`<div class="unseen" role="img" aria-label=${name}><${Icon} name="image" /><p><strong>${said.unseen}</strong></p><p class="muted small-text">${said.unseenText}</p></div>`
        : html`<img src=${src} alt=${image.caption || name} draggable=${false} onError=${(event) => event.target.classList.add("lost")} onLoad=${(event) => event.target.classList.remove("lost")} />`}
      ${children}
    </div>
    ${!boxing &&
    html`<div class="stage-tools" role="group" aria-label=${said.zoom}>
      <button class="icon-button" aria-label=${said.zoomOut} disabled=${view.scale === 1} onClick=${() => zoom(1 / 1.5)}><${Icon} name="minus" /></button>
      <button class="icon-button" aria-label=${said.fit} disabled=${view.scale === 1} onClick=${reset}><${Icon} name="fit" /></button>
      <button class="icon-button" aria-label=${said.zoomIn} onClick=${() => zoom(1.5)}><${Icon} name="plus" /></button>
    </div>`}
  </div>`;
}

/** The size at which the whole picture fits, by the style sheet: right at once whenever the stage's room changes. */
function fittedStyle({ width = 1, height = 1 }) {
  const ratio = width / height;
  return { width: `min(100cqw, ${100 * ratio}cqh, ${ENLARGED * width}px)`, aspectRatio: String(ratio) };
}

/** The same in CSS pixels, known a moment later. */
function fitted({ width = 1, height = 1 }, room) {
  const scale = Math.min(room.width / width, room.height / height, ENLARGED);
  return { width: Math.max(1, width * scale), height: Math.max(1, height * scale) };
}

function useRoom(element) {
  const [room, setRoom] = useState({ width: 0, height: 0 });
  useLayoutEffect(() => {
    const measure = () => setRoom({ width: element.current.clientWidth, height: element.current.clientHeight });
    const watch = new ResizeObserver(measure);
    watch.observe(element.current);
    measure();
    return () => watch.disconnect();
  }, []);
  return room;
}

/** First what the grid has loaded already, then the picture in the size it is shown at, once that is here. */
function useSharpest(image, pixels) {
  const wanted = pixels * Math.min(devicePixelRatio || 1, 2);
  const beyond = wanted > LARGEST && Math.max(image.width, image.height) > LARGEST && SHOWN.has(image.format);
  const url = beyond ? originalHref(image) : thumbnail(image, Math.max(1024 / (devicePixelRatio || 1), pixels));
  const small = thumbnail(image, 256 / (devicePixelRatio || 1));
  const [loaded, setLoaded] = useState({ id: null, url: "" });
  const [lost, setLost] = useState(null); // what can't be had, large or small
  useEffect(() => {
    const [picture, first] = [new Image(), new Image()];
    picture.onload = () => setLoaded({ id: image.id, url });
    picture.onerror = () => (first.src = small); // a small copy may be kept of a file that has gone
    first.onload = () => setLoaded((now) => (now.id === image.id ? now : { id: image.id, url: small }));
    first.onerror = () => setLost(image.id);
    picture.src = url;
    return () => (picture.onload = picture.onerror = first.onload = first.onerror = null);
  }, [url]);
  return { src: loaded.id === image.id ? loaded.url : small, broken: lost === image.id && loaded.id !== image.id };
}
