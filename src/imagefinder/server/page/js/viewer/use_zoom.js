// Zooming and moving one picture: wheel, drag, pinch, double click; on a phone a swipe goes on to the next one.
import { useCallback, useEffect, useRef, useState } from "../../vendor/preact.js";
import { ALONG } from "../language.js";

const MOST = 12;
const FIT = { scale: 1, x: 0, y: 0 };
const SWIPE = 60; // CSS pixels

/** The view after zooming by `factor` around the point (px, py), measured from the middle of the stage. */
function zoomed(view, factor, px, py) {
  const scale = Math.min(MOST, Math.max(1, view.scale * factor));
  if (scale === 1) return FIT;
  const ratio = scale / view.scale;
  return { scale, x: px - (px - view.x) * ratio, y: py - (py - view.y) * ratio };
}

/** Moves no further than the picture's edge to the middle of the stage. */
function held(view, width, height) {
  const limit = (value, size) => Math.min((size * view.scale) / 2, Math.max((-size * view.scale) / 2, value));
  return view.scale === 1 ? FIT : { ...view, x: limit(view.x, width), y: limit(view.y, height) };
}

/**
 * @param {{current: HTMLElement}} stage @param {{width: number, height: number}} size of the picture on the stage
 * @param {{off: boolean, onSwipe: (step: number) => void}} options
 */
export function useZoom(stage, size, { off, onSwipe }) {
  const [view, setView] = useState(FIT);
  const state = useRef({});
  state.current = { size, off, onSwipe, view };
  const pointers = useRef(new Map());
  const change = useCallback((next) => setView((former) => held(next(former), state.current.size.width, state.current.size.height)), []);
  const zoom = useCallback((factor, px = 0, py = 0) => change((former) => zoomed(former, factor, px, py)), []);
  const reset = useCallback(() => setView(FIT), []);

  useEffect(() => {
    const element = stage.current;
    const all = pointers.current;
    const middle = (event) => {
      const box = element.getBoundingClientRect();
      return [event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2];
    };
    const wheel = (event) => {
      if (state.current.off) return;
      event.preventDefault();
      zoom(Math.exp(-event.deltaY / (event.ctrlKey ? 100 : 400)), ...middle(event));
    };
    const down = (event) => {
      if (state.current.off || event.button !== 0 || event.target.closest("button, input, a")) return;
      all.set(event.pointerId, { x: event.clientX, y: event.clientY, startX: event.clientX });
      element.setPointerCapture(event.pointerId);
    };
    const move = (event) => {
      const former = all.get(event.pointerId);
      if (!former) return;
      const now = { ...former, x: event.clientX, y: event.clientY };
      const [other] = [...all].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
      all.set(event.pointerId, now);
      if (other) {
        const apart = (a) => Math.hypot(a.x - other.x, a.y - other.y) || 1;
        zoom(apart(now) / apart(former), ...middle({ clientX: (now.x + other.x) / 2, clientY: (now.y + other.y) / 2 }));
      } else change((view) => ({ ...view, x: view.x + now.x - former.x, y: view.y + now.y - former.y }));
    };
    const up = (event) => {
      const point = all.get(event.pointerId);
      all.delete(event.pointerId);
      const moved = point ? event.clientX - point.startX : 0;
      if (event.pointerType === "touch" && state.current.view.scale === 1 && !all.size && Math.abs(moved) > SWIPE) state.current.onSwipe(moved * ALONG < 0 ? 1 : -1);
    };
    const twice = (event) => {
      if (state.current.off || event.target.closest("button, input")) return;
      if (state.current.view.scale > 1) reset();
      else zoom(2.5, ...middle(event));
    };
    const listeners = { pointerdown: down, pointermove: move, pointerup: up, pointercancel: up, dblclick: twice };
    for (const [name, listener] of Object.entries(listeners)) element.addEventListener(name, listener);
    element.addEventListener("wheel", wheel, { passive: false });
    return () => {
      for (const [name, listener] of Object.entries(listeners)) element.removeEventListener(name, listener);
      element.removeEventListener("wheel", wheel);
    };
  }, []);
  return { view, zoom, reset };
}
