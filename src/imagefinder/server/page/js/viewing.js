// What the big view walks through: each view says which images it shows, in order.
import { useLayoutEffect } from "../vendor/preact.js";
import { store } from "./store.js";

/** @type {ReturnType<typeof store<{items: {id: string}[], more?: () => void}>>} */
export const walk = store({ items: [] });

/** The view shows `items` (only their ids are used); `more` loads further ones when the walk comes to the end. */
export function useWalk(items, more) {
  useLayoutEffect(() => {
    walk.set({ items, more });
    return () => walk.set({ items: [] });
  }, [items, more]);
}
