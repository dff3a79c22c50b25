"""Where the good hits end: how sure it is that an image belongs to a query."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from imagefinder.index.sample import ASKED, PLACES, Usual, standard
from imagefinder.results import MAYBE, SURELY
from imagefinder.search.query import Kind, Term
from imagefinder.search.relevance import LIKED_WEIGHT

if TYPE_CHECKING:
    from imagefinder.index.folder import Index
    from imagefinder.index.models import View
    from imagefinder.search.options import SearchOptions
    from imagefinder.search.rerank import RankedHit
    from imagefinder.store.base import ScoredPoint
    from imagefinder.types import Float32

LEARNT = Path(__file__).with_name("ends.json")
LEAST = 50  # images: of fewer, scores say nothing of what is usual
COUNTED = 1000  # hits, beyond which nobody counts how many fit
STEPS = np.concatenate([np.arange(0, 12, 0.1), np.geomspace(12, 60, 20)])  # standings at which chances are computed
ANSWERED = 0.3, 0.2  # the chance that anything here fits, by pictures and by words, below which nothing is said to
CUTS = 0.15, 0.5  # between which chances the hits are cut
STRICT = 1.5  # times the chance that makes F1 largest: what is expected is too large where nobody knows the class
APART = 1.5, 2.5  # usual best standings, between which a hit becomes sure, whatever the query
SAID = 32  # common words that a joint model is asked for once
TOPS = (0, 1, 2, 4, 9, 19, 49)  # places in the sample whose standings tell whether anything fits


class Scores(NamedTuple):
    """How a query scores a random ``sample`` of images, float32 (n,); what is ``usual`` in the spaces, and how ``odd``
    the query is there, float64 (4,). ``words`` and ``liked`` are the shares of texts and of liked images in what is
    wanted, from 0 to 1."""

    sample: Float32
    usual: Usual
    odd: np.ndarray
    words: float
    liked: float = 0.0


class Weights(NamedTuple):
    """Of two logistic functions, for queries by pictures and by words, float64 (2, n) each: the chance that anything
    here is an answer, from ``facts`` and their products; and the chance that an image belongs if so, from
    ``features``."""

    answer: np.ndarray
    belongs: np.ndarray


@dataclass(frozen=True, slots=True)
class Ends:
    """From the scores of one query to chances. ``chances``, float64, belong to ``STEPS``: how far a score stands above
    the ``middle`` of random images, in ``spread``s. The hits are best cut where the chance falls below ``cut``."""

    middle: float
    spread: float
    chances: np.ndarray
    cut: float

    def sure(self, scores: Sequence[float] | np.ndarray) -> np.ndarray:
        """The chance of images with these scores to belong, float64 (n,), 0 to 1; never less for a better score."""
        standings = (np.asarray(scores, np.float64) - self.middle) / self.spread
        found: np.ndarray = np.interp(standings, STEPS, self.chances)
        return found

    def least(self, sure: float) -> float:
        """The score from which on images belong with at least this chance; infinity if there is none."""
        first = int(np.searchsorted(self.chances, sure))
        if first == len(STEPS):
            return float("inf")
        low, high = self.chances[first - 1 : first + 1] if first else (0.0, 0.0)
        step = STEPS[first] if first == 0 or high <= low else np.interp(sure, (low, high), STEPS[first - 1 : first + 1])
        return self.middle + self.spread * float(step)


def ends_of(scores: Scores, weights: Weights | None = None) -> Ends | None:
    """What the scores of a sample say; None where it is too small to say anything.

    A chance is that of anything here being an answer, times that of the image to belong if so. Their weights were
    learnt from collections with labels by ``benchmarks/ends.py``, which also compares other ways to tell: fits of
    extreme values, mixtures, false discovery rates. Who likes an image knows that something fits. What stands very far
    apart, as a copy or what texts say, is sure whatever the query is.
    """
    if len(scores.sample) < LEAST:
        return None
    weights = weights or learnt()
    found = np.sort(scores.sample)
    middle, spread = (float(x) for x in standard(found))
    found = (found - middle) / spread
    answer = 1.0 if scores.liked else float(_chance(with_products(facts(found, scores)), weights.answer, scores.words))
    belongs = np.maximum.accumulate(_chance(features(found, STEPS, scores), weights.belongs, scores.words))
    apart = np.clip((STEPS / max(scores.usual.best, 1.0) - APART[0]) / (APART[1] - APART[0]), 0, 1)
    cut = answer * best_cut(np.interp(found, STEPS, belongs)[::-1])
    if answer < np.interp(scores.words, [0, 1], ANSWERED):
        cut = ANSWERED[0]  # of what stands far apart only
    return Ends(middle, spread, np.maximum(answer * belongs, apart), cut)


def _chance(table: np.ndarray, weights: np.ndarray, words: float) -> np.ndarray:
    said = table @ (np.clip([1 - words, words], 0, 1) @ weights)
    found: np.ndarray = 1 / (1 + np.exp(-np.clip(said, -30, 30)))
    return found


def best_cut(chances: np.ndarray) -> float:
    """Where to cut so that F1 is likely to be largest, from the chances of a sample, the best first. The images that
    are shown and the images that belong are as many as their chances add up to (Lipton et al. 2014)."""
    found = np.cumsum(chances)
    shown = np.arange(1, len(chances) + 1)
    best = int(np.argmax(found / (shown + found[-1])))
    return float(np.clip(STRICT * chances[best], *CUTS))


def ends_of_texts(full: float) -> Ends:
    """The same where only texts are looked at: the chance is the part of the query that a text says, its BM25 through
    that of a text that says it all, which is ``full``; where that is 0, all that is found belongs."""
    chances = np.minimum(STEPS, 1.0) if full > 0 else np.ones(len(STEPS))
    return Ends(0.0, full or 1.0, chances, MAYBE)


class Ranked(Protocol):
    """A ranking of images: ``ranking.Ranking``, ``fusion.Fused`` or ``hybrid.Hybrid``."""

    @property
    def index(self) -> Index:
        """The index whose images are ranked."""

    def page(self, offset: int, k: int, *, payload: bool = True) -> list[RankedHit]:
        """The hits from ``offset`` on, ``k`` at most; without ``payload``, that of some may be missing."""

    def comparable(self, points: Sequence[ScoredPoint]) -> Sequence[float]:
        """The scores of hits on the scale of those that ``ends_of`` got."""

    def from_on(self, score: float) -> Ranked:
        """The same without images that score less, where that is quicker than to leave them out afterwards."""


class Page(NamedTuple):
    """Hits, for each how ``sure`` it is that it belongs (None: nobody can tell), and where they were to be cut, how
    many images of the whole ranking surely and maybe belong."""

    hits: Sequence[RankedHit]
    sure: Sequence[float | None]
    surely: int | None = None
    maybe: int | None = None


def page_until_end(ranking: Ranked, ends: Ends | None, options: SearchOptions) -> Page:
    """The page of hits that the options ask for, with ``cut`` of those that at least maybe belong."""
    if ends is None:
        found = ranking.page(options.offset, options.k)
        return Page(found, [None] * len(found))
    if options.cut is None:
        found = ranking.page(options.offset, options.k)
        return Page(found, _sure(ranking, ends, found))
    end = options.offset + options.k
    found = ranking.from_on(ends.least(ends.cut)).page(0, max(COUNTED, end), payload=False)
    fitting = [(hit, sure) for hit, sure in zip(found, _sure(ranking, ends, found), strict=True) if sure >= ends.cut]
    surely = sum(sure >= SURELY for _, sure in fitting)
    page = fitting[options.offset : end]
    read = {p.id: p for p in ranking.index.store.retrieve([hit.point.id for hit, _ in page])}
    there = [(hit, sure) for hit, sure in page if hit.point.id in read]  # but for those that have gone since
    hits = [hit._replace(point=replace(hit.point, payload=read[hit.point.id].payload)) for hit, _ in there]
    return Page(hits, [sure for _, sure in there], surely, len(fitting) - surely)


def _sure(ranking: Ranked, ends: Ends, found: Sequence[RankedHit]) -> list[float]:
    return [float(chance) for chance in ends.sure(ranking.comparable([hit.point for hit in found]))] if found else []


def shares_of(terms: Sequence[Term], liked: bool) -> tuple[float, float]:
    """How much of what a query wants is said by texts, and how much by pictures that were liked, from 0 to 1; those
    count as in ``relevance``."""
    texts = sum(t.weight for t in terms if t.weight > 0 and t.kind is Kind.WORDS)
    pictures = sum(t.weight for t in terms if t.weight > 0 and t.kind is not Kind.WORDS)
    likes = (LIKED_WEIGHT * (texts + pictures) or 1.0) if liked else 0.0
    wanted = texts + pictures + likes
    return (texts / wanted, likes / wanted) if wanted else (0.0, 0.0)


def texts_of(views: Sequence[View], terms: Sequence[Term]) -> Mapping[str, Callable[[], Float32]]:
    """For the spaces that only texts are compared in: what gives the vectors of common words."""
    kinds = {t.kind is Kind.WORDS for t in terms if t.weight > 0}
    if True not in kinds:
        return {}
    alone = kinds == {True}
    return {v.words: partial(_common_words, v) for v in views if v.words and (alone or v.words != v.image)}


def _common_words(view: View) -> Float32:
    model, space = view.words_model, view.words or ""
    if space == view.image:  # a joint model takes a minute for its whole vocabulary
        from imagefinder.models.conse import load_vocabulary
        from imagefinder.models.joint_text import VOCABULARY

        words = load_vocabulary(VOCABULARY).words
        said = model.embed_texts(words[:: max(1, len(words) // SAID)][:SAID])
    else:
        vectors = model.vocabulary().vectors
        said = vectors[:: max(1, len(vectors) // ASKED)]
    return view.index.texts_to_search(space, said)


def comparison(
    index: Index, space: str, vector: Float32, exclude: Collection[str], texts: Mapping[str, Callable[[], Float32]]
) -> tuple[Usual, np.ndarray]:
    """What is usual of queries in a space, and how odd this one is: for texts beside common words, else beside the
    images."""
    sample = index.sampled(space)
    usual = sample.usual_by("words", texts[space]) if space in texts else sample.usual
    return usual, usual.odd(np.sort(sample.scores(vector, exclude)[1]))


def compared(found: Sequence[tuple[Usual, np.ndarray]]) -> tuple[Usual, np.ndarray]:
    """The means of several spaces."""
    if len(found) == 1:
        return found[0]
    usual = Usual(*(np.mean(values, axis=0) for values in zip(*(usual for usual, _ in found), strict=True)))
    return usual, np.mean([odd for _, odd in found], axis=0)


def facts(sample: np.ndarray, scores: Scores) -> np.ndarray:
    """What tells of a query whether anything fits, float64 (23,). ``sample`` are the standings of random images,
    ascending."""
    n, usual = len(sample), scores.usual
    best, hundredth = max(usual.best, 1.0), max(usual.hundredth, 1.0)
    tops = sample[[-1 - min(place, n - 1) for place in TOPS]]
    some = tops[[0, 2, 4]]
    sizes = np.log([best, hundredth, n / 500])
    kind = [1.0, 4 * scores.words * (1 - scores.words), scores.liked]
    shares = np.interp(some, PLACES, usual.above)
    return np.concatenate([kind, np.log1p(np.maximum(tops, 0)), some / best, shares, scores.odd, sizes])


def with_products(given: np.ndarray) -> np.ndarray:
    """The ``facts``, and the products of any two of those that matter most, float64 (114,)."""
    most = given[[3, 6, 8, 10, 12, 13, 15, 16, 17, 18, 19, 20, 21]]
    return np.concatenate([given, np.outer(most, most)[np.triu_indices(len(most))]])


def features(sample: np.ndarray, at: np.ndarray, scores: Scores) -> np.ndarray:
    """What tells of images with the standings ``at``, 0 or more, whether they belong, float64 (len(at), 37). ``sample``
    are the standings of random images, ascending."""
    n, usual = len(sample), scores.usual
    best, hundredth = max(usual.best, 1.0), max(usual.hundredth, 1.0)
    above = n - np.searchsorted(sample, at)
    mixed, far, odd = 4 * scores.words * (1 - scores.words), at / hundredth, scores.odd
    tail, shares = _normal_tail(at), np.interp(at, PLACES, usual.above)
    coarse = [np.interp(x, PLACES, usual.above) for x in (1.5, 2.5)]  # how wide groups of images are here
    same = [*facts(sample, scores), sample[int(0.99 * (n - 1))] / hundredth, *coarse]
    each = [
        np.sqrt(at),
        at / best,
        np.log((above + 0.5) / (n * tail + 0.5)),
        np.log((above + 0.5) / (n + 1)),
        shares,
        shares - np.log(tail + 1 / n),
        far * mixed,
        far * scores.liked,
        *(far * odd[i] for i in (0, 2, 3)),
    ]
    return np.stack([*(np.full(len(at), value) for value in same), *each], axis=1)


def _normal_tail(at: np.ndarray) -> np.ndarray:
    """The share of a normal distribution above ``at`` standard deviations, with a relative error below 2e-3
    (Abramowitz and Stegun 1964, 26.2.17)."""
    x = np.abs(at)
    t = 1 / (1 + 0.2316419 * x)
    poly = t * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
    tail = np.exp(-x * x / 2) / np.sqrt(2 * np.pi) * poly
    found: np.ndarray = np.where(at >= 0, tail, 1 - tail)
    return found


@cache
def learnt() -> Weights:
    """The weights that come with ImageFinder."""
    told = json.loads(LEARNT.read_text("utf-8"))
    return Weights(*(np.array([told[name]["pictures"], told[name]["words"]]) for name in Weights._fields))
