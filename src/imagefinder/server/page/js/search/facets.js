// What images are filtered by: for each facet which fields are its own, what its button says, which conditions it makes.
import { folderName, foldersOf } from "../browse/folders.js";
import { rangeSummary } from "../browse/ranges.js";
import { COMMA } from "../language.js";
import { texts } from "../texts.js";
import { fieldsOf, joinFilter, splitFilter, valuesOf } from "./filters.js";

const words = texts.filters;

/** @typedef {{id: string, name: string, fields: string[], kind: "list" | "folder" | "range", none: string, ranges?: string[]}} Facet */

/** Those that most people want first. @type {Facet[]} */
export const FACETS = [
  { id: "folder", name: words.folder, fields: ["folder", "uri"], kind: "folder", none: words.noFolders },
  { id: "date", name: words.date, fields: ["taken_at", "taken_guess"], kind: "range", ranges: ["date"], none: words.noDates },
  { id: "tags", name: words.tags, fields: ["tags"], kind: "list", none: words.noTags },
  { id: "cluster", name: words.cluster, fields: ["cluster"], kind: "list", none: words.noGroups },
  { id: "colours", name: words.colours, fields: ["colours"], kind: "list", none: words.noColours },
  { id: "size", name: words.size, fields: ["width", "height", "bytes"], kind: "range", ranges: ["bytes", "width", "height"], none: words.noSizes },
  { id: "sharpness", name: words.sharpness, fields: ["blur"], kind: "range", ranges: ["blur"], none: words.noSharpness },
  { id: "class", name: words.class, fields: ["class"], kind: "list", none: words.noClasses },
  { id: "issues", name: words.issues, fields: ["issues"], kind: "list", none: words.noIssues },
  { id: "camera", name: words.camera, fields: ["camera"], kind: "list", none: words.noCameras },
  { id: "format", name: words.format, fields: ["format"], kind: "list", none: words.noFormats },
];

/** The facet whose own a condition is. */
const facetOf = (clause) => {
  const fields = fieldsOf(clause);
  return fields.length ? FACETS.find((facet) => fields.every((field) => facet.fields.includes(field))) : undefined;
};

/** The conditions of a filter by facet: `{clauses: {size: [..]}, others: [..]}`. */
export function sortOut(filter) {
  const clauses = Object.fromEntries(FACETS.map((facet) => [facet.id, []]));
  const others = [];
  for (const clause of splitFilter(filter)) (clauses[facetOf(clause)?.id] ?? others).push(clause);
  return { clauses, others };
}

/** The filter with other conditions for one facet. */
export function withClauses(filter, facet, clauses) {
  const kept = splitFilter(filter).filter((clause) => facetOf(clause)?.id !== facet.id);
  return joinFilter([...kept, ...clauses.filter(Boolean)]);
}

/** Whether a facet can narrow the collection, of which `all` are the facets without a filter. */
export function canNarrow(facet, all) {
  const differs = (field) => all.ranges[field]?.[0] !== all.ranges[field]?.[1];
  if (facet.kind === "range") return facet.ranges.some(differs);
  if (facet.kind === "folder") return all.places > 1;
  const values = all[facet.id] ?? [];
  return values.length > 1 || (values.length === 1 && (facet.id === "tags" || values[0].count < all.total));
}

/** What is chosen, in short: "2020", "from 800 px", "red, blue". `names` are those of the groups. */
export function summary(facet, clauses, names = new Map()) {
  if (!clauses.length) return "";
  if (facet.kind === "range") return rangeSummary(facet, clauses);
  const folders = facet.kind === "folder" ? foldersOf(clauses).map(folderName) : [];
  const values = folders.length ? folders : clauses.flatMap((clause) => valuesOf(clause) ?? [clause]);
  const shown = values.map((value) => valueName(facet, value, names.get(value)));
  return shown.length > 2 ? words.further(shown[0], shown.length - 1) : shown.join(COMMA);
}

export function valueName(facet, value, name) {
  if (facet.id === "cluster") return Number(value) < 0 ? words.noGroup : name || words.group(value);
  if (facet.id === "issues") return issueName(value);
  if (facet.id === "folder") return value || words.noFolder;
  return String(value);
}

/** "low-contrast" -> "Low contrast" */
export const issueName = (issue) => issue[0].toUpperCase() + issue.slice(1).replaceAll("-", " ");
