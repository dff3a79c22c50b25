// Everything that the page says, in Arabic; see ../en/index.js.
export { actions } from "./actions.js";
export { common } from "./common.js";
export { duplicates } from "./duplicates.js";
export { filters } from "./filters.js";
export { groups } from "./groups.js";
export { keys } from "./keys.js";
export { library } from "./library.js";
export { map } from "./map.js";
export { search } from "./search.js";
export { shell } from "./shell.js";
export { viewer } from "./viewer.js";
