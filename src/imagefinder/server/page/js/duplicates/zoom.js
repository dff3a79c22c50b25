// Zoom and position shared by pictures that are looked at together: wheel, pinch by trackpad, drag, and keys.
import { useEffect, useRef, useState } from "../../vendor/preact.js";

const MOST = 16;
export const WHOLE = { scale: 1, x: 0, y: 0 }; // x and y are shifts, in fractions of the pane

const clamp = (value, scale) => Math.max(-(scale - 1) / 2, Math.min((scale - 1) / 2, value));
const kept = ({ scale, x, y }) => ({ scale, x: clamp(x, scale), y: clamp(y, scale) });

/** Zooms by `factor` so that the place at (u, v), fractions of the pane from its middle, stays where it is. */
export function zoomed({ scale, x, y }, factor, u = 0, v = 0) {
  const next = Math.max(1, Math.min(MOST, scale * factor));
  const by = next / scale;
  return kept({ scale: next, x: u - (u - x) * by, y: v - (v - y) * by });
}

export const transformOf = ({ scale, x, y }) => `translate(${x * 100}%, ${y * 100}%) scale(${scale})`;

/** @returns {{view, setView, handlers: object, ref}} `ref` is for the element that holds the panes (`.pane`) */
export function useZoom() {
  const [view, setView] = useState(WHOLE);
  const ref = useRef(null);
  const from = useRef(null);
  useEffect(() => {
    const wheel = (event) => {
      const pane = event.target.closest(".pane");
      if (!pane) return;
      event.preventDefault();
      const box = pane.getBoundingClientRect();
      const u = (event.clientX - box.left) / box.width - 0.5;
      const v = (event.clientY - box.top) / box.height - 0.5;
      setView((now) => zoomed(now, Math.exp(-event.deltaY / 300), u, v));
    };
    const element = ref.current;
    element.addEventListener("wheel", wheel, { passive: false });
    return () => element.removeEventListener("wheel", wheel);
  }, []);
  const handlers = {
    onPointerDown: (event) => {
      const pane = event.target.closest(".pane");
      if (!pane || event.button !== 0) return;
      from.current = { x: event.clientX, y: event.clientY, view, box: pane.getBoundingClientRect() };
      pane.setPointerCapture(event.pointerId);
    },
    onPointerMove: (event) => {
      if (!from.current) return;
      const { x, y, view: start, box } = from.current;
      setView(kept({ ...start, x: start.x + (event.clientX - x) / box.width, y: start.y + (event.clientY - y) / box.height }));
    },
    onPointerUp: () => (from.current = null),
    onPointerCancel: () => (from.current = null),
  };
  return { view, setView, handlers, ref };
}
