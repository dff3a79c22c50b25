// One picture that loads when it is needed and stops loading when it leaves the screen.
import { html, useEffect, useRef } from "../../vendor/preact.js";
import { thumbnail } from "../api.js";

const ENLARGED = 1.2; // as much as a thumbnail may be stretched before the next larger one is fetched
const PAUSE_MS = 120; // while the page flies past, wait: most of these pictures are gone again by then

let fastUntil = 0;
let lastTop = 0;
let lastTime = 0;
addEventListener(
  "scroll",
  () => {
    const now = performance.now();
    const speed = Math.abs(scrollY - lastTop) / Math.max(1, now - lastTime);
    if (speed > 4) fastUntil = now + PAUSE_MS; // CSS pixels in a millisecond
    lastTop = scrollY;
    lastTime = now;
  },
  { passive: true },
);

/** @param {{image: object, size: number, alt?: string}} props `size` is the longest side on the screen, CSS pixels */
export function Thumb({ image, size, alt = "" }) {
  const element = useRef(null);
  const url = image.missing ? null : thumbnail(image, size / ENLARGED);
  useEffect(() => {
    if (!url) return;
    const picture = element.current;
    const load = () => (picture.src = url);
    const timer = performance.now() < fastUntil ? setTimeout(load, PAUSE_MS) : load() && null;
    return () => {
      clearTimeout(timer);
      if (!picture.complete) picture.removeAttribute("src"); // stops the request
    };
  }, [url]);
  const state = (name) => (event) => event.target.src && (event.target.dataset.state = name);
  return html`<img ref=${element} class="thumb" alt=${alt} decoding="async" draggable=${false}
    onLoad=${state("loaded")} onError=${state("broken")} />`;
}
