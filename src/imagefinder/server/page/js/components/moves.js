// Shows where things go: what stands elsewhere in a list after a change of its order moves there, rather than jumps.
import { useLayoutEffect, useRef } from "../../vendor/preact.js";

const MOVING_MS = 220;
const calm = matchMedia("(prefers-reduced-motion: reduce)");

/**
 * @param {{current: HTMLElement | null}} list its children are told apart by `data-label`
 * @param {string} order of the children; a list that only became wider doesn't move
 */
export function useMoves(list, order) {
  const former = useRef({ order, width: 0, places: new Map() });
  useLayoutEffect(() => {
    const { current: element } = list;
    if (!element) return;
    const places = new Map([...element.children].map((one) => [one.dataset.label, [one.offsetLeft, one.offsetTop]]));
    const before = former.current;
    former.current = { order, width: element.clientWidth, places };
    if (before.order === order || before.width !== element.clientWidth || calm.matches) return;
    for (const one of element.children) {
      const [from, to] = [before.places.get(one.dataset.label), places.get(one.dataset.label)];
      if (!from || (from[0] === to[0] && from[1] === to[1])) continue;
      one.animate({ transform: [`translate(${from[0] - to[0]}px, ${from[1] - to[1]}px)`, "none"] }, { duration: MOVING_MS, easing: "ease-out" });
    }
  });
}
