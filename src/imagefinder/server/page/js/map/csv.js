/** The chosen rows of columns as a CSV file, RFC 4180. */

/** @param {Record<string, any[]>} columns @param {Uint32Array} rows */
export function toCsv(columns, rows) {
  const names = Object.keys(columns).filter((name) => rows.some((row) => (columns[name][row] ?? null) !== null));
  const lines = [names.map(cell).join(",")];
  for (const row of rows) lines.push(names.map((name) => cell(columns[name][row])).join(","));
  return lines.join("\r\n") + "\r\n";
}

/** A text that a spreadsheet would take for a formula gets an apostrophe (OWASP, CSV injection). */
function cell(value) {
  if (value === null || value === undefined) return "";
  const text = Array.isArray(value) ? value.join(";") : String(value);
  const safe = typeof value !== "number" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
