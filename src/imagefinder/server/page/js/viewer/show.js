// The slideshow and the full screen of the big view.
import { useEffect, useState } from "../../vendor/preact.js";
import { thumbnail } from "../api.js";
import { toast } from "../components/toast.js";
import { texts } from "../texts.js";

const SLIDE_MS = 4000;
const REST_MS = 2500; // after which the buttons make room
const AHEAD = 1024; // pixels of the next picture, fetched before its turn

/** Goes on to the next picture by itself. @param {{next: object | undefined, go: (step: number) => void, id: string}} of */
export function useSlideshow({ next, go, id }) {
  const [playing, setPlaying] = useState(false);
  useEffect(() => {
    if (!playing) return;
    if (!next) return setPlaying(false); // that was the last one
    if (next.content_hash) new Image().src = thumbnail(next, AHEAD / (devicePixelRatio || 1));
    const timer = setTimeout(() => go(1), SLIDE_MS);
    return () => clearTimeout(timer);
  }, [playing, id, next?.id]);
  return [playing && Boolean(next), setPlaying];
}

/** Whether `frame` fills the screen, and what changes that. */
export function useFullScreen(frame) {
  const [full, setFull] = useState(false);
  useEffect(() => {
    const changed = () => setFull(document.fullscreenElement !== null && document.fullscreenElement === frame.current);
    document.addEventListener("fullscreenchange", changed);
    return () => document.removeEventListener("fullscreenchange", changed);
  }, []);
  const toggle = () => {
    if (document.fullscreenElement) return document.exitFullscreen();
    frame.current.requestFullscreen().catch(() => toast(texts.viewer.noFull, { kind: "error" }));
  };
  return [full, toggle];
}

/** Whether the pointer and the keys rest while `on`. */
export function useRest(on) {
  const [resting, setResting] = useState(false);
  useEffect(() => {
    if (!on) return setResting(false);
    let timer = setTimeout(() => setResting(true), REST_MS);
    const stirred = () => {
      clearTimeout(timer);
      setResting(false);
      timer = setTimeout(() => setResting(true), REST_MS);
    };
    const events = ["pointermove", "pointerdown", "keydown"];
    for (const name of events) addEventListener(name, stirred, true);
    return () => {
      clearTimeout(timer);
      for (const name of events) removeEventListener(name, stirred, true);
    };
  }, [on]);
  return resting;
}
