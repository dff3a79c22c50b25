// Which images of a grid are selected: `const selection = useSelection(items)`, given to the grid and to a bar.
import { useMemo, useRef, useState } from "../vendor/preact.js";

/**
 * @param {{id: string}[]} items in the grid's order; a range is between the last one touched and this one
 * @returns {{ids: Set<string>, list: string[], toggle: (index: number, range: boolean) => void, clear: () => void, all: () => void}}
 */
export function useSelection(items) {
  const [ids, setIds] = useState(() => new Set());
  const last = useRef(null);
  const now = useRef(items);
  now.current = items;
  return useMemo(
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
}
