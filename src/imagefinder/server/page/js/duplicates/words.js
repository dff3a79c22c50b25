// Duplicates in plain words: how alike, what shows it, which to keep and why.
import { bytes, dateTime, fileName, percent } from "../format.js";
import { table } from "../table.js";

/** The strictest first, as the server has them. */
export const TIERS = [
  ["identical-bytes", "Identical files", "The same file, byte for byte."],
  ["identical-pixels", "Same pixels", "Other files of the same picture, to the last pixel."],
  ["same-picture", "Same picture", "Re-encoded, resized, cropped, mirrored, rotated, framed or captioned."],
  ["same-scene", "Same scene", "Another shot of the same thing: no duplicate."],
  ["similar", "Similar", "Alike to the model, but not the same picture."],
];
const NAMES = table(Object.fromEntries(TIERS.map(([tier, name]) => [tier, name])));
export const tierName = (tier) => NAMES[tier] ?? tier;
export const rank = (tier) => TIERS.findIndex(([name]) => name === tier);

/** Nothing can be lost by removing one of these. */
export const isSure = (tier) => rank(tier) <= rank("identical-pixels");
/** Both show one picture. */
export const isCopy = (tier) => rank(tier) <= rank("same-picture");

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
export const spaced = (text) => text.replace(/(\d)%/g, "$1 %");

/** "Cropped to 72 %", and how well it agrees: ["Cropped to 72 %", "100 % of the overlap agrees"] */
export function evidenceWords(member) {
  if (member.tier === "identical-bytes") return ["Identical file", ""];
  if (member.tier === "identical-pixels") return ["Same pixels, another file", ""];
  if (member.tier === "similar") return [`${percent(member.score)} alike`, "Not the same picture"];
  const [first, ...rest] = spaced(member.evidence).split("; ");
  return [capital(first), capital(rest.join("; "))];
}

/** "Older file: Nov 3, 2026, 9:12 AM against Nov 4, 2026, 8:00 AM", or just "Older file" where the two read the same. */
export function reasonWords(reason) {
  const text = spaced(reason).replace(/(\d)x(\d)/g, "$1 × $2").replace(/\d{4}-\d\d-\d\dT\S+/g, (time) => dateTime(time));
  const [what, values] = text.split(": ");
  const [a, b] = (values ?? "").split(" against ");
  return capital(values && a === b ? what : text);
}

/** What belongs to an image on the disk, a line each. */
export function besideWords({ along = [], names = [] }) {
  const files = along.length ? [`One picture with ${along.map((one) => `${fileName(one.uri)} (${bytes(one.bytes)})`).join(", ")}`] : [];
  return [...files, ...names.map((name) => `Another name of this file: ${name}`)];
}

export const sizeWords = (image) => `${image.width} × ${image.height}`;
export const factsWords = (image) => `${sizeWords(image)} · ${image.format} · ${bytes(image.bytes)}`;

/** The folder of a file, or the host of a URL. */
export function placeWords(uri) {
  const end = uri.length - fileName(uri).length;
  return uri.slice(0, Math.max(0, end - 1)) || "/";
}

/** The folders of the images of a group, without what all of them begin with. */
export function placesApart(images) {
  const places = images.map((image) => placeWords(image.uri).split(/(?<=[\\/])/));
  let same = 0;
  while (places.every((parts) => parts.length > same + 1 && parts[same] === places[0][same])) same += 1;
  return places.map((parts) => parts.slice(same).join("") || "/");
}
