// The one import of every component: Preact, its hooks, and htm's `html` bound to it.
import { h } from "./preact-core.js";
import { useState } from "./preact-hooks.js";
import htm from "./htm.js";

export * from "./preact-core.js";
export * from "./preact-hooks.js";
export const html = htm.bind(h);

let ids = 0;
/** Unlike Preact's own, which begins anew in each tree: dialogs and messages are trees of their own. */
export const useId = () => useState(() => `id-${++ids}`)[0];
