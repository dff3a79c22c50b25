/** Ids as the server sends many of them: 16 bytes each. */

export const ID_BYTES = 16;
export const PART_BYTES = 2_880_000; // of one answer
export const IDS_A_PART = PART_BYTES / ID_BYTES;

/** The text of id `i`. @param {Uint8Array} bytes */
export function idAt(bytes, i) {
  const hex = Array.from(bytes.subarray(ID_BYTES * i, ID_BYTES * (i + 1)), (byte) => byte.toString(16).padStart(2, "0"));
  return [[0, 4], [4, 6], [6, 8], [8, 10], [10, 16]].map(([from, to]) => hex.slice(from, to).join("")).join("-");
}
