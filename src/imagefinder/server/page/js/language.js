// The reader's language: the one chosen here, else the first of the browser's that the page is written in.

/** The languages there are, by their codes: their names in themselves, and the way they are written. */
export const LANGUAGES = new Map([
  ["en", { name: "English", dir: "ltr" }],
  ["de", { name: "Deutsch", dir: "ltr" }],
  ["ar", { name: "العربية", dir: "rtl", locale: "ar-u-nu-latn", comma: "، " }], // one kind of digits: names, paths and sizes have these
]);

function wanted() {
  let kept = null;
  try {
    kept = localStorage.getItem("language");
  } catch {} // a private window may refuse storage
  return [kept, ...navigator.languages].filter(Boolean).map((one) => one.toLowerCase().split("-")[0]);
}

export const language = wanted().find((one) => LANGUAGES.has(one)) ?? "en";

/** What numbers and dates are written by. */
export const locale = LANGUAGES.get(language).locale ?? language;
/** Between what is listed. */
export const COMMA = LANGUAGES.get(language).comma ?? ", ";
/** 1 where the line runs to the right, -1 where it runs to the left; and the keys that go along it and back. */
export const ALONG = LANGUAGES.get(language).dir === "rtl" ? -1 : 1;
export const NEXT_KEY = ALONG > 0 ? "ArrowRight" : "ArrowLeft";
export const FORMER_KEY = ALONG > 0 ? "ArrowLeft" : "ArrowRight";

document.documentElement.lang = language;
document.documentElement.dir = LANGUAGES.get(language).dir;

/** Show the page in another language, from now on. */
export function speak(code) {
  try {
    localStorage.setItem("language", code);
  } catch {}
  location.reload();
}
