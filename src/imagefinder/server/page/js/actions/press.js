// A long press begins a selection. By pointer events: Safari on phones sends no `contextmenu` for one.
import { useRef } from "../../vendor/preact.js";

const LONG_MS = 450;
const NEAR = 10; // CSS pixels that a resting finger may move

/** Handlers for an element that `onPress` is called for; the click that ends the press does nothing. */
export function useLongPress(onPress) {
  const state = useRef({ timer: 0, x: 0, y: 0, pressed: false }).current;
  const stop = () => clearTimeout(state.timer);
  return {
    onPointerDown(event) {
      state.pressed = false;
      stop();
      if (event.pointerType !== "touch" || !event.isPrimary) return;
      Object.assign(state, { x: event.clientX, y: event.clientY });
      state.timer = setTimeout(() => ((state.pressed = true), navigator.vibrate?.(10), onPress()), LONG_MS);
    },
    onPointerMove(event) {
      if (Math.hypot(event.clientX - state.x, event.clientY - state.y) > NEAR) stop();
    },
    onPointerUp: stop,
    onPointerCancel: stop,
    onContextMenu(event) {
      if (event.pointerType === "touch" || state.pressed) event.preventDefault();
    },
    /** Whether a click belongs to the press. */
    ended() {
      const { pressed } = state;
      state.pressed = false;
      return pressed;
    },
  };
}
