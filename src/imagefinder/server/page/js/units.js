// Sizes, durations and places in words, in the reader's language.
import { decimal } from "./format.js";
import { texts } from "./texts.js";

const said = texts.common;

export function bytes(n) {
  let unit = 0;
  while (n >= 1000 && unit < said.byteUnits.length - 1) (n /= 1000), unit++;
  return `${decimal(n)} ${said.byteUnits[unit]}`;
}

/** "12 s", "3 min 20 s", "2 h 5 min" */
export function duration(seconds) {
  const s = Math.round(seconds);
  if (s < 1) return said.underASecond;
  if (s < 60) return said.seconds(s);
  if (s < 3600) return said.minutes(Math.floor(s / 60), s % 60);
  return said.hours(Math.floor(s / 3600), Math.round((s % 3600) / 60));
}

/** Where in its file a page or frame is: "page 3", "1:02:03"; empty for any other image. */
export function placeName(image) {
  if (image?.format === "PDF" && /#page=\d+$/.test(image.uri)) return said.page(image.uri.split("#page=").at(-1));
  if (image?.format !== "VIDEO" || !/#t=[\d.]+$/.test(image.uri)) return "";
  const seconds = Math.floor(Number(image.uri.split("#t=").at(-1)));
  const two = (n) => String(n).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

export const clusterName = (image) => (image.cluster_name || (image.cluster >= 0 ? texts.filters.group(image.cluster) : ""));
