// Tables for download, made here from what the page has.
import { toCsv } from "./map/csv.js";

/** @param {string} name of the file @param {Record<string, any[]>} columns */
export function downloadCsv(name, columns) {
  const [first = []] = Object.values(columns);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([toCsv(columns, Uint32Array.from(first, (_, i) => i))], { type: "text/csv" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
