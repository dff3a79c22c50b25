// The search that the URL describes, as the server wants it, and pictures to search by.
import { api } from "./api.js";
import { toast, toastError } from "./components/toast.js";
import { round, splitPieces, writePieces } from "./search/pieces.js";
import { listParam, navigate, place, withParams } from "./state.js";
import { table } from "./table.js";
import { texts } from "./texts.js";

/**
 * @typedef {{kind: "id" | "upload", value: string, weight: number, box: number[] | null}} Picture an image of the index or one that was sent
 * @typedef {{words: string, pictures: Picture[], ids: string[], upload: string, filter: string, liked: string[],
 *   disliked: string[], sort: string, collapse: boolean, diversity: number, minScore: number | null, sameCluster: boolean,
 *   spaces: string[], measures: string[], fuse: string, all: boolean, exact: boolean}} Search
 */

const MEASURES = ["cosine", "euclidean"];
export const FUSES = table(texts.filters.fuses);
export const HEAVIEST = 2; // the largest weight that is dragged to

const boxOf = (sides) => (sides.length === 4 && sides.every((n) => n >= 0 && n <= 1) ? sides : null);

/** A picture is written `ID`, `ID*WEIGHT` or `ID*WEIGHT*LEFT_TOP_RIGHT_BOTTOM`; a `box` of its own is that of all that have none. */
function readPictures(params) {
  const common = boxOf(listParam(params, "box").map(Number));
  const read = (kind) => (text) => {
    const [value, weight, box] = text.split("*");
    const heavy = Number(weight);
    return { kind, value, weight: weight && Number.isFinite(heavy) ? heavy : 1, box: (box && boxOf(box.split("_").map(Number))) || common };
  };
  return ["upload", "id"].flatMap((kind) => listParam(params, kind).map(read(kind)));
}

const writePicture = ({ value, weight, box }) => [value, ...(weight !== 1 || box ? [round(weight)] : []), ...(box ? [box.map(short).join("_")] : [])].join("*");
const short = (side) => Math.round(side * 10000) / 10000;

/** The parameters of the URL that say which pictures are searched by. @param {Picture[]} pictures */
export const pictureParams = (pictures) => ({
  id: pictures.filter((one) => one.kind === "id").map(writePicture),
  upload: pictures.filter((one) => one.kind === "upload").map(writePicture),
  box: null,
});

/** @param {URLSearchParams} params @returns {Search} */
export function readSearch(params) {
  const pictures = readPictures(params);
  return {
    words: (params.get("q") ?? "").trim(),
    pictures,
    ids: pictures.filter((one) => one.kind === "id").map((one) => one.value),
    upload: pictures.find((one) => one.kind === "upload")?.value ?? "",
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
    exact: params.has("exact"),
  };
}

/** Whether anything is searched for; otherwise all images are shown. */
export const isQuery = (search) =>
  Boolean(search.words || search.pictures.length || search.liked.length || search.disliked.length);

/** The parts of the words, where they stand as chips: beside pictures, or when there are several. Null where they are one text. */
export function wordChips(search) {
  const pieces = search.words ? splitPieces(search.words) : [];
  return pieces && (search.pictures.length || pieces.length > 1) ? pieces : null;
}

/** The body of `POST /v1/search`. */
export function searchBody(search) {
  return {
    words: search.words || null,
    parts: search.pictures.map(({ kind, value, weight, box }) => ({ [kind]: value, ...(weight === 1 ? {} : { weight }), ...(box ? { box } : {}) })),
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
    exact: search.exact,
  };
}

const NEW_QUERY = { q: null, id: null, upload: null, box: null, liked: null, disliked: null, sort: null, all: null, image: null };

/** The URL of a new search; what narrows it (the filter, the options) stays. */
export const searchHref = (query) =>
  withParams({ ...NEW_QUERY, ...query }, { path: "/", from: place.get().path === "/" ? location.search : "" });

export const similarHref = (id) => searchHref({ id });

/** The URL of the search with a picture more in it. @param {Search} search @param {Partial<Picture>} picture */
export const withPicture = (search, picture) =>
  withParams({ ...pictureParams([...search.pictures, { kind: "id", weight: 1, box: null, ...picture }]), sort: null, image: null });

const here = () => readSearch(place.get().path === "/" ? place.get().params : new URLSearchParams());

async function searchBy(sent, adding) {
  try {
    const { upload } = await sent;
    const search = here();
    navigate(adding && isQuery(search) ? withPicture(search, { kind: "upload", value: upload }) : searchHref({ upload }));
  } catch (error) {
    toastError(kindly(error));
  }
}

/** The server's advice for those who run it is none for whoever looks at a page. */
function kindly(error) {
  const text = table(texts.search.refused)[error.code];
  return text ? Object.assign(new Error(text.message), { remedy: text.remedy }) : error;
}

/** Search by a picture: a file dropped, pasted or picked. With `adding`, beside what is searched for already. */
export const searchByFile = (file, { adding = false } = {}) => searchBy(api.upload("/uploads", { file }), adding);

/** Search by a picture at a URL. */
export async function searchByUrl(url, { adding = false } = {}) {
  const fetched = toast(texts.search.fetching);
  await searchBy(api.post("/uploads", { url: /^www\./i.test(url) ? `https://${url}` : url }), adding);
  fetched();
}

const URL_LIKE = /^(?:https?:\/\/\S+|www\.[^\s/]+\.[^\s/]+\/\S*\.(?:jpe?g|png|webp|gif|bmp|tiff?|avif|heic|heif)(?:\?\S*)?)$/i;
export const isUrl = (text) => URL_LIKE.test(text.trim());

const FILE = /^(?:file:\/\/)?((?:[/~]|[A-Za-z]:[\\/]|\\\\).*[\\/])?([^\\/]+\.(?:jpe?g|png|webp|gif|bmp|tiff?|avif|heic|heif|svg|pdf|mp4|mov|jxl|dng|cr2|nef|arw))$/i;

/** The name of the file that a text is the path of, such as one pasted from a file manager; empty for any other text. */
export function pathName(text) {
  const [, folder, name] = FILE.exec(text.trim().replace(/^(["'])(.*)\1$/, "$2")) ?? [];
  return folder && name ? name : "";
}

export { splitPieces, writePieces };
