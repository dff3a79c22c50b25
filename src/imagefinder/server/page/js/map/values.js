/** What the codes of points mean, a byte each, that the server gives with the values of a field (map_values.py). */

export const REST = 1; // one of the rare values
export const LAST = 254; // of a scale; its first is REST + 1
export const GONE = 255; // the image has left the index
