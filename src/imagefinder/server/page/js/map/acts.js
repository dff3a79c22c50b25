/** What gestures do to the drawn map: move it, point at one of its points, select within a line. */

import { pointsOf } from "./layout.js";
import { nearest, pointsInside } from "./queries.js";

const REACH = { mouse: 10, touch: 22 }; // how near a click must come, CSS pixels

/** @param {import("./surface.js").Surface} surface @returns {object} what `watchGestures` asks for */
export function actsOf(surface) {
  const { camera, glide, on } = surface;
  const moving = (change) => (...by) => {
    glide.stop();
    change(...by);
    surface.moved();
  };
  return {
    panBy: moving((right, down) => camera.panBy(right, down)),
    zoomAt: moving((...at) => camera.zoomAt(...at)),
    stepBy: (right, down) => {
      const { x, y, zoom } = glide.heading;
      surface.moveTo({ x: x - right / camera.scale, y: y + down / camera.scale, zoom }, { glide: true });
    },
    zoomBy: (factor) => surface.zoomBy(factor),
    fit: () => surface.fit(),
    hover: (place) => hover(surface, place),
    pick: (place, how) => {
      const point = pointAt(surface, place, how.touch ? REACH.touch : REACH.mouse);
      if (point >= 0) on.pick(point, how);
    },
    lassoes: () => on.lassoes(),
    lasso: (line, done) => lasso(surface, line, done),
    escape: () => on.escape(),
  };
}

function hover(surface, place) {
  const point = place ? pointAt(surface, place, REACH.mouse) : -1;
  surface.elements.overlay.style.cursor = point >= 0 ? "pointer" : "";
  surface.on.hover(point, place);
}

/** The point whose picture is there, or the nearest within reach, or -1. */
function pointAt({ layout, front, camera }, [left, top], reach) {
  if (!layout) return -1;
  const over = front.at(left, top);
  if (over >= 0) return over;
  const near = nearest(layout, ...camera.fromScreen(left, top), reach / camera.scale);
  return near < 0 ? -1 : layout.order[near];
}

/** @param {number[][]} line on the screen @param {object | null} done null while it is drawn */
function lasso(surface, line, done) {
  surface.setLine(done ? [] : line);
  const { layout, camera, elements, on } = surface;
  if (!done || !layout) return;
  const start = performance.now();
  const corners = line.map((place) => camera.fromScreen(...place));
  const points = pointsOf(layout, pointsInside(layout, corners));
  elements.facts.dataset.lassoMs = (performance.now() - start).toFixed(1);
  on.lasso(points, done);
}
