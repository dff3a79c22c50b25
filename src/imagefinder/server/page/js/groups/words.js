// Figures of groups in plain words.

const TIGHTNESS = [[0.65, "nearly the same"], [0.5, "very alike"], [0.4, "alike"], [0.3, "loosely alike"], [-1, "mixed"]];
// The mean Jaccard overlap of resampled runs; 0.75 and 0.5 are the bounds of docs/clusters.md. The other bounds are ours.
const STABILITY = [[0.85, "very stable"], [0.75, "stable"], [0.5, "fairly stable"], [-1, "not stable"]];

const word = (steps, value) => steps.find(([least]) => value >= least)[1];

export const tightnessWord = (value) => word(TIGHTNESS, value);
export const stabilityWord = (value) => word(STABILITY, value);

export const METHODS = {
  leiden: ["Leiden", "Finds communities of images that lie close together; good for most collections."],
  kmeans: ["k-means", "Groups of similar size around a centre."],
  minibatch: ["k-means, quick", "The same, faster and a little rougher, for very many images."],
  agglomerative: ["Agglomerative", "Joins the nearest groups step by step; good for fine differences."],
  hdbscan: ["HDBSCAN", "Finds dense groups and leaves out what fits nowhere; chooses the number itself."],
  dbscan: ["DBSCAN", "Dense groups of one density; leaves out what fits nowhere; chooses the number itself."],
};
export const methodName = (method) => METHODS[method]?.[0] ?? method;

/** These find the number of groups themselves and refuse one. */
export const choosesItself = (method) => method === "hdbscan" || method === "dbscan";

export const NO_GROUP = -1;
export const NO_GROUP_NAME = "In no group";
export const groupHref = (label) => `/groups/${label}`;
