// Everything that the page says, in English: a file for each view. Each text is a string, or a function of what it tells
// of: `more: (n) => `Show ${count(n, "picture")} more``.
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
