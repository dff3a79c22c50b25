// Duplicates in plain words: how alike, what shows it, which to keep and why.
import { dateTime, fileName, percent } from "../format.js";
import { COMMA } from "../language.js";
import { table } from "../table.js";
import { texts } from "../texts.js";
import { bytes } from "../units.js";

const said = texts.duplicates;

/** The strictest first, as the server has them. */
export const TIERS = ["identical-bytes", "identical-pixels", "same-picture", "same-scene", "similar"].map((tier) => [tier, ...said.tiers[tier]]);
const NAMES = table(Object.fromEntries(TIERS.map(([tier, name]) => [tier, name])));
export const tierName = (tier) => NAMES[tier] ?? tier;
export const rank = (tier) => TIERS.findIndex(([name]) => name === tier);

/** The same file: nothing at all can be lost by removing one of these. */
export const isIdentical = (tier) => tier === "identical-bytes";
/** The same picture to the last pixel. */
export const isSure = (tier) => rank(tier) <= rank("identical-pixels");
/** Both show one picture. */
export const isCopy = (tier) => rank(tier) <= rank("same-picture");

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
export const spaced = (text) => text.replace(/(\d)%/g, "$1 %");

const CERTAIN = 0.95; // share that agrees, from which two are one picture
const IN_PART = ["something laid over it", "partly unlike"];

/** "Cropped to 72 %", and how well it agrees: ["Cropped to 72 %", "100 % the same"] */
export function evidenceWords(member) {
  if (member.tier === "identical-bytes") return [said.identicalFile, ""];
  if (member.tier === "identical-pixels") return [said.samePixels, ""];
  if (member.tier === "similar") return [said.alike(percent(member.score)), said.notTheSame];
  const [first, ...rest] = spaced(member.evidence).split("; ");
  if (member.tier !== "same-picture") return [capital(first), capital(rest.join("; "))];
  const edits = capital(spaced(member.edits.filter((edit) => !IN_PART.includes(edit)).join(COMMA)));
  const inPart = member.score < CERTAIN || member.edits.some((edit) => IN_PART.includes(edit));
  return inPart ? [said.differs(percent(member.score)), edits] : [edits, said.same(percent(member.score))];
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
  const files = along.length ? [said.onePictureWith(along.map((one) => `${fileName(one.uri)} (${bytes(one.bytes)})`).join(COMMA))] : [];
  return [...files, ...names.map(said.anotherName)];
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
