// What there is to learn from: the kinds that pictures were sorted into, and how many pictures each has.
import { useEffect } from "../../vendor/preact.js";
import { api, useRequest } from "../api.js";
import { onChanged } from "../events.js";

export const LIKES = "likes"; // thumbs among the results
export const LEAST = 4; // pictures of one kind: with fewer none can be kept apart to measure by
const KINDS = 2;
const FACETS = { tags: "tags", folder: "folder", cluster_name: "cluster" }; // the best to learn from first
const OWN = new Set(["id", "uri", "source", "content_hash", "format", "mtime", "taken_at", "taken_from", "taken_guess", "caption", "class", ...Object.keys(FACETS)]);

/** Columns of the user's own tables that may hold labels, as some of the pictures have them. */
function columnsOf(images) {
  const names = images.flatMap((image) => Object.keys(image).filter((name) => !OWN.has(name) && typeof image[name] === "string"));
  return [...new Set(names)].map((by) => ({ by, kinds: 0, images: 0 }));
}

async function load(signal) {
  const [facets, some, liked] = await Promise.all([api.get("/facets", {}, { signal }), api.get("/images", { k: 50 }, { signal }), api.get("/feedback", { k: 1000 }, { signal })]);
  const known = Object.entries(FACETS).map(([by, facet]) => {
    const kinds = (facets[facet] ?? []).filter(({ value, count }) => count >= LEAST && !(facet === "cluster" && value < 0));
    return { by, kinds: kinds.length, images: kinds.reduce((sum, { count }) => sum + count, 0) };
  });
  const thumbs = liked.feedback.reduce((sum, one) => sum + one.liked.length + one.disliked.length, 0);
  return [...known.filter(({ kinds }) => kinds >= KINDS), ...columnsOf(some.images), ...(thumbs >= LEAST ? [{ by: LIKES, kinds: 0, images: thumbs }] : [])];
}

/** @returns {{by: string, kinds: number, images: number}[] | null} null while it is not known */
export function useLearnable(info) {
  const { data, reload } = useRequest(`learnable ${info.images}`, load);
  useEffect(() => onChanged(["images", "clusters"], reload), []);
  return data;
}
