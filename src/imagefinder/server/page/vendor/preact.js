// The one import of every component: Preact, its hooks, and htm's `html` bound to it.
import { h } from "./preact-core.js";
import htm from "./htm.js";

export * from "./preact-core.js";
export * from "./preact-hooks.js";
export const html = htm.bind(h);
