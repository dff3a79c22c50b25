// What the page says, in the reader's language: `texts.search.more(3)`. Where a language lacks a text, English stands in.
import { language } from "./language.js";
import { table } from "./table.js";
import * as english from "./texts/en/index.js";

const OTHERS = table({ ar: () => import("./texts/ar/index.js"), de: () => import("./texts/de/index.js") });

async function load() {
  const theirs = (await OTHERS[language]?.()) ?? {};
  return Object.fromEntries(Object.entries(english).map(([view, all]) => [view, { ...all, ...theirs[view] }]));
}

/** @type {typeof english} */
export const texts = await load();
