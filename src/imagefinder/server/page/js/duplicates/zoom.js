// Zoom and position shared by pictures that are looked at together: wheel, pinch, drag, and keys.
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

const middle = (points) => [0, 1].map((i) => points.reduce((sum, one) => sum + one[i], 0) / points.length);
const spread = ([a, b]) => (b ? Math.hypot(a[0] - b[0], a[1] - b[1]) : 1);

/** @returns {{view, setView, handlers: object, ref}} `ref` is for the element that holds the panes (`.pane`) */
export function useZoom() {
  const [view, setView] = useState(WHOLE);
  const ref = useRef(null);
  const fingers = useRef(new Map()); // places of the pointers that are down, by id
  useEffect(() => {
    const wheel = (event) => {
      const pane = event.target.closest(".pane");
      if (!pane) return;
      event.preventDefault();
      const [u, v] = placeIn(pane.getBoundingClientRect(), [event.clientX, event.clientY]);
      setView((now) => zoomed(now, Math.exp(-event.deltaY / 300), u, v));
    };
    const element = ref.current;
    element.addEventListener("wheel", wheel, { passive: false });
    return () => element.removeEventListener("wheel", wheel);
  }, []);
  const lift = (event) => fingers.current.delete(event.pointerId);
  const handlers = {
    onPointerDown: (event) => {
      const pane = event.target.closest(".pane");
      if (!pane || event.button !== 0) return;
      fingers.current.set(event.pointerId, [event.clientX, event.clientY]);
      pane.setPointerCapture(event.pointerId);
    },
    onPointerMove: (event) => {
      if (!fingers.current.has(event.pointerId)) return;
      const before = [...fingers.current.values()];
      fingers.current.set(event.pointerId, [event.clientX, event.clientY]);
      const after = [...fingers.current.values()];
      const box = event.target.closest(".pane").getBoundingClientRect();
      const [[x0, y0], [x1, y1]] = [middle(before), middle(after)];
      const [u, v] = placeIn(box, [x1, y1]);
      const moved = (now) => kept({ ...now, x: now.x + (x1 - x0) / box.width, y: now.y + (y1 - y0) / box.height });
      setView((now) => zoomed(moved(now), spread(after) / spread(before), u, v));
    },
    onPointerUp: lift,
    onPointerCancel: lift,
  };
  return { view, setView, handlers, ref };
}

/** A place on the screen as fractions of a box from its middle. */
const placeIn = (box, [x, y]) => [(x - box.left) / box.width - 0.5, (y - box.top) / box.height - 0.5];
