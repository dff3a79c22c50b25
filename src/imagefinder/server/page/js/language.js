// The reader's language: the one chosen here, else the first of the browser's that the page is written in.

/** The languages there are, by their codes: their names in themselves, and the way they are written. */
export const LANGUAGES = new Map([
  ["en", { name: "English", dir: "ltr" }],
  ["de", { name: "Deutsch", dir: "ltr" }],
]);

function wanted() {
  let kept = null;
  try {
    kept = localStorage.getItem("language");
  } catch {} // a private window may refuse storage
  return [kept, ...navigator.languages].filter(Boolean).map((one) => one.toLowerCase().split("-")[0]);
}

export const language = wanted().find((one) => LANGUAGES.has(one)) ?? "en";

document.documentElement.lang = language;
document.documentElement.dir = LANGUAGES.get(language).dir;

/** Show the page in another language, from now on. */
export function speak(code) {
  try {
    localStorage.setItem("language", code);
  } catch {}
  location.reload();
}
