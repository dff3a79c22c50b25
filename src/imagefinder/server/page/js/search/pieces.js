// The parts of a query's words, each with its weight, as search/grammar.py reads them; and the way back to a text.
// What grammar.py refuses is no list of parts here: the text stays as it is, and the server says what is wrong with it.

/** @typedef {{text: string, raw: string, weight: number, field: string}} Piece `raw` is how it is written, without sign and weight */

const LESS = 0.5; // of `-word`, unless it says another
const SIGNS = new Map([["+", 1], ["-", -1], ["\u2212", -1]]);
const FIELDS = new Map([["name", "name"], ["caption", "caption"], ["text", "text"], ["tag", "tag"], ["tags", "tag"]]);
const WEIGHT = String.raw`\d+(?:\.\d+)?|\.\d+`;
const TOKEN = new RegExp(
  `(?<sign>[+\\-\u2212])?(?:(?<weight>${WEIGHT}):)?(?:(?<field>[A-Za-z_]+):)?"(?<quoted>[^"]*)"[,.;!?]?(?=\\s|$)` +
    "|(?<signed>[+\\-\u2212])(?<word>\\S+)|\\S+",
  "gu",
);
const WEIGHTED = new RegExp(`^(${WEIGHT}):\\s*(\\S.*)$`, "su");
const FIELDED = /^([A-Za-z_]+):([^\s/\\:].*)$/s;
const NUMBER = /^[\d.,:/\u2013-]*\d[°%]?[\p{L}\p{N}_]?$/u;
const MARKS = /^[\p{Pd}\p{Po}\p{Ps}\p{Pe}\p{Sm}]+$/u;

const isTerm = (word) => !SIGNS.has(word[0]) && !SIGNS.has(word.at(-1)) && !NUMBER.test(word) && !MARKS.test(word);
const straight = (text) => text.replace(/[\u201c\u201d\u201e\u00ab\u00bb]/g, '"');
const fieldOf = (name) => FIELDS.get(name?.toLowerCase()) ?? "";

function unquoted(word) {
  const open = word.replace(/^"/, "");
  return open.endsWith('"') && !/\d"$/.test(open) ? open.slice(0, -1) : open;
}

/** @param {string} text @returns {Piece[] | null} null where a sign has nothing beside it */
export function splitPieces(text) {
  const parts = partsOf(straight(text));
  const found = [];
  for (const [sign, part] of parts) {
    const own = piecesOf(part, sign);
    if (!own.length && (parts.length > 1 || !part || sign < 0)) return null;
    found.push(...own);
  }
  return found;
}

/** What stands between the signs that stand alone, each with the sign before it. */
function partsOf(text) {
  const parts = [];
  let [sign, start] = [1, 0];
  for (const token of text.matchAll(TOKEN)) {
    if (!SIGNS.has(token[0])) continue;
    parts.push([sign, text.slice(start, token.index).trim()]);
    [sign, start] = [SIGNS.get(token[0]), token.index + token[0].length];
  }
  parts.push([sign, text.slice(start).trim()]);
  return parts.length > 1 && !parts[0][1] ? parts.slice(1) : parts;
}

function piecesOf(part, sign) {
  const rest = [];
  const apart = [];
  for (const { 0: whole, groups } of part.matchAll(TOKEN)) {
    const signed = groups.word && isTerm(groups.word);
    const own = groups.sign ?? (signed ? groups.signed : undefined);
    const piece = groups.quoted === undefined ? bare(unquoted(signed ? groups.word : whole)) : quoted(groups);
    if (!piece.text) continue;
    if (own) {
      const one = inField(weighted(piece, SIGNS.get(own)));
      const usual = !one.field && one.weight === -1 && one.text === piece.text && !groups.weight;
      apart.push(usual ? { ...one, weight: -LESS } : one);
      continue;
    }
    const one = inField(weighted(piece, sign));
    (one.field ? apart : rest).push(one.field ? one : piece);
  }
  return [...(rest.length ? [joined(rest, sign)] : []), ...apart];
}

const bare = (text) => ({ text, raw: text, weight: 1, field: "", quoted: false });

function quoted({ quoted: said, field, weight }) {
  const text = said.trim();
  const known = fieldOf(field);
  const raw = known ? `${known}:"${text}"` : field ? `"${field}: ${text}"` : `"${text}"`;
  return { text: field && !known ? `${field}: ${text}` : text, raw, weight: Number(weight ?? 1), field: text ? known : "", quoted: true };
}

/** Words and phrases without a sign of their own, as one piece. */
function joined(rest, sign) {
  if (rest.length === 1 && rest[0].quoted) return weighted(rest[0], sign);
  const [text, raw] = ["text", "raw"].map((name) => rest.map((one) => one[name]).join(" "));
  return weighted({ ...rest[0], text, raw, quoted: false }, sign);
}

function weighted(piece, sign) {
  const said = piece.quoted ? null : WEIGHTED.exec(piece.text);
  if (!said) return { ...piece, weight: sign * piece.weight };
  return { ...piece, text: said[2], raw: WEIGHTED.exec(piece.raw)?.[2] ?? piece.raw, weight: sign * piece.weight * Number(said[1]) };
}

function inField(piece) {
  const said = piece.quoted ? null : FIELDED.exec(piece.text);
  return said && fieldOf(said[1]) ? { ...piece, text: said[2], field: fieldOf(said[1]) } : piece;
}

/** The text of these parts, which reads as them again. @param {Piece[]} pieces */
export function writePieces(pieces) {
  return pieces.map(({ raw, weight, field }, i) => {
    const size = Math.abs(weight);
    const sign = weight < 0 ? "- " : i ? "+ " : "";
    return `${sign}${size === 1 || field ? "" : `${round(size)}:`}${raw}`;
  }).join(" ");
}

export const round = (weight) => Math.round(weight * 100) / 100;
