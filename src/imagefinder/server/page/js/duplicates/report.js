// What a report says, counted. Pure functions of `GET /v1/duplicates`.
import { TIERS, isCopy, isIdentical } from "./words.js";

export const keyOf = (group) => `${group.tier}:${group.keep.id}`;
export const imagesOf = (group) => [group.keep, ...group.members];

const isAddress = (uri) => /^https?:/i.test(uri);
const movable = (image) => !image.reference && !isAddress(image.uri);

const isClear = (member) => isCopy(member.tier) && !member.hold;

/** Whether anything is suggested: not where no member is a copy that shows nothing more than the first. */
export const suggests = (group) => group.members.some(isClear);

/**
 * The members that go when `keepId` stays: none from reference folders, no URLs, and of those that a person has to
 * decide about (no copies, or with something the kept one lacks) only what gives way to a person's choice.
 *
 * @param {object} group
 * @param {string | null} keepId null where nothing is suggested and nothing chosen: then nothing goes
 * @param {boolean} chosen whether a person chose it
 */
export function removable(group, keepId = group.keep.id, chosen = false) {
  if (isAddress(group.keep.uri) || keepId === null) return [];
  const open = chosen && !suggests(group) && (isCopy(group.tier) || group.members.length === 1);
  return imagesOf(group).filter((image) => image.id !== keepId && movable(image) && (image === group.keep || isClear(image) || open));
}

/** All files of images, with those that are one picture with them. */
export const filesOf = (images) => images.flatMap((one) => [one, ...(one.along ?? [])]);
export const bytesOf = (images) => filesOf(images).reduce((sum, one) => sum + one.bytes, 0);

/** Groups, pairs and the bytes to be won for each tier that has any, and for all. */
export function tally(groups) {
  const empty = () => ({ groups: 0, pairs: 0, images: 0, bytes: 0 });
  const all = empty();
  const tiers = new Map(TIERS.map(([tier]) => [tier, empty()]));
  for (const group of groups) {
    const gone = isCopy(group.tier) ? removable(group) : [];
    for (const sum of [all, tiers.get(group.tier)]) {
      sum.groups += 1;
      sum.pairs += group.members.length === 1;
      sum.images += gone.length;
      sum.bytes += bytesOf(gone);
    }
  }
  return { all, tiers };
}

/**
 * What can go without a look: files of the same bytes as one that is kept, with the keeper a person has chosen.
 *
 * @param {object[]} groups
 * @param {Map<string, string>} keepers id of the image to keep by group, where another than the server's was chosen
 * @returns {{group: object, keep: object, remove: object[]}[]}
 */
export function identicalOnes(groups, keepers) {
  const found = [];
  for (const group of groups) {
    const keepId = keepers.get(keyOf(group)) ?? group.keep.id;
    const chosenAnew = keepId !== group.keep.id;
    if (chosenAnew && !isIdentical(group.tier)) continue; // the evidence is about the one the server would keep
    const remove = removable(group, keepId).filter((image) => chosenAnew || isIdentical(image.tier));
    const keep = imagesOf(group).find((image) => image.id === keepId);
    if (remove.length && isCopy(group.tier)) found.push({ group, keep, remove });
  }
  return found;
}
