// Thumbs up and down: they stand in the URL and so re-rank at once, and are kept on the server to learn from.
import { useEffect } from "../../vendor/preact.js";
import { api } from "../api.js";
import { toast, toastError } from "../components/toast.js";
import { searchBody } from "../searching.js";
import { listParam, setParams } from "../state.js";
import { texts } from "../texts.js";

const PAUSE_MS = 1200; // several thumbs in a row make one judgement

/** Likes (or with `down` dislikes) an image; once more takes it back. A dislike sends it away, so a message does that, too. */
export function judge(search, id, down) {
  const without = (ids) => ids.filter((one) => one !== id);
  const [now, other] = down ? [search.disliked, search.liked] : [search.liked, search.disliked];
  const next = now.includes(id) ? without(now) : [...now, id];
  const [liked, disliked] = down ? [without(other), next] : [next, without(other)];
  setParams({ liked, disliked, sort: null });
  if (down && next.includes(id)) toast(texts.search.dislikedOne, { action: { label: texts.common.undo, run: () => takeBack(id, other.includes(id)) } });
}

/** Takes a dislike back in the search that is shown, if it is still there. */
function takeBack(id, wasLiked) {
  const params = new URLSearchParams(location.search);
  const disliked = listParam(params, "disliked");
  if (!disliked.includes(id)) return;
  setParams({ liked: [...listParam(params, "liked"), ...(wasLiked ? [id] : [])], disliked: disliked.filter((one) => one !== id), sort: null });
}

let kept = { question: "", judged: "", id: null };
let keeping = Promise.resolve(); // one judgement after the other: each takes the place of the one before

const keep = (...given) => (keeping = keeping.then(() => keepNow(...given)));

async function keepNow(question, query, liked, disliked) {
  const judged = JSON.stringify([liked, disliked]);
  if (kept.question === question && kept.judged === judged) return;
  const former = kept.question === question ? kept.id : null;
  kept = { question, judged, id: null };
  try {
    if (liked.length || disliked.length) kept.id = (await api.post("/feedback", { query, liked, disliked })).id;
    if (former) await api.delete(`/feedback/${former}`); // the new one says it all
  } catch (error) {
    toastError(error);
  }
}

/** Keeps the judgements of this search once the thumbs rest. */
export function useKeptJudgements(search, readOnly) {
  const { liked, disliked, exact, ...query } = searchBody(search); // how it is looked for is no part of the question
  const question = JSON.stringify(query);
  const any = liked.length + disliked.length > 0 || kept.question === question;
  useEffect(() => {
    if (readOnly || !any) return;
    const timer = setTimeout(() => keep(question, query, liked, disliked), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [question, liked.join(), disliked.join(), readOnly]);
}
