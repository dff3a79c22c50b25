// What the page says, in the reader's language: `texts.search.more(3)`. Where a language lacks a text, English stands in.
import * as english from "./texts/en/index.js";

/** The languages there are, by their codes, with their names in themselves, the way they are written, and their texts. */
export const LANGUAGES = new Map([["en", { name: "English", dir: "ltr", load: () => Promise.resolve(english) }]]);

function chosen() {
  let kept = null;
  try {
    kept = localStorage.getItem("language");
  } catch {} // a private window may refuse storage
  const wanted = [kept, ...navigator.languages].filter(Boolean).map((one) => one.toLowerCase().split("-")[0]);
  return wanted.find((one) => LANGUAGES.has(one)) ?? "en";
}

export const language = chosen();

async function load() {
  const { dir, load: own } = LANGUAGES.get(language);
  document.documentElement.lang = language;
  document.documentElement.dir = dir;
  const theirs = await own();
  return Object.fromEntries(Object.entries(english).map(([view, all]) => [view, { ...all, ...theirs[view] }]));
}

/** @type {typeof english} */
export const texts = await load();
