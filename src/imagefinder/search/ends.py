"""Where the good hits end: how sure it is that an image belongs to a query."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from imagefinder.index.sample import ASKED, Usual, standard
from imagefinder.results import MAYBE, SURELY
from imagefinder.search.query import Kind, Term
from imagefinder.search.relevance import LIKED_WEIGHT
from imagefinder.search.together import pages

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
STEPS = np.concatenate([np.arange(0, 12, 0.05), np.geomspace(12, 60, 30)])  # standings at which chances are computed
CUTS = 0.1, 0.4  # between which chances the hits are cut


class Scores(NamedTuple):
    """How a query scores a random ``sample`` of images, float32 (n,), of a collection of ``total``.

    ``usual`` are ``Usual.best`` and ``hundredth`` of the spaces, ``odd`` is ``Usual.odd`` of the query, float64 (4,).
    ``words`` and ``liked`` are the shares of texts and of liked images in what is wanted, from 0 to 1.
    """

    sample: Float32
    total: int
    usual: tuple[float, float]
    odd: np.ndarray
    words: float
    liked: float = 0.0


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


def ends_of(scores: Scores, weights: Mapping[str, np.ndarray] | None = None) -> Ends | None:
    """What the scores of a sample say; None where it is too small to say anything.

    The chance is a logistic function of ``features``, whose weights were learnt from collections with labels by
    ``benchmarks/ends.py``, which also compares it with other ways to tell: fits of extreme values, mixtures, false
    discovery rates.
    """
    if len(scores.sample) < LEAST:
        return None
    found = np.sort(scores.sample)
    middle, spread = (float(x) for x in standard(found))
    table = features((found - middle) / spread, STEPS, scores)
    weights = weights or learnt()
    words = min(max(scores.words, 0.0), 1.0)
    said = table @ ((1 - words) * weights["pictures"] + words * weights["words"])
    chances = 1 / (1 + np.exp(-np.clip(said, -30, 30)))
    chances = np.maximum.accumulate(chances)
    cut = best_cut(np.interp((found - middle) / spread, STEPS, chances)[::-1])
    return Ends(middle, spread, chances, cut)


def best_cut(chances: np.ndarray) -> float:
    """Where to cut so that F1 is likely to be largest, from the chances of a sample, the best first. The images that
    are shown and the images that belong are as many as their chances add up to (Lipton et al. 2014)."""
    found = np.cumsum(chances)
    shown = np.arange(1, len(chances) + 1)
    best = int(np.argmax(found / (shown + found[-1])))
    return float(np.clip(chances[best], *CUTS))


def ends_of_texts(full: float) -> Ends:
    """The same where only texts are looked at: the chance is the part of the query that a text says, its BM25 through
    that of a text that says it all, which is ``full``; where that is 0, all that is found belongs."""
    chances = np.minimum(STEPS, 1.0) if full > 0 else np.ones(len(STEPS))
    return Ends(0.0, full or 1.0, chances, MAYBE)


class Ranked(Protocol):
    """A ranking of images: ``ranking.Ranking``, ``fusion.Fused`` or ``hybrid.Hybrid``."""

    def page(self, offset: int, k: int) -> list[RankedHit]:
        """The hits from ``offset`` on, ``k`` at most."""

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


def page_until_end(ranking: Ranked, ends: Ends | None, options: SearchOptions, files: bool = False) -> Page:
    """The page of hits that the options ask for, with ``cut`` of those that at least maybe belong; with ``files``, one
    for each file."""
    if ends is None:
        found = pages(ranking, files)(options.offset, options.k)
        return Page(found, [None] * len(found))
    if options.cut is None:
        found = pages(ranking, files)(options.offset, options.k)
        return Page(found, _sure(ranking, ends, found))
    end = options.offset + options.k
    found = pages(ranking.from_on(ends.least(ends.cut)), files)(0, max(COUNTED, end))
    fitting = [(hit, sure) for hit, sure in zip(found, _sure(ranking, ends, found), strict=True) if sure >= ends.cut]
    if all(sure < MAYBE for _, sure in fitting):
        fitting = []
    surely = sum(sure >= SURELY for _, sure in fitting)
    page = fitting[options.offset : end]
    return Page([hit for hit, _ in page], [sure for _, sure in page], surely, len(fitting) - surely)


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
    if not any(t.kind is Kind.WORDS for t in terms):
        return {}
    return {view.words: partial(_common_words, view) for view in views if view.words and view.words != view.image}


def _common_words(view: View) -> Float32:
    said = view.words_model.vocabulary().vectors
    return view.index.texts_to_search(view.words or "", said[:: max(1, len(said) // ASKED)])


def comparison(
    index: Index, space: str, vector: Float32, exclude: Collection[str], texts: Mapping[str, Callable[[], Float32]]
) -> tuple[Usual, np.ndarray]:
    """What is usual of queries in a space, and how odd this one is: for texts beside common words, else beside the
    images."""
    sample = index.sampled(space)
    usual = sample.usual_by("words", texts[space]) if space in texts else sample.usual
    return usual, usual.odd(np.sort(sample.scores(vector, exclude)[1]))


def compared(found: Sequence[tuple[Usual, np.ndarray]]) -> tuple[tuple[float, float], np.ndarray]:
    """The means of several spaces."""
    best, hundredth = (float(np.mean([getattr(usual, name) for usual, _ in found])) for name in ("best", "hundredth"))
    return (best, hundredth), np.mean([odd for _, odd in found], axis=0)


def features(sample: np.ndarray, at: np.ndarray, scores: Scores) -> np.ndarray:
    """What chances are computed from, float64 (len(at), len(FEATURES)), for images with the standings ``at``, 0 or
    more. ``sample`` are the standings of random images, ascending."""
    n = len(sample)
    above = n - np.searchsorted(sample, at)
    usual_best, usual_hundredth = (max(usual, 1.0) for usual in scores.usual)
    mixed = 4 * scores.words * (1 - scores.words)
    far = at / usual_hundredth
    same = [1.0, *scores.odd, mixed, scores.liked, sample[int(0.99 * (n - 1))] / usual_hundredth]
    each = [
        at / usual_best,
        np.sqrt(at),
        np.log((above + 0.5) / (n * _normal_tail(at) + 0.5)),
        np.log((above + 0.5) / (n + 1)),
        far * mixed,
        far * scores.liked,
        far * scores.odd[0],
        far * scores.odd[2],
        far * scores.odd[3],
    ]
    return np.stack([*(np.full(len(at), value) for value in same), *each], axis=1)


FEATURES = (  # the columns of ``features``; "far" is a standing against the usual hundredth
    "one",
    "odd mean",
    "odd spread",
    "odd fifth",
    "odd hundredth",
    "mixed",
    "liked",
    "hundredth against the usual",
    "standing against the usual best",
    "root of the standing",
    "excess over a normal distribution",
    "share of the sample that is better",
    "far, mixed",
    "far, liked",
    "far, odd mean",
    "far, odd fifth",
    "far, odd hundredth",
)


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
def learnt() -> Mapping[str, np.ndarray]:
    """The weights of ``FEATURES`` for each kind of query."""
    told = json.loads(LEARNT.read_text("utf-8"))["weights"]
    return {kind: np.array([row.get(name, 0.0) for name in FEATURES]) for kind, row in told.items()}
