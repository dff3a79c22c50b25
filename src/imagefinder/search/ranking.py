"""Ranks images by cosine, page by page. Every image is on one page only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from imagefinder.index.sample import of_all
from imagefinder.search.embed import SpaceQuery, vectors_there
from imagefinder.search.rerank import RankedHit, collapsed, diverse_order
from imagefinder.store.base import ScoredPoint

if TYPE_CHECKING:
    from imagefinder.index.folder import Index
    from imagefinder.store.filters.parse import Filter
    from imagefinder.types import Float32

BLOCK = 100  # hits ranked at a time where more than one cosine decides


@dataclass(frozen=True, slots=True)
class Ranking:
    """The images that pass ``filter``, score at least ``min_score`` and are not in ``exclude``, the best first.

    With one space, the score is the cosine. With two, it is the weighted sum of the scores in both, each standardised
    with the scores of random images, so that both count. For ``collapse`` and ``diversity`` see ``rerank``; both
    compare images in the ``image_space``. ``exact`` is that of ``Store.query``.
    """

    index: Index
    queries: Mapping[str, SpaceQuery]
    image_space: str
    filter: Filter | None = None
    min_score: float | None = None
    exclude: Collection[str] = ()
    collapse: bool = False
    diversity: float = 0.0
    exact: bool = False

    def page(self, offset: int, k: int, *, payload: bool = True) -> list[RankedHit]:
        """The hits from ``offset`` on, ``k`` at most; without ``payload``, that of some may be missing."""
        if len(self.queries) == 1 and not self.collapse and not self.diversity:
            return [RankedHit(p) for p in self._one_space(offset, k, payload)]
        return page_of(map(self._arranged, self.blocks()), offset, k)

    def blocks(self) -> Iterator[list[ScoredPoint]]:
        """All ranked images, block by block."""
        return self._by_one() if len(self.queries) == 1 else self._by_all()

    def best(self, depth: int, *, payload: bool = True) -> list[ScoredPoint]:
        """The ``depth`` best; without ``payload``, that of some may be missing."""
        if len(self.queries) == 1:
            return self._one_space(0, depth, payload)
        return [placed.point for placed in page_of(([RankedHit(p) for p in b] for b in self.blocks()), 0, depth)]

    def scores(self, ids: Sequence[str]) -> dict[str, float]:
        """The scores of these images; one without a vector is left out."""
        if len(self.queries) > 1:
            return {p.id: p.score for p in self._scored({id: ScoredPoint(id, 0.0, {}) for id in ids})}
        ((space, query),) = self.queries.items()
        return self.index.store.score(self.index.space(space).search_vector or "", query.vector, ids)

    def sampled(self) -> tuple[Sequence[str], Float32]:
        """The ids of random images, and their scores, float32 (n,)."""
        import numpy as np

        found = [self.index.sampled(space).scores(q.vector, self.exclude) for space, q in self.queries.items()]
        if len(found) == 1:
            return found[0]
        ids, parts = of_all(found)
        total = np.zeros(len(ids), np.float32)
        for (space, query), scores in zip(self.queries.items(), parts, strict=True):
            middle, spread = self._spread(space, query)
            total += query.weight * (scores - middle) / spread
        return ids, total / sum(query.weight for query in self.queries.values())

    def comparable(self, points: Sequence[ScoredPoint]) -> Sequence[float]:
        """The scores of hits, to compare with those of ``sampled``."""
        return [p.score for p in points]

    def from_on(self, score: float) -> Ranking:
        """Only the images that score at least this, as ``comparable`` has it."""
        return replace(self, min_score=score if self.min_score is None else max(score, self.min_score))

    def background(self) -> tuple[float, float]:
        """Mean and standard deviation of the scores of random images."""
        if len(self.queries) > 1:
            return 0.0, 1.0  # they are sums of standardised ones
        ((space, query),) = self.queries.items()
        return self._spread(space, query)

    def _spread(self, space: str, query: SpaceQuery) -> tuple[float, float]:
        background = self.index.sample(space) @ query.vector
        return float(background.mean()), max(float(background.std()), 1e-6)

    def _arranged(self, block: list[ScoredPoint]) -> list[RankedHit]:
        return arranged(self.index, block, self.image_space, collapse=self.collapse, diversity=self.diversity)

    def _one_space(self, offset: int, k: int, payload: bool = True) -> list[ScoredPoint]:
        ((space, query),) = self.queries.items()
        return self.index.store.query(
            self.index.space(space).search_vector or "",
            query.vector,
            k,
            filter=self.filter,
            offset=offset,
            min_score=self.min_score,
            exclude=self.exclude,
            payload=payload,
            exact=self.exact,
        )

    def _by_one(self) -> Iterator[list[ScoredPoint]]:
        offset = 0
        while block := self._one_space(offset, BLOCK):
            yield block
            offset += BLOCK

    def _by_all(self) -> Iterator[list[ScoredPoint]]:
        """The best ``BLOCK`` images of each space, ranked by their scores in all spaces; after these, the next
        ``BLOCK`` of each."""
        depth, seen = BLOCK, set(self.exclude)
        while True:
            fresh: dict[str, ScoredPoint] = {}
            complete = True
            for space, query in self.queries.items():
                if query.nominates:
                    name = self.index.space(space).search_vector or ""
                    best = self.index.store.query(
                        name, query.vector, depth, filter=self.filter, exclude=self.exclude, exact=self.exact
                    )
                    complete &= len(best) < depth
                    fresh |= {p.id: p for p in best if p.id not in seen}
            block = self._scored(fresh)
            if block:
                yield block
            if complete or (fresh and not block):  # all were asked, or none scores enough any more
                return
            seen |= fresh.keys()
            depth *= 2

    def _scored(self, nominees: Mapping[str, ScoredPoint]) -> list[ScoredPoint]:
        totals: defaultdict[str, list[float]] = defaultdict(list)
        for space, query in self.queries.items():
            middle, spread = self._spread(space, query)
            name = self.index.space(space).search_vector or ""
            for id, score in self.index.store.score(name, query.vector, list(nominees)).items():
                totals[id].append(query.weight * (score - middle) / spread)
        weights = sum(query.weight for query in self.queries.values())
        scored = [
            ScoredPoint(id, sum(parts) / weights, nominees[id].payload)
            for id, parts in totals.items()
            if len(parts) == len(self.queries)
        ]
        wanted = [p for p in scored if self.min_score is None or p.score >= self.min_score]
        return sorted(wanted, key=lambda p: (-p.score, p.id))


def page_of(blocks: Iterable[list[RankedHit]], offset: int, k: int) -> list[RankedHit]:
    """The hits from ``offset`` on, ``k`` at most, from consecutive blocks."""
    found: list[RankedHit] = []
    for block in blocks:
        found += block
        if len(found) >= offset + k:
            break
    return found[offset : offset + k]


def arranged(
    index: Index, block: list[ScoredPoint], image_space: str, *, collapse: bool, diversity: float
) -> list[RankedHit]:
    """Each block is arranged by itself, whichever page was asked for. So no hit is on two pages, and none is
    missing."""
    if not collapse and not diversity:
        return [RankedHit(p) for p in block]
    import numpy as np

    held = vectors_there(index, [p.id for p in block], image_space)
    block = [p for p in block if p.id in held]  # but for those that have gone since they were ranked
    if not block:
        return []
    placed, vectors = [RankedHit(p) for p in block], np.stack([held[p.id] for p in block])
    if collapse:
        placed, leaders = collapsed(block, vectors)
        vectors = vectors[leaders]
    if diversity:
        scores = np.array([p.point.score for p in placed], np.float32)
        placed = [placed[i] for i in diverse_order(scores, vectors, diversity)]
    return placed
