// Which images of a grid are selected: `const selection = useSelection(items)`, given to the grid and to a bar.
import { useLayoutEffect, useMemo, useRef, useState } from "../vendor/preact.js";
import { toastError } from "./components/toast.js";

/**
 * @param {{id: string}[]} items in the grid's order; a range is between the last one touched and this one
 * @returns {{ids: Set<string>, list: string[], toggle: (index: number, range: boolean) => void, clear: () => void, all: () => void}}
 */
export function useSelection(items) {
  const [ids, setIds] = useState(() => new Set());
  const last = useRef(null);
  const now = useRef(items);
  now.current = items;
  const addLater = (loading) => loading.then((more) => setIds((former) => new Set([...former, ...more])), toastError); // of images not loaded yet
  const selection = useMemo(
    () => ({
      ids,
      list: [...ids],
      toggle(index, range) {
        const anchor = range ? now.current.findIndex((item) => item.id === last.current) : -1;
        const next = new Set(ids);
        if (now.current[index].missing) return;
        if (anchor >= 0) {
          const [from, end] = [Math.min(anchor, index), Math.max(anchor, index) + 1];
          const inside = now.current.slice(from, end);
          if (inside.some((item) => item.missing)) addLater(now.current.gallery.ids(from, end));
          for (const item of inside) if (!item.missing) next.add(item.id);
        } else {
          const { id } = now.current[index];
          if (!next.delete(id)) next.add(id);
        }
        last.current = now.current[index].id;
        setIds(next);
      },
      clear: () => setIds(new Set()),
      all() {
        if (now.current.some((item) => item.missing)) return addLater(now.current.gallery.ids(0, now.current.length));
        setIds(new Set(now.current.map((item) => item.id)));
      },
    }),
    [ids],
  );
  useSelectionKeys(selection, now);
  return selection;
}

const isBusy = (target) =>
  document.querySelector("dialog[open], :popover-open") || target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable]");

/** Ctrl+A selects all, Escape none. */
function useSelectionKeys(selection, items) {
  const now = useRef(selection);
  now.current = selection; // at once: an effect runs a moment later, and a quick Escape would be lost
  useLayoutEffect(() => {
    const keys = (event) => {
      if (isBusy(event.target) || event.defaultPrevented) return;
      if (event.key === "Escape" && now.current.ids.size) now.current.clear();
      if (event.key !== "a" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey || !items.current.length) return;
      event.preventDefault();
      now.current.all();
    };
    addEventListener("keydown", keys);
    return () => removeEventListener("keydown", keys);
  }, []);
}
