// Folders as conditions of the filter, and back: a folder is a path with its separator, such as "/home/me/Pictures/".
const ESCAPED = /uri >= "((?:[^"\\]|\\.)*)" and uri < "(?:[^"\\]|\\.)*"/g;
const quoted = (text) => `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;

/** The first text after all that begin with this one. */
const after = (path) => path.slice(0, -1) + String.fromCharCode(path.charCodeAt(path.length - 1) + 1);

const inside = (path) => `uri >= ${quoted(path)} and uri < ${quoted(after(path))}`;

/** The condition that images lie in one of these folders, or below. */
export function folderClause(paths) {
  if (!paths.length) return "";
  return `(${paths.length === 1 ? inside(paths[0]) : paths.map((path) => `(${inside(path)})`).join(" or ")})`;
}

/** The folders that conditions name so. */
export const foldersOf = (clauses) =>
  clauses.flatMap((clause) => [...clause.matchAll(ESCAPED)].map((match) => match[1].replace(/\\(.)/gs, "$1")));

/** "/home/me/Pictures/" -> "Pictures" */
export const folderName = (path) => path.replace(/[/\\#]+$/, "").split(/[/\\#]/).at(-1) || path;

