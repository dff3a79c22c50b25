// One picture that loads when it is needed and stops loading when it leaves the screen. Those on the screen come first.
import { html, useEffect, useRef } from "../../vendor/preact.js";
import { thumbnail } from "../api.js";
import { lost } from "../connection.js";

const ENLARGED = 1.2; // as much as a thumbnail may be stretched before the next larger one is fetched
const PAUSE_MS = 120; // while the page flies past, wait: most of these pictures are gone again by then

const loading = new Set(); // pictures on the screen that are on their way
const waiting = new Map(); // those off it, with their addresses, until the others are there
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
    for (const [picture, url] of waiting) if (isShown(picture)) load(picture, url);
  },
  { passive: true, capture: true },
);

function isShown(picture) {
  const { top, bottom } = picture.getBoundingClientRect();
  return bottom > 0 && top < innerHeight;
}

function load(picture, url) {
  waiting.delete(picture);
  const shown = isShown(picture);
  if (!shown && loading.size) return void waiting.set(picture, url);
  if (shown) loading.add(picture);
  picture.fetchPriority = shown ? "high" : "low"; // so they come in their order
  picture.src = url;
}

/** It is there, or will never be. */
function done(picture) {
  loading.delete(picture);
  if (loading.size) return;
  for (const [other, url] of waiting) (waiting.delete(other), (other.src = url));
}

lost.watch((is) => {
  if (is) return; // what failed while the server was gone is asked for again
  for (const picture of document.querySelectorAll('img.thumb[data-state="broken"]')) {
    delete picture.dataset.state;
    picture.src = picture.src;
  }
});

/** @param {{image: object, size: number, alt?: string}} props `size` is the longest side on the screen, CSS pixels */
export function Thumb({ image, size, alt = "" }) {
  const element = useRef(null);
  const url = image.missing ? null : thumbnail(image, size / ENLARGED);
  useEffect(() => {
    if (!url) return;
    const picture = element.current;
    const start = () => load(picture, url);
    const timer = performance.now() < fastUntil ? setTimeout(start, PAUSE_MS) : start() && null;
    return () => {
      clearTimeout(timer);
      waiting.delete(picture);
      if (!picture.complete) picture.removeAttribute("src"); // stops the request
      done(picture);
    };
  }, [url]);
  const state = (name) => (event) => {
    if (event.target.src) event.target.dataset.state = name;
    done(event.target);
  };
  return html`<img ref=${element} class="thumb" alt=${alt} decoding="async" draggable=${false}
    onLoad=${state("loaded")} onError=${state("broken")} />`;
}
