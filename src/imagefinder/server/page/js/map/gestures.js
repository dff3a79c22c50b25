/**
 * What fingers, mouse and keys do on the map: drag pans, wheel and pinch zoom, shift-drag (or dragging in lasso mode)
 * draws a line round points, a click picks one.
 */

const CLICK_PIXELS = 5; // a press that moved less is a click
const STEP = 90; // an arrow key's way, CSS pixels
const KEY_ZOOM = 1.6;

/**
 * @param {HTMLElement} element
 * @param {{panBy: (right: number, down: number) => void, zoomAt: (factor: number, left: number, top: number) => void,
 *   stepBy: (right: number, down: number) => void, zoomBy: (factor: number) => void, fit: () => void,
 *   hover: (place: number[] | null) => void, pick: (place: number[], how: {touch: boolean, add: boolean}) => void,
 *   lassoes: () => boolean, lasso: (line: number[][], done: {add: boolean, remove: boolean} | null) => void,
 *   escape: () => void}} does places are CSS pixels from the element's top left
 * @returns {() => void} to stop
 */
export function watchGestures(element, does) {
  const pointers = new Map();
  let from = null;
  let line = null;

  const placeOf = (event) => {
    const box = element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };

  function down(event) {
    if (event.button !== 0) return;
    element.setPointerCapture(event.pointerId);
    element.focus({ preventScroll: true });
    pointers.set(event.pointerId, placeOf(event));
    from = pointers.size === 1 ? placeOf(event) : null;
    if (line) does.lasso([], null);
    line = pointers.size === 1 && (event.shiftKey || does.lassoes()) ? [placeOf(event)] : null;
    does.hover(null);
  }

  function move(event) {
    const place = placeOf(event);
    const former = pointers.get(event.pointerId);
    if (!former) return event.pointerType === "mouse" ? does.hover(place) : undefined;
    if (line) {
      line.push(place);
      return does.lasso(line, null);
    }
    if (from && distance(from, place) < CLICK_PIXELS) return undefined;
    from = null;
    const before = middleAndSpan(pointers);
    pointers.set(event.pointerId, place);
    const after = middleAndSpan(pointers);
    does.panBy(after.middle[0] - before.middle[0], after.middle[1] - before.middle[1]);
    if (pointers.size > 1) does.zoomAt(after.span / before.span, ...after.middle);
    return undefined;
  }

  function up(event) {
    if (!pointers.delete(event.pointerId)) return;
    // a line that ends where it began has gone a long way all the same
    const isClick = line ? lengthOf([...line, placeOf(event)]) < CLICK_PIXELS : from && distance(from, placeOf(event)) < CLICK_PIXELS;
    const add = event.ctrlKey || event.metaKey;
    if (event.type === "pointercancel") {
      if (line) does.lasso([], null);
    } else if (isClick) {
      if (line) does.lasso([], null);
      does.pick(placeOf(event), { touch: event.pointerType !== "mouse", add: add || event.shiftKey });
    } else if (line) does.lasso(line, { add, remove: event.altKey });
    line = null;
    from = null;
  }

  function wheel(event) {
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === 1 ? 16 : 1);
    does.zoomAt(Math.exp(-pixels * (event.ctrlKey ? 0.01 : 0.0015)), ...placeOf(event)); // a pinch on a trackpad comes as ctrl
  }

  function key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const far = event.shiftKey ? 3 * STEP : STEP;
    const act = {
      ArrowLeft: () => does.stepBy(far, 0),
      ArrowRight: () => does.stepBy(-far, 0),
      ArrowUp: () => does.stepBy(0, far),
      ArrowDown: () => does.stepBy(0, -far),
      "+": () => does.zoomBy(KEY_ZOOM),
      "=": () => does.zoomBy(KEY_ZOOM),
      "-": () => does.zoomBy(1 / KEY_ZOOM),
      0: does.fit,
      Escape: does.escape,
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  const leave = () => does.hover(null);
  const listeners = { pointerdown: down, pointermove: move, pointerup: up, pointercancel: up, pointerleave: leave, wheel, keydown: key };
  for (const [name, listener] of Object.entries(listeners)) element.addEventListener(name, listener, { passive: false });
  return () => {
    for (const [name, listener] of Object.entries(listeners)) element.removeEventListener(name, listener);
  };
}

const distance = ([x1, y1], [x2, y2]) => Math.hypot(x1 - x2, y1 - y2);

/** How far a drawn line goes, all its turns together. */
const lengthOf = (line) => line.reduce((sum, place, i) => sum + (i ? distance(line[i - 1], place) : 0), 0);

function middleAndSpan(pointers) {
  const [first, second = first] = pointers.values();
  return { middle: [(first[0] + second[0]) / 2, (first[1] + second[1]) / 2], span: Math.max(1, distance(first, second)) };
}
