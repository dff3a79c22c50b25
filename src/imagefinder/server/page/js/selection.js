// Which images of a grid are selected: `const selection = useSelection(items)`, given to the grid and to a bar.
import { useLayoutEffect, useMemo, useRef, useState } from "../vendor/preact.js";

/**
 * @param {{id: string}[]} items in the grid's order; a range is between the last one touched and this one
 * @returns {{ids: Set<string>, list: string[], toggle: (index: number, range: boolean) => void, clear: () => void, all: () => void}}
 */
export function useSelection(items) {
  const [ids, setIds] = useState(() => new Set());
  const last = useRef(null);
  const now = useRef(items);
  now.current = items;
  const selection = useMemo(
    () => ({
      ids,
      list: [...ids],
      toggle(index, range) {
        const anchor = range ? now.current.findIndex((item) => item.id === last.current) : -1;
        const next = new Set(ids);
        if (anchor >= 0) {
          for (let i = Math.min(anchor, index); i <= Math.max(anchor, index); i++) next.add(now.current[i].id);
        } else {
          const { id } = now.current[index];
          if (!next.delete(id)) next.add(id);
        }
        last.current = now.current[index].id;
        setIds(next);
      },
      clear: () => setIds(new Set()),
      all: () => setIds(new Set(now.current.map((item) => item.id))),
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
