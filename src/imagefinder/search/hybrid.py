"""Ranks images by what they show and by what their texts say, together."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from imagefinder.search.lexical import both
from imagefinder.search.ranking import BLOCK, Ranking, arranged, page_of
from imagefinder.search.rerank import RankedHit
from imagefinder.store.base import ScoredPoint
from imagefinder.store.filters.parse import Filter, In, Not
from imagefinder.store.filters.predicate import matches

if TYPE_CHECKING:
    from imagefinder.index.folder import Index
    from imagefinder.search.euclidean import DistanceRanking
    from imagefinder.search.lexical import Written
    from imagefinder.store.base import Matches
    from imagefinder.types import Float32

SPOKEN = 1.5  # spreads of the meaning's scores that one unit of BM25 adds where texts say all words
HUED = 1.0  # spreads that each colour of the query adds to the images that have it
FIRST = 30.0  # spreads that a phrase or a name adds: no sum of the rest is so large
READ = 16  # payloads read at once
SPARE = 16  # images looked at beyond those asked for
DEEPER = 4  # times as many where these were too few


class _Found(NamedTuple):
    """Images by id with their scores, and ``bound``: no other image scores more."""

    scores: Mapping[str, float]
    bound: float


class Added(NamedTuple):
    """What texts add to the score of an image: by the ``words`` that they say, and for being among the ``first``; and
    what the ``colours`` add that the query names."""

    words: float
    first: float
    colours: float = 0.0


@dataclass(frozen=True)
class Hybrid:
    """The images ranked by ``meaning``, and what ``written`` finds in their texts.

    The score is that of the meaning, and on top of it what the texts say: their BM25, times the part of the query that
    they say beyond what others say by chance (``Written.usual``), in units of the spread (standard deviation) that the
    meaning's scores of random images have. So a text that says one common word of five counts nothing where others say
    such a word too, one that says all counts fully, and both count the same for every model. An image whose texts say
    nothing keeps its score. Images that say a phrase, or are called like the query, come first, with ``FIRST`` spreads
    on top. An image gets ``HUED`` spreads for each of the ``hues`` that it shows: colours that the query names and its
    model knows little of. Without a ``meaning`` (None), the score is BM25. How all this was chosen:
    ``benchmarks/hybrid.py``.

    The order is exact, at any depth: an image is given out when no image that was not looked at can score more (Fagin,
    Lotem and Naor 2003). Those are bounded by four lists: the best by meaning, the best by texts, and the best by
    meaning among those whose texts say any of the words, and among those that have any of the colours.
    """

    index: Index
    meaning: Ranking | DistanceRanking | None
    written: Written
    image_space: str
    filter: Filter | None = None
    exclude: Collection[str] = ()
    min_score: float | None = None
    collapse: bool = False
    diversity: float = 0.0
    hues: tuple[str, ...] = ()

    def page(self, offset: int, k: int, *, payload: bool = True) -> list[RankedHit]:
        """The hits from ``offset`` on, ``k`` at most; without ``payload``, that of some may be missing."""
        if not self.collapse and not self.diversity:
            return [RankedHit(p) for p in islice(self._wanted(offset + k, payload), offset, offset + k)]
        return page_of(map(self._arranged, _blocks(self._wanted(BLOCK))), offset, k)

    def best(self, depth: int, *, payload: bool = True) -> list[ScoredPoint]:
        """The ``depth`` best; without ``payload``, that of all is missing."""
        return list(islice(self._ordered(depth, payload), depth))

    def scores(self, ids: Sequence[str]) -> dict[str, float]:
        """The scores of these images; one without a vector is left out."""
        meaning = self.meaning.scores(ids) if self.meaning else dict.fromkeys(ids, 0.0)
        added = self.added(list(meaning))
        return {id: score + sum(added.get(id, ())) for id, score in meaning.items()}

    def added(self, ids: Sequence[str]) -> dict[str, Added]:
        """What texts and colours add to the scores of these images; those to which they add nothing are left out."""
        said = self.written.scores(ids)
        first = self.written.first(self.filter)
        payloads = {p.id: p.payload for p in self.index.store.retrieve(list(said.scores))} if first else {}
        lifted = {id for id, payload in payloads.items() if first and matches(first, payload)}
        colours = self._colours(ids)
        return {
            id: Added(
                self._bonus(said.scores.get(id, 0.0), said.full), self._lift * (id in lifted), colours.get(id, 0.0)
            )
            for id in dict.fromkeys([*said.scores, *colours])
        }

    def background(self) -> tuple[float, float]:
        """Mean and standard deviation of the scores of random images, of which texts say nothing."""
        return self.meaning.background() if self.meaning else (0.0, 1.0)

    def sampled(self) -> tuple[Sequence[str], Float32]:
        """The ids of random images, and their scores by meaning, float32 (n,). Raises AssertionError without one."""
        assert self.meaning is not None
        return self.meaning.sampled()

    def comparable(self, points: Sequence[ScoredPoint]) -> Sequence[float]:
        """The scores of hits, to compare with those of ``sampled``: what texts say stands above what is usual."""
        return [p.score for p in points]

    def from_on(self, score: float) -> Hybrid:
        """Only the images that score at least this, as ``comparable`` has it."""
        return replace(self, min_score=score if self.min_score is None else max(score, self.min_score))

    @cached_property
    def _spread(self) -> float:
        return self.background()[1]

    @property
    def _lift(self) -> float:
        return FIRST * self._spread

    def _arranged(self, block: list[ScoredPoint]) -> list[RankedHit]:
        return arranged(self.index, block, self.image_space, collapse=self.collapse, diversity=self.diversity)

    def _wanted(self, n: int, payload: bool = True) -> Iterator[ScoredPoint]:
        for point in self._ordered(n, payload):
            if self.min_score is not None and point.score < self.min_score:
                return
            yield point

    def _ordered(self, n: int, payload: bool) -> Iterator[ScoredPoint]:
        """All images, the best first; ``n`` is how many will be taken."""
        first = self.written.first(self.filter)
        tiers = [(self.filter, 0.0)]
        if first is not None:
            tiers = [(both(self.filter, first), self._lift), (both(self.filter, Not(first)), 0.0)]
        least = math.inf
        for filter, lift in tiers:
            for point in self._by_sum(
                filter, n, payload, -math.inf if self.min_score is None else self.min_score - lift
            ):
                least = min(least, point.score + lift)
                yield point if point.score == least else replace(point, score=least)

    def _by_sum(self, filter: Filter | None, n: int, payload: bool, least: float) -> Iterator[ScoredPoint]:
        """The images that pass the filter, the best first; those that score less than ``least`` may be missing."""
        given: set[str] = set()
        # A sum of several spaces is ranked block by block, so that no list of it bounds the rest: the depths are fixed.
        depth = BLOCK if isinstance(self.meaning, Ranking) and len(self.meaning.queries) > 1 else n + SPARE
        while True:
            found = self._found(filter, depth, least)
            ready = [(-s, id) for id, s in found.scores.items() if id not in given and s > found.bound]
            yield from self._points(sorted(ready)) if payload else (ScoredPoint(id, -s, {}) for s, id in sorted(ready))
            if found.bound == -math.inf:
                return
            given |= {id for _, id in ready}
            depth *= DEEPER

    def _points(self, ready: Sequence[tuple[float, str]]) -> Iterator[ScoredPoint]:
        """The images with their payloads, but for those that have gone since they were found."""
        for start in range(0, len(ready), READ):
            some = ready[start : start + READ]
            payloads = {p.id: p.payload for p in self.index.store.retrieve([id for _, id in some])}
            yield from (ScoredPoint(id, -score, payloads[id]) for score, id in some if id in payloads)

    def _found(self, filter: Filter | None, depth: int, least: float) -> _Found:
        """The best images by each list, and what bounds the others that score at least ``least``."""
        said = self.written.best(filter, depth)
        ids = [id for id in said.scores if id not in self.exclude]
        if self.meaning is None:
            return _Found({id: said.scores[id] for id in ids}, said.rest or -math.inf)
        near = self._by_meaning(filter, depth, least)
        within = self._by_meaning(both(filter, self.written.any), depth) if said.rest else []
        hued = self._by_meaning(both(filter, In("colours", self.hues)), depth) if self.hues else []
        known = {p.id: p.score for p in (*near, *within, *hued)}
        scored = {**self.meaning.scores([id for id in ids if id not in known]), **known}
        others = near[-1].score if len(near) == depth else -math.inf
        plain = max(others, least)  # by meaning, no image scores more that is not near
        most = HUED * self._spread * len(self.hues) if len(hued) == depth else 0.0
        if most:  # others that have any of the colours
            others = max(others, min(plain, hued[-1].score) + most)
        if len(within) == depth:  # others that say any of the words
            others = max(others, min(plain, within[-1].score) + self._bonus(said.rest, said.full) + most)
        return _Found(self._summed(scored, said), others)

    def _by_meaning(self, filter: Filter | None, depth: int, least: float = -math.inf) -> list[ScoredPoint]:
        assert self.meaning is not None
        meaning = replace(self.meaning, filter=filter)
        if least > -math.inf and isinstance(meaning, Ranking):
            meaning = meaning.from_on(least)
        return meaning.best(depth, payload=False)

    def _summed(self, meaning: Mapping[str, float], said: Matches) -> dict[str, float]:
        """The scores of images: that of the meaning, and what their texts say."""
        texts = self.written.scores(list(meaning)) if said.rest else said
        colours = self._colours(list(meaning))
        return {
            id: score + self._bonus(texts.scores.get(id, 0.0), texts.full) + colours.get(id, 0.0)
            for id, score in meaning.items()
        }

    def _colours(self, ids: Sequence[str]) -> dict[str, float]:
        """What the colours of the query add to the scores of these images; those that have none are left out."""
        if not self.hues:
            return {}
        shown = {
            p.id: len({*self.hues}.intersection(p.payload.get("colours", ()))) for p in self.index.store.retrieve(ids)
        }
        return {id: HUED * self._spread * n for id, n in shown.items() if n}

    def _bonus(self, said: float, full: float) -> float:
        """What is added for texts that say so much of what the whole query would be worth."""
        if not self.meaning or not said:
            return said
        usual = self.written.usual
        return self._spread * SPOKEN * said * max(0.0, (said - usual) / (full - usual))


def _blocks(points: Iterator[ScoredPoint]) -> Iterator[list[ScoredPoint]]:
    while block := list(islice(points, BLOCK)):
        yield block
