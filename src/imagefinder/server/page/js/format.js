// Numbers, sizes, times and names as people read them, in the reader's language.
import { locale } from "./language.js";

const whole = new Intl.NumberFormat(locale);
const short = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
const day = new Intl.DateTimeFormat(locale, { dateStyle: "medium" });
const moment = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });

export const number = (n) => whole.format(n);
/** "1 image", "1,234 images" */
export const count = (n, one, many = `${one}s`) => `${whole.format(n)} ${n === 1 ? one : many}`;
export const percent = (part) => `${Math.round(part * 100)} %`;

export function bytes(n) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (n >= 1000 && unit < units.length - 1) (n /= 1000), unit++;
  return `${short.format(n)} ${units[unit]}`;
}

/** "12 s", "3 min 20 s", "2 h 5 min" */
export function duration(seconds) {
  const s = Math.round(seconds);
  if (s < 1) return "under a second";
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min${s % 60 ? ` ${s % 60} s` : ""}`;
  return `${Math.floor(s / 3600)} h ${Math.round((s % 3600) / 60)} min`;
}

const parsed = (text) => {
  const time = new Date(text);
  return Number.isNaN(time.getTime()) ? null : time;
};
export const date = (text) => (parsed(text) ? day.format(parsed(text)) : text);
const ONLY_A_DAY = /^\d{4}-\d\d-\d\d$/; // which is no moment: it is the same day everywhere
export const dateTime = (text) => (ONLY_A_DAY.test(text) ? date(`${text}T00:00:00`) : parsed(text) ? moment.format(parsed(text)) : text);

/** Where in its file a page or frame is: "page 3", "1:02:03"; empty for any other image. */
export function placeName(image) {
  if (image?.format === "PDF" && /#page=\d+$/.test(image.uri)) return `page ${image.uri.split("#page=").at(-1)}`;
  if (image?.format !== "VIDEO" || !/#t=[\d.]+$/.test(image.uri)) return "";
  const seconds = Math.floor(Number(image.uri.split("#t=").at(-1)));
  const two = (n) => String(n).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

export const fileName = (uri) => decodeURIComponentSafe(uri.split(/[?#]/)[0].split(/[/\\]/).filter(Boolean).at(-1) ?? uri);

function decodeURIComponentSafe(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export const clusterName = (image) => (image.cluster_name || (image.cluster >= 0 ? `Group ${image.cluster}` : ""));
