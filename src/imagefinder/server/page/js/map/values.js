/**
 * What the points are coloured by: a column of values as one byte for each point, and what the bytes mean. Texts and
 * few numbers become kinds, many numbers and dates a scale.
 */

import { own } from "../table.js";

export const NONE = 0; // no value
export const REST = 1; // one of the rare values beyond MOST_KINDS
const FIRST = 2;
export const LAST = 255;
const MOST_KINDS = LAST - FIRST; // 253, and one for the rest
const FEW_NUMBERS = 24;
const DATE = /^\d{4}-\d{2}(-\d{2}|$)/;

/**
 * @param {Record<string, any[]>} columns `field` among them, and `bytes`, which every image in the index has
 * @param {string} field a list of values (tags) counts as its first
 * @returns {{codes: Uint8Array, gone: Uint32Array, kinds: {code: number, value: any, name: string, count: number}[] | null,
 *   scale: {low: number, high: number, isDate: boolean} | null, missing: number}}
 */
export function valuesOf(columns, field) {
  const given = own(columns, field) ?? columns.bytes.map(() => null); // a name that holds a comma is no column
  const values = given.map((value) => (Array.isArray(value) ? value[0] : value) ?? null);
  const gone = Uint32Array.from(columns.bytes.flatMap((bytes, i) => (bytes === null ? [i] : [])));
  const missing = values.reduce((n, value) => n + (value === null), 0) - gone.length;
  const scale = field === "cluster" ? null : scaleOf(values);
  if (scale) return { codes: scaled(scale), gone, kinds: null, scale: scale.ends, missing };
  return { ...kindsOf(values, field === "cluster" ? columns.cluster_name : null), gone, scale: null, missing };
}

function scaleOf(values) {
  const given = values.filter((value) => value !== null);
  const isDate = given.length > 0 && given.every((value) => typeof value === "string" && DATE.test(value));
  if (!isDate && !given.every((value) => typeof value === "number")) return null;
  const numbers = Float64Array.from(values, (value) => (value === null ? NaN : isDate ? Date.parse(value) : value));
  const sorted = numbers.filter(Number.isFinite).sort();
  if (new Set(sorted).size <= FEW_NUMBERS) return null;
  const at = (share) => sorted[Math.round(share * (sorted.length - 1))];
  const low = at(0.01); // a few extremes must not take the colours from all others
  return { numbers, ends: { low, high: at(0.99) > low ? at(0.99) : low + 1, isDate } };
}

function scaled({ numbers, ends: { low, high } }) {
  return Uint8Array.from(numbers, (number) => {
    if (!Number.isFinite(number)) return NONE;
    return FIRST + Math.round(Math.max(0, Math.min(1, (number - low) / (high - low))) * (LAST - FIRST));
  });
}

/** The commonest get a code each, in order of their number; a cluster's -1 is no cluster. */
function kindsOf(values, names) {
  const counts = new Map();
  values.forEach((value, i) => {
    if (value === null || (names && value < 0)) return;
    const kind = counts.get(value);
    if (kind) kind.count++;
    else counts.set(value, { value, name: names ? names[i] : String(value), count: 1 });
  });
  const kinds = [...counts.values()].sort((a, b) => b.count - a.count).slice(0, MOST_KINDS);
  kinds.forEach((kind, i) => (kind.code = FIRST + i));
  const codeOf = new Map(kinds.map((kind) => [kind.value, kind.code]));
  const codes = Uint8Array.from(values, (value) => codeOf.get(value) ?? (counts.has(value) ? REST : NONE));
  return { codes, kinds, rest: counts.size - kinds.length };
}
