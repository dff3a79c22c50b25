// What was marked here just now, shown before lists that were loaded again say the same.
import { store, useStore } from "../store.js";

const LASTS_MS = 10_000;
export const made = store(new Map()); // favourites and ratings, by id

const plain = ({ favorite, rating } = {}) => ({ favorite: favorite === true, rating: Number.isInteger(rating) ? rating : 0 });

/** @returns {{favorite: boolean, rating: number}} of an image, as it is now */
export const markOf = (image) => ({ ...plain(image), ...made.get().get(image.id) });
export const useMarks = () => useStore(made);
export const forgetMarks = () => made.set(new Map());

export function showMark(ids, mark) {
  made.set((former) => new Map([...former, ...ids.map((id) => [id, { ...former.get(id), ...mark }])]));
  const mine = made.get();
  setTimeout(() => made.get() === mine && forgetMarks(), LASTS_MS);
}
