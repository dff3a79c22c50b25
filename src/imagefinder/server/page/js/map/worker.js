/** The long sums of the map, away from the page's own thread: a million points must not stop it. See source.js. */

import { placesByMeaning } from "./axes.js";
import { layOut } from "./layout.js";
import { table } from "../table.js";

const TASKS = table({
  layOut({ coordinates }) {
    const layout = layOut(new Float32Array(coordinates));
    return [layout, [layout.xy, layout.order, layout.rank, layout.start, ...layout.tops].map((array) => array.buffer)];
  },
  turn({ across, up, own, wide }) {
    const scores = (given) => given && new Float32Array(given);
    return TASKS.layOut({ coordinates: placesByMeaning(scores(across), scores(up), new Float32Array(own), wide) });
  },
});

onmessage = ({ data: { turn, task, input } }) => {
  try {
    const [result, transfer] = TASKS[task](input);
    postMessage({ turn, result }, transfer);
  } catch (error) {
    postMessage({ turn, error: error.message });
  }
};
