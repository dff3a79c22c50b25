// Numbers, times and names as people read them, in the reader's language. What needs words is in units.js.
import { locale } from "./language.js";

const whole = new Intl.NumberFormat(locale);
const short = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
const day = new Intl.DateTimeFormat(locale, { dateStyle: "medium" });
const moment = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });

export const number = (n) => whole.format(n);
/** With one digit behind the point at most. */
export const decimal = (n) => short.format(n);
/** "1 image", "1,234 images" */
export const count = (n, one, many = `${one}s`) => `${whole.format(n)} ${n === 1 ? one : many}`;
export const percent = (part) => `${whole.format(Math.round(part * 100))} %`;

const parsed = (text) => {
  const time = new Date(text);
  return Number.isNaN(time.getTime()) ? null : time;
};
export const date = (text) => (parsed(text) ? day.format(parsed(text)) : text);
const ONLY_A_DAY = /^\d{4}-\d\d-\d\d$/; // which is no moment: it is the same day everywhere
export const dateTime = (text) => (ONLY_A_DAY.test(text) ? date(`${text}T00:00:00`) : parsed(text) ? moment.format(parsed(text)) : text);

export const fileName = (uri) => decodeURIComponentSafe(uri.split(/[?#]/)[0].split(/[/\\]/).filter(Boolean).at(-1) ?? uri);

function decodeURIComponentSafe(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
