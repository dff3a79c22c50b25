"""Makes one ranking of several: of different models, or by different measures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from imagefinder.index.sample import of_all
from imagefinder.search.options import Fuse
from imagefinder.search.ranking import BLOCK, arranged, page_of
from imagefinder.search.rerank import RankedHit
from imagefinder.store.base import ScoredPoint

if TYPE_CHECKING:
    from imagefinder.index.folder import Index
    from imagefinder.search.rerank import RankedHit
    from imagefinder.store.base import ScoredPoint
    from imagefinder.types import Float32

RRF_K = 60  # of Cormack, Clarke and Buettcher (2009)


class Voter(Protocol):
    """One of the rankings that are fused."""

    def best(self, depth: int, *, payload: bool = True) -> list[ScoredPoint]:
        """The ``depth`` best; without ``payload``, that of some may be missing."""

    def scores(self, ids: Sequence[str]) -> dict[str, float]:
        """The scores of these images."""

    def background(self) -> tuple[float, float]:
        """Mean and standard deviation of the scores of random images."""

    def sampled(self) -> tuple[Sequence[str], Float32]:
        """The ids of random images, and their scores, float32 (n,)."""


@dataclass(frozen=True, slots=True)
class Fused:
    """The images ranked by all ``voters`` together.

    "rrf" is reciprocal rank fusion (Cormack et al. 2009): the sum of 1 / (60 + rank). "vote" is Borda's count (1781):
    the number of images that an image beats in each voter's list, as a share of the possible number, added up. "mean"
    is the mean of the scores, each standardised with the background of its voter. An image that is not yet in any
    voter's list comes on a later page, for which the lists are longer. "mean" found most in ``benchmarks/fusion.py``.
    The other two use ranks only, so they also work with voters whose scores mean little.
    """

    index: Index
    voters: Sequence[Voter]
    how: Fuse
    image_space: str
    min_score: float | None = None
    collapse: bool = False
    diversity: float = 0.0

    def page(self, offset: int, k: int, *, payload: bool = True) -> list[RankedHit]:
        """The hits from ``offset`` on, ``k`` at most; without ``payload``, that of some may be missing."""
        blocks = (
            arranged(self.index, block, self.image_space, collapse=self.collapse, diversity=self.diversity)
            for block in self._blocks(payload or self.collapse)
        )
        return page_of(blocks, offset, k)

    def sampled(self) -> tuple[Sequence[str], Float32]:
        """The ids of random images, and the mean of their standardised scores, float32 (n,)."""
        import numpy as np

        ids, parts = of_all([voter.sampled() for voter in self.voters])
        total = np.zeros(len(ids), np.float32)
        for scores, (middle, spread) in zip(parts, self._spreads(), strict=True):
            total += (scores - middle) / spread
        return ids, total / np.float32(len(parts))

    def comparable(self, points: Sequence[ScoredPoint]) -> Sequence[float]:
        """The mean standardised scores of hits, to compare with those of ``sampled``, however they were ranked."""
        if self._scores_are_means:
            return [p.score for p in points]
        means = self._means([p.id for p in points])
        return [means.get(p.id, float("-inf")) for p in points]

    def from_on(self, score: float) -> Fused:
        """Only the images that score at least this, as ``comparable`` has it, where they are ranked by it."""
        if not self._scores_are_means:
            return self
        return replace(self, min_score=score if self.min_score is None else max(score, self.min_score))

    @property
    def _scores_are_means(self) -> bool:
        return self.how == "mean" and len(self.voters) > 1

    def _spreads(self) -> list[tuple[float, float]]:
        return [voter.background() for voter in self.voters]

    def _blocks(self, payload: bool) -> Iterator[list[ScoredPoint]]:
        from imagefinder.store.base import ScoredPoint

        depth, seen = BLOCK, set[str]()
        while True:
            lists = [voter.best(depth, payload=payload) for voter in self.voters]
            fresh = {p.id: p for best in lists for p in best if p.id not in seen}
            scores = self._scores(lists, depth, fresh)
            block = [ScoredPoint(id, scores[id], point.payload) for id, point in fresh.items() if id in scores]
            block = [p for p in block if self.min_score is None or p.score >= self.min_score]
            if block:
                yield sorted(block, key=lambda p: (-p.score, p.id))
            if all(len(best) < depth for best in lists) or (fresh and not block):
                return
            seen |= fresh.keys()
            depth *= 2

    def _scores(
        self, lists: Sequence[Sequence[ScoredPoint]], depth: int, fresh: Mapping[str, ScoredPoint]
    ) -> Mapping[str, float]:
        if len(lists) == 1:
            return {p.id: p.score for p in lists[0]}
        if self.how == "mean":
            return self._means(list(fresh))
        totals: defaultdict[str, float] = defaultdict(float)
        for best in lists:
            for rank, point in enumerate(best):
                totals[point.id] += 1 / (RRF_K + rank + 1) if self.how == "rrf" else 1 - rank / depth
        return {id: total / len(lists) if self.how == "vote" else total for id, total in totals.items()}

    def _means(self, ids: Sequence[str]) -> Mapping[str, float]:
        parts: defaultdict[str, list[float]] = defaultdict(list)
        for voter, (middle, spread) in zip(self.voters, self._spreads(), strict=True):
            for id, score in voter.scores(ids).items():
                parts[id].append((score - middle) / spread)
        return {id: sum(given) / len(given) for id, given in parts.items() if len(given) == len(self.voters)}
