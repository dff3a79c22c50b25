"""The reading methods of the store on disk: queries, scrolls, counts."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from imagefinder.store.base import Matches, Point, ScoredPoint, VectorParams
from imagefinder.store.checks import canonical_ids, checked_batch, checked_vector, checked_window, known
from imagefinder.store.coded import Coded
from imagefinder.store.edge.columns import MOST_FIELDS, listed
from imagefinder.store.edge.engine import engine_errors, merged_points
from imagefinder.store.edge.filtered import COLUMNS_BATCH, FEW, EdgeFiltered, Translated
from imagefinder.store.edge.words import looked_up, without_words
from imagefinder.store.filters.parse import Filter
from imagefinder.store.selecting import fields_of, matching
from imagefinder.store.ties import below, best_and_equals

if TYPE_CHECKING:
    import qdrant_edge

LEAST_LOOKED_AT, POINTS_EACH, MOST_LOOKED_AT = 256, 1000, 10_000
DEEPEST = 5000  # points that are looked at beside those that fulfil a filter
GRAPH_FROM = 4  # from a part as small of all points that fulfil a filter, the graph is asked for them

Requests: TypeAlias = Callable[..., "qdrant_edge.QueryRequest"]


class EdgeReader(EdgeFiltered):
    """The reading methods of a shard."""

    @property
    def writes(self) -> int:
        return self._writes

    def vectors(self) -> Mapping[str, VectorParams]:
        return dict(self._params)

    def query(
        self,
        name: str,
        vector: np.ndarray,
        k: int,
        *,
        filter: Filter | None = None,
        offset: int = 0,
        min_score: float | None = None,
        exact: bool = False,
        exclude: Collection[str] = (),
        payload: bool = True,
    ) -> list[ScoredPoint]:
        import qdrant_edge as engine

        query = checked_vector(name, vector, known(self._params, name))
        checked_window(k, offset, min_score)
        left_out = set(canonical_ids(exclude))
        wanted = offset + k + len(left_out)

        def nearest(translated: Translated) -> list[ScoredPoint]:
            request = partial(
                engine.QueryRequest,
                query=engine.Query.Nearest(query.tolist(), using=name),
                score_threshold=None if min_score is None else below(min_score),
            )
            ask = self._asked_past(request, translated, exact) or self._asked(request, translated, exact)
            found = {str(p.id): p for p in best_and_equals(ask, wanted)}
            least = -math.inf if min_score is None else min_score
            order = sorted((-p.score, id) for id, p in found.items() if id not in left_out and p.score >= least)
            page: list[Any] = [id for _, id in order[offset : offset + k]]
            held = {str(r.id): r.payload for r in self._shard.retrieve(page, True, False)} if payload and page else {}
            return [ScoredPoint(id, found[id].score, without_words(held.get(id))) for id in page]

        return self._filtered(filter, nearest)

    def _asked(self, request: Requests, translated: Translated, exact: bool) -> Callable[[int], Sequence[Any]]:
        """Gives as many of the nearest points that fulfil a filter as are wanted, and if there are equals more."""
        import qdrant_edge as engine

        n = self.count()
        # The graph has no paths among points that are named by their ids: its recall is .67 with one in ten of 200,000,
        # while comparing with all of 20,000 takes 1 ms.
        exact = exact or 0 < translated.n_ids * GRAPH_FROM < n

        def ask(limit: int) -> Sequence[Any]:
            params = engine.SearchParams(exact=exact, hnsw_ef=looked_at(n, limit))
            asked = request(limit=limit, filter=translated.filter, params=params, with_payload=False)
            return self._shard.query(asked)

        return ask

    def _asked_past(
        self, request: Requests, translated: Translated, exact: bool
    ) -> Callable[[int], Sequence[Any]] | None:
        """The same where many points are named by their ids, which the engine takes a second for: so the nearest of all
        are asked for, and those that are not named passed over. None where few are named."""
        n, named = self.count(), translated.named
        if not named or not named.n or named.n * FEW < n:
            return None
        all_of_them = self._asked(request, Translated(), exact)

        def ask(limit: int) -> Sequence[Any]:
            deep = 2 * limit * n // named.n
            while True:
                found = all_of_them(deep)
                fits = [point for point in found if str(point.id) in named]
                if len(fits) >= limit or len(found) < deep:
                    return fits[:limit]
                if deep > DEEPEST:  # those that are named lie far from the query
                    return self._asked(request, translated, True)(limit)
                deep *= 4

        return ask

    def approximate(self, name: str) -> bool:
        known(self._params, name)
        with self._lock, engine_errors(self._path, "read"):
            indexed = self._shard.info().indexed_vectors_count
            key = f"{self._path} {self._writes} {indexed}"
            if self._graph[0] != key:
                merged, gone = merged_points(self._path) if indexed else (0, 0)
                self._graph = key, merged > gone
            return self._graph[1]

    def score(self, name: str, vector: np.ndarray, ids: Sequence[str]) -> dict[str, float]:
        import qdrant_edge as engine

        query = checked_vector(name, vector, known(self._params, name))
        wanted: set[Any] = set(canonical_ids(ids))
        with self._lock, engine_errors(self._path, "read"):
            request = engine.QueryRequest(
                limit=max(1, len(wanted)),
                query=engine.Query.Nearest(query.tolist(), using=name),
                filter=engine.Filter(must=[engine.HasIdCondition(wanted)]),
                with_payload=False,
                params=engine.SearchParams(exact=True),
            )
            return {str(p.id): p.score for p in self._shard.query(request)}

    def match(self, text: str, k: int, *, filter: Filter | None = None, ids: Sequence[str] | None = None) -> Matches:
        import qdrant_edge as engine

        checked_window(k, 0, None)
        path = self._words
        if path is None or not text:
            return Matches({})
        keys: set[Any] | None = None if ids is None else set(canonical_ids(ids))

        def said(translated: Translated) -> Matches:
            wanted = translated.filter
            if keys is None:
                return looked_up(self._shard, path, text, k, wanted)
            among = engine.Filter(must=[engine.HasIdCondition(keys), *([wanted] if wanted else [])])
            return looked_up(self._shard, path, text, len(keys) + 1, among)

        return self._filtered(filter, said)

    def scroll(
        self,
        *,
        filter: Filter | None = None,
        fields: Sequence[str] | None = None,
        vectors: Sequence[str] = (),
        batch: int = 1000,
        after: str | None = None,
    ) -> Iterator[list[Point]]:
        checked_batch(batch)
        for name in vectors:
            known(self._params, name)
        return self._scroll(self._translated(filter).filter, fields, list(vectors), batch, after)

    def columns(self, fields: Sequence[str], *, filter: Filter | None = None) -> dict[str, list[Any]]:
        self._want_open()
        read = None if filter is None else fields_of(filter)
        wanted = [*fields, *(read or ())]
        if len(fields) > MOST_FIELDS or (filter is not None and (read is None or self._are_few(filter, wanted))):
            return self._read_columns(fields, self._translated(filter).filter)
        ids, kept = self._kept.get(wanted)
        rows = None if filter is None else matching(filter, kept, len(ids))
        return listed(fields, ids, kept, rows)

    def coded(self, fields: Sequence[str]) -> tuple[np.ndarray, Mapping[str, Coded]]:
        """The ids of all points, S36 (n) in ascending order, and these columns, as they are kept."""
        self._want_open()
        return self._kept.get(fields)

    def _want_open(self) -> None:
        """Raise for a store that is closed, whatever is kept. One that is only being opened again holds the lock."""
        with self._lock:
            _ = self._shard

    def _are_few(self, filter: Filter, fields: Sequence[str]) -> bool:
        """Whether it is quicker to read from the engine what fulfils a filter than to look through kept columns."""
        return not self._kept.has(fields) and self.count(filter) * FEW < self.count()

    def without_vector(self, name: str) -> list[str]:
        from qdrant_edge import Filter as WithoutVector
        from qdrant_edge import HasVectorCondition

        known(self._params, name)
        condition = WithoutVector(must_not=[HasVectorCondition(name)])
        return [str(record.id) for records in self._records(condition, (), [], COLUMNS_BATCH) for record in records]

    def _existing(self, keys: Sequence[str]) -> list[Any]:
        with self._lock, engine_errors(self._path, "read"):
            return [str(record.id) for record in self._shard.retrieve(list(dict.fromkeys(keys)), False, False)]


def looked_at(n: int, limit: int) -> int:
    """How many candidates a search of a graph of ``n`` points keeps, for a recall of .99."""
    return min(MOST_LOOKED_AT, max(LEAST_LOOKED_AT, n // POINTS_EACH) + 4 * limit)
