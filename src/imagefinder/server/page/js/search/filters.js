// The filter expression (see store/filters.py) as a list of conditions joined by "and", one or more for each facet.
// What this can't take apart, such as a top-level "or", stays whole and is edited as text.

const TOKEN = /\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|!=|<=|>=|[=<>~(),]|[^\s=<>~!(),"']+)/gy;
const OPERATORS = new Set(["=", "!=", "<", "<=", ">", ">=", "~"]);

/** @returns {{text: string, at: number}[] | null} null where it can't be read */
function tokens(expression) {
  const found = [];
  TOKEN.lastIndex = 0;
  const end = expression.trimEnd().length;
  while (TOKEN.lastIndex < end) {
    const match = TOKEN.exec(expression);
    if (!match) return null;
    found.push({ text: match[1], at: TOKEN.lastIndex - match[1].length });
  }
  return found;
}

/** The conditions that must all hold. */
export function splitFilter(expression) {
  const text = expression.trim();
  if (!text) return [];
  const parts = tokens(text);
  if (!parts) return [text];
  const cuts = [];
  let depth = 0;
  for (const { text: token, at } of parts) {
    if (token === "(") depth++;
    else if (token === ")") depth--;
    else if (depth === 0 && token.toLowerCase() === "or") return [`(${text})`];
    else if (depth === 0 && token.toLowerCase() === "and") cuts.push([at, at + token.length]);
  }
  const clauses = [];
  let start = 0;
  for (const [from, to] of [...cuts, [text.length, text.length]]) {
    clauses.push(text.slice(start, from).trim());
    start = to;
  }
  return clauses.filter(Boolean);
}

export const joinFilter = (clauses) => clauses.join(" and ");

const unquote = (token) => (/^["']/.test(token) ? token.slice(1, -1).replace(/\\(.)/gs, "$1") : token);

/** A value as the expression wants it: numbers bare, text in quotes. */
const quote = (value) =>
  typeof value === "number" ? String(value) : `"${String(value).replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;

/** The names of the fields that a condition speaks of. */
export function fieldsOf(clause) {
  const parts = tokens(clause) ?? [];
  const names = new Set();
  parts.forEach(({ text }, i) => {
    const next = parts[i + 1]?.text.toLowerCase();
    if (OPERATORS.has(next) || (next === "in" && parts[i + 2]?.text === "(")) names.add(unquote(text));
    if (text.toLowerCase() === "has" && parts[i + 1]) names.add(unquote(parts[i + 1].text));
  });
  return [...names];
}

/** The values of `field = value` or `field in (value, ..)`; null for any other condition. */
export function valuesOf(clause) {
  const parts = (tokens(clause) ?? []).map((token) => token.text);
  if (parts.length === 3 && parts[1] === "=") return [unquote(parts[2])];
  if (parts[1]?.toLowerCase() === "in" && parts[2] === "(" && parts.at(-1) === ")") {
    return parts.slice(3, -1).filter((token) => token !== ",").map(unquote);
  }
  return null;
}

/** "" for no value, so that nothing is asked. @param {(string | number)[]} values */
export function oneOf(field, values) {
  if (!values.length) return "";
  return values.length === 1 ? `${field} = ${quote(values[0])}` : `${field} in (${values.map(quote).join(", ")})`;
}

/** The comparisons in a condition: [[field, operator, value], ..] */
export function comparisons(clause) {
  const parts = (tokens(clause) ?? []).map((token) => token.text);
  return parts.flatMap((text, i) => (OPERATORS.has(parts[i + 1]) ? [[unquote(text), parts[i + 1], unquote(parts[i + 2] ?? "")]] : []));
}
