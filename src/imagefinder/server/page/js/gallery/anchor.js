// Keeps what is at the top of the screen there when the rows above it get other heights.
import { useLayoutEffect, useRef } from "../../vendor/preact.js";
import { rowOf, visibleRows } from "../components/layout.js";

/** @param {object} of what the layout is of: that of something else is no reason to stay at a place */
export function useAnchor(element, layout, of) {
  const last = useRef({ layout, of });
  useLayoutEffect(() => {
    const former = last.current;
    last.current = { layout, of };
    const { rows } = former.layout;
    const above = -element.current.getBoundingClientRect().top;
    if (former.of !== of || former.layout === layout || above <= 0 || !rows.length || !layout.rows.length) return;
    const row = rows[Math.min(rows.length - 1, visibleRows(rows, above, above)[0])];
    scrollBy(0, layout.rows[rowOf(layout.rows, row.start)].top - row.top);
  }, [layout]);
}
