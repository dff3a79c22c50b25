// The search that the URL describes, as the server wants it, and pictures to search by.
import { api } from "./api.js";
import { toast, toastError } from "./components/toast.js";
import { listParam, navigate, place, withParams } from "./state.js";
import { table } from "./table.js";

/**
 * @typedef {{words: string, ids: string[], upload: string, box: number[] | null, filter: string, liked: string[],
 *   disliked: string[], sort: string, collapse: boolean, diversity: number, minScore: number | null, sameCluster: boolean,
 *   spaces: string[], measures: string[], fuse: string, all: boolean}} Search
 */

const MEASURES = ["cosine", "euclidean"];
export const FUSES = table({ mean: "Mean score", rrf: "Mean rank", vote: "Votes" });

/** @param {URLSearchParams} params @returns {Search} */
export function readSearch(params) {
  const box = listParam(params, "box").map(Number);
  return {
    words: (params.get("q") ?? "").trim(),
    ids: listParam(params, "id"),
    upload: params.get("upload") ?? "",
    box: box.length === 4 && box.every((n) => n >= 0 && n <= 1) ? box : null,
    filter: params.get("filter") ?? "",
    liked: listParam(params, "liked"),
    disliked: listParam(params, "disliked"),
    sort: params.get("sort") ?? "",
    collapse: params.has("collapse"),
    diversity: Number(params.get("diversity") ?? 0),
    minScore: params.has("min_score") ? Number(params.get("min_score")) : null,
    sameCluster: params.has("same_cluster"),
    spaces: listParam(params, "spaces"),
    measures: listParam(params, "measures").filter((one) => MEASURES.includes(one)),
    fuse: FUSES[params.get("fuse")] ? params.get("fuse") : "mean",
    all: params.has("all"),
  };
}

/** Whether anything is searched for; otherwise all images are shown. */
export const isQuery = (search) =>
  Boolean(search.words || search.ids.length || search.upload || search.liked.length || search.disliked.length);

/** The body of `POST /v1/search`. */
export function searchBody(search) {
  const box = search.box ? { box: search.box } : {};
  const parts = search.ids.map((id) => ({ id, ...box }));
  if (search.upload) parts.push({ upload: search.upload, ...box });
  return {
    words: search.words || null,
    parts,
    liked: search.liked,
    disliked: search.disliked,
    filter: search.filter || null,
    min_score: search.minScore,
    same_cluster: search.sameCluster,
    collapse: search.collapse,
    diversity: search.diversity,
    spaces: search.spaces,
    measures: search.measures.length ? search.measures : ["cosine"],
    fuse: search.fuse,
    cut: search.all ? null : "auto",
  };
}

const NEW_QUERY = { q: null, id: null, upload: null, box: null, liked: null, disliked: null, sort: null, all: null, image: null };

/** The URL of a new search; what narrows it (the filter, the options) stays. */
export const searchHref = (query) =>
  withParams({ ...NEW_QUERY, ...query }, { path: "/", from: place.get().path === "/" ? location.search : "" });

export const similarHref = (id) => searchHref({ id });

/** Search by a picture: a file dropped, pasted or picked. */
export async function searchByFile(file) {
  try {
    const { upload } = await api.upload("/uploads", { file });
    navigate(searchHref({ upload }));
  } catch (error) {
    toastError(error);
  }
}

/** Search by a picture at a URL. */
export async function searchByUrl(url) {
  toast("Fetching the picture …");
  try {
    const { upload } = await api.post("/uploads", { url });
    navigate(searchHref({ upload }));
  } catch (error) {
    toastError(error);
  }
}

export const isUrl = (text) => /^https?:\/\/\S+$/i.test(text.trim());
