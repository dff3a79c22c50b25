// Ranges of values as conditions of the filter, and back. A range is from (included) to (left out); "" is no bound.
import { date } from "../format.js";
import { COMMA, locale } from "../language.js";
import { comparisons } from "../search/filters.js";
import { table } from "../table.js";
import { texts } from "../texts.js";
import { bytes } from "../units.js";

const words = texts.filters;
const MONTH = new Intl.DateTimeFormat(locale, { month: "short", year: "numeric", timeZone: "UTC" });
const LONG_MONTH = new Intl.DateTimeFormat(locale, { month: "long", year: "numeric", timeZone: "UTC" });

/** "2024-05" -> "May 2024" */
export const monthName = (month, format = LONG_MONTH) => format.format(new Date(`${month}-01T00:00:00Z`));

const day = (text) => (text.length === 7 ? monthName(text, MONTH) : text.length === 10 ? date(`${text}T00:00:00`) : text);

/** What may be narrowed to a range: its name, how a value reads, the fields it stands for; `turned` where small is good. */
export const SPREADS = table({
  date: { name: words.date, show: day, fields: ["taken_at", "taken_guess"] },
  bytes: { name: words.fileSize, show: (n) => bytes(Number(n)), fields: ["bytes"] },
  width: { name: words.width, show: (n) => words.pixels(Number(n)), fields: ["width"] },
  height: { name: words.height, show: (n) => words.pixels(Number(n)), fields: ["height"] },
  blur: { name: words.sharpness, show: (n) => words.sharp(1 - Number(n)), fields: ["blur"], turned: true },
});

/** Bounds of a field in conditions: `{from, to}`, both texts. */
export function rangeIn(clauses, id) {
  const [field] = SPREADS[id].fields;
  const found = clauses.flatMap(comparisons).filter(([name]) => name === field || (id === "date" && name === "taken_guess"));
  const bound = (...signs) => found.find(([, sign]) => signs.includes(sign))?.[2] ?? "";
  const equal = bound("=");
  return { from: bound(">=", ">") || equal, to: bound("<", "<="), equal };
}

/** The conditions of a range, none where it has no bounds. */
export function rangeClauses(id, { from, to }) {
  const { fields } = SPREADS[id];
  const of = (sign, value) => {
    const tests = fields.map((field) => `${field} ${sign} ${value}`);
    return tests.length > 1 ? `(${tests.join(" or ")})` : tests[0];
  };
  return [from && of(">=", from), to && of("<", to)].filter(Boolean);
}

/** The conditions of a facet with another range for one of its fields. */
export function withRange(facet, clauses, id, range) {
  return facet.ranges.flatMap((one) => rangeClauses(one, one === id ? range : rangeIn(clauses, one)));
}

export function rangeSummary(facet, clauses) {
  const shown = facet.ranges.map((id) => {
    const { from, to, equal } = rangeIn(clauses, id);
    const { show, turned } = SPREADS[id];
    if (equal) return show(equal);
    const [low, high] = (turned ? [to, from] : [from, to]).map((value) => value && show(value));
    return low && high ? words.between(low, high) : low ? words.fromValue(low) : high ? words.under(high) : "";
  });
  return shown.filter(Boolean).join(COMMA) || clauses.join(", ");
}
