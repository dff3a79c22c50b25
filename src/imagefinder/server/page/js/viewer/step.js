// From one image of the walk to another, also to one that is not loaded yet.
import { useLayoutEffect, useRef } from "../../vendor/preact.js";
import { toastError } from "../components/toast.js";

/**
 * `step(-1)` shows the image before number `at`. Steps taken while an image is on its way add up.
 *
 * @param {(id: string) => void} show
 */
export function useStep(items, at, show) {
  const aim = useRef(null); // the number of the image on its way, and the image it was asked for from
  useLayoutEffect(() => () => (aim.current = null), [at]); // gone elsewhere; at once, so that no later step is lost
  return async (step) => {
    if (at < 0) return;
    const from = aim.current?.at === at ? aim.current.to : at;
    const to = Math.max(0, Math.min(items.length - 1, from + step));
    const mine = (aim.current = { at, to });
    try {
      const id = items[to].id || (await items.gallery.ids(to, to + 1))[0];
      if (aim.current === mine && to !== at) show(id);
    } catch (error) {
      toastError(error);
    } finally {
      if (aim.current === mine) aim.current = null;
    }
  };
}
