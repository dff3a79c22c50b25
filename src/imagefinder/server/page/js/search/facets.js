// What images are filtered by: for each facet which fields are its own, what its button says, which conditions it makes.
import { bytes } from "../format.js";
import { comparisons, fieldsOf, joinFilter, splitFilter, valuesOf } from "./filters.js";
import { table } from "../table.js";

/** @typedef {{id: string, name: string, fields: string[], kind: "list" | "date" | "size", none: string}} Facet */

/** @type {Facet[]} */
export const FACETS = [
  { id: "folder", name: "Folder", fields: ["folder"], kind: "list", none: "No image lies in a folder." },
  { id: "cluster", name: "Group", fields: ["cluster"], kind: "list", none: "The images are not grouped yet: do so under Groups." },
  { id: "tags", name: "Tag", fields: ["tags"], kind: "list", none: "No image has a tag yet. Select some and press Tag." },
  { id: "date", name: "Date", fields: ["taken_at"], kind: "date", none: "No file here says when its picture was taken." },
  { id: "size", name: "Size", fields: ["width", "height", "bytes"], kind: "size", none: "" },
  { id: "colours", name: "Colour", fields: ["colours"], kind: "list", none: "The colours of these images are not known; measuring the quality in the library finds them." },
  { id: "format", name: "Format", fields: ["format"], kind: "list", none: "No format is known." },
  { id: "camera", name: "Camera", fields: ["camera"], kind: "list", none: "No file here says what camera took it." },
  { id: "class", name: "Class", fields: ["class"], kind: "list", none: "No class is known yet: the library can tell them." },
  { id: "issues", name: "Quality", fields: ["issues"], kind: "list", none: "No issue was found. The library can measure the quality of all images." },
];

const SIGNS = table({ ">=": "from", ">": "over", "<=": "up to", "<": "under", "=": "" });

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

/** What is chosen, in short: "2020", "from 800 px wide", "red, blue". `names` are those of the groups. */
export function summary(facet, clauses, names = new Map()) {
  if (!clauses.length) return "";
  if (facet.kind === "list") {
    const values = clauses.flatMap((clause) => valuesOf(clause) ?? [clause]);
    const shown = values.map((value) => valueName(facet, value, names.get(value)));
    return shown.length > 2 ? `${shown[0]} +${shown.length - 1}` : shown.join(", ");
  }
  const found = clauses.flatMap(comparisons);
  if (facet.kind === "date") return dateSummary(found);
  const side = (field, value) => (field === "bytes" ? bytes(Number(value)) : `${value} px ${field === "width" ? "wide" : "high"}`);
  return found.map(([field, sign, value]) => `${SIGNS[sign] ?? sign} ${side(field, value)}`).join(", ").trim();
}

function dateSummary(found) {
  const equal = found.filter(([, sign]) => sign === "=").map(([, , value]) => value);
  if (equal.length) return equal.join(", ");
  const from = found.find(([, sign]) => sign.startsWith(">"))?.[2];
  const to = found.find(([, sign]) => sign.startsWith("<"))?.[2];
  return from && to ? `${from} – ${to}` : from ? `from ${from}` : to ? `until ${to}` : "";
}

export function valueName(facet, value, name) {
  if (facet.id === "cluster") return Number(value) < 0 ? "Without a group" : name || `Group ${value}`;
  if (facet.id === "issues") return issueName(value);
  if (facet.id === "folder") return value || "(none)";
  return String(value);
}

/** "low-contrast" -> "Low contrast" */
export const issueName = (issue) => issue[0].toUpperCase() + issue.slice(1).replaceAll("-", " ");

/** Years, or a range of days. */
export function dateClause({ years = [], from = "", to = "" }) {
  const tests = years.map((year) => `taken_at = ${year}`);
  if (tests.length) return tests.length > 1 ? `(${tests.join(" or ")})` : tests[0];
  return [from && `taken_at >= ${from}`, to && `taken_at <= ${to}`].filter(Boolean).join(" and ");
}
