"""The reading methods of the store on disk: queries, scrolls, counts."""

from __future__ import annotations

import math
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np

from imagefinder.errors import IndexFolderError
from imagefinder.store.base import Matches, Point, ScoredPoint, VectorParams
from imagefinder.store.checks import canonical_ids, checked_batch, checked_vector, checked_window, known
from imagefinder.store.edge.engine import engine_errors, our_point, selector
from imagefinder.store.edge.filters import EdgeTerms
from imagefinder.store.edge.words import looked_up, without_words
from imagefinder.store.filters.engines import translate
from imagefinder.store.filters.parse import And, Filter
from imagefinder.store.filters.predicate import matches
from imagefinder.store.ties import below, best_and_equals

if TYPE_CHECKING:
    import qdrant_edge

LAST_ID = str(UUID(int=2**128 - 1))
COLUMNS_BATCH = 2000  # records in one call, which nothing can interrupt: 10 ms
LEAST_LOOKED_AT, POINTS_EACH, MOST_LOOKED_AT = 256, 1000, 10_000
RESOLVED_KEPT = 16  # filters whose ids, and whose counts, are remembered until the next write


class EdgeReader:
    """The reading methods of a shard. Only one call runs at a time, because the engine holds the interpreter lock
    anyway."""

    def __init__(self, path: Path, shard: qdrant_edge.EdgeShard, params: dict[str, VectorParams]) -> None:
        self._path = path
        self._live: qdrant_edge.EdgeShard | None = shard
        self._params = params
        self._lock = threading.RLock()
        self._resolved: dict[str, qdrant_edge.Filter] = {}
        self._counted: dict[str, int] = {}  # how many points fulfil a filter
        self._words = False  # whether words can be looked up
        self._writes = 0

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
        with self._lock, engine_errors(self._path, "read"):
            request = partial(
                engine.QueryRequest,
                query=engine.Query.Nearest(query.tolist(), using=name),
                filter=self._translated(filter),
                score_threshold=None if min_score is None else below(min_score),
                with_payload=payload and offset < k,  # far down the list, only that of the page is worth reading
            )
            exact = exact or self._known_by_ids(filter)

            def ask(limit: int) -> Sequence[Any]:
                params = engine.SearchParams(exact=exact, hnsw_ef=looked_at(self.count(), limit))
                return self._shard.query(request(limit=limit, params=params))

            found = {str(p.id): p for p in best_and_equals(ask, wanted)}
            least = -math.inf if min_score is None else min_score
            order = sorted((-p.score, id) for id, p in found.items() if id not in left_out and p.score >= least)
            page = [id for _, id in order[offset : offset + k]]
            held = (
                found
                if offset < k or not payload
                else {str(r.id): r for r in self._shard.retrieve(list(page), True, False)}
            )
            return [ScoredPoint(id, found[id].score, without_words(held[id].payload) if payload else {}) for id in page]

    def approximate(self, name: str) -> bool:
        known(self._params, name)
        with self._lock, engine_errors(self._path, "read"):
            return self._shard.info().indexed_vectors_count > 0

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
        if not self._words or not text:
            return Matches({})
        with self._lock, engine_errors(self._path, "read"):
            wanted = self._translated(filter)
            if ids is not None:
                keys: set[Any] = set(canonical_ids(ids))
                k = len(keys) + 1
                wanted = engine.Filter(must=[engine.HasIdCondition(keys), *([wanted] if wanted else [])])
            return looked_up(self._shard, text, k, wanted)

    def retrieve(self, ids: Sequence[str], *, vectors: Sequence[str] = ()) -> list[Point]:
        for name in vectors:
            known(self._params, name)
        keys = canonical_ids(ids)
        with self._lock, engine_errors(self._path, "read"):
            found = self._shard.retrieve(list(dict.fromkeys(keys)), True, list(vectors) or False)
            points = {str(record.id): our_point(record) for record in found}
        return [points[key] for key in keys if key in points]

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
        return self._scroll(self._translated(filter), fields, list(vectors), batch, after)

    def columns(self, fields: Sequence[str], *, filter: Filter | None = None) -> dict[str, list[Any]]:
        """Like ``scroll``, in two thirds of the time, because no object is made for each point."""
        columns: dict[str, list[Any]] = {field: [] for field in fields}
        held = [field for field in columns if field != "id"]
        for records in self._records(self._translated(filter), held, [], COLUMNS_BATCH):
            if "id" in columns:
                columns["id"] += [str(record.id) for record in records]
            payloads = [record.payload or {} for record in records] if held else []
            for field in held:
                columns[field] += [payload.get(field) for payload in payloads]
        return columns

    def without_vector(self, name: str) -> list[str]:
        from qdrant_edge import Filter as WithoutVector
        from qdrant_edge import HasVectorCondition

        known(self._params, name)
        condition = WithoutVector(must_not=[HasVectorCondition(name)])
        return [str(record.id) for records in self._records(condition, (), [], COLUMNS_BATCH) for record in records]

    def count(self, filter: Filter | None = None) -> int:
        from qdrant_edge import CountRequest

        key = str(filter)
        with self._lock, engine_errors(self._path, "read"):
            shard = self._shard
            if key not in self._counted:
                n = shard.count(CountRequest(exact=True, filter=self._translated(filter)))
                _keep(self._counted, key, n)
            return self._counted[key]

    def _forget(self) -> None:
        """Before a write."""
        self._resolved.clear()
        self._counted.clear()

    @property
    def _shard(self) -> qdrant_edge.EdgeShard:
        if self._live is None:
            raise IndexFolderError(f"The store in {self._path} is closed.", remedy="Open it again.")
        return self._live

    def _existing(self, keys: Sequence[str]) -> list[Any]:
        with self._lock, engine_errors(self._path, "read"):
            return [str(record.id) for record in self._shard.retrieve(list(dict.fromkeys(keys)), False, False)]

    def _known_by_ids(self, filter: Filter | None) -> bool:
        """Whether the points that fulfil a filter are known one by one: the graph has no paths among them only, so
        its recall is bad (.67 with one in ten of 200,000), while comparing with each takes 1 ms for 20,000."""
        if filter is None:
            return False
        parts = filter.parts if isinstance(filter, And) else (filter,)
        left = [part for part in parts if self._counted.get(str(part)) != self.count()]
        return any(known in self._resolved for known in (str(filter), *map(str, left), str(And(tuple(left)))))

    def _translated(self, filter: Filter | None) -> qdrant_edge.Filter | None:
        """The engine's form of the filter, without the parts that every point is known to fulfil: for each query, the
        engine makes a list of the points that fulfil it, of 22,914 in 6 ms. None if nothing is left."""
        if filter is None:
            return None
        with self._lock, engine_errors(self._path, "read"):
            parts = filter.parts if isinstance(filter, And) else (filter,)
            left = [part for part in parts if self._counted.get(str(part)) != self.count()]
            if not left:
                return None
            one = left[0] if len(left) == 1 else And(tuple(left))
            found: qdrant_edge.Filter = translate(one, self._resolve, EdgeTerms(self._words))
            return found

    def _resolve(
        self, filter: Filter, fields: list[str] | None, among: qdrant_edge.Filter | None
    ) -> qdrant_edge.Filter:
        """The ids of the points that fulfil ``filter`` by ``predicate``; cached until the next write."""
        from qdrant_edge import Filter as ById
        from qdrant_edge import HasIdCondition

        key = str(filter)
        if key not in self._resolved:
            batches = self._scroll(among, fields, [], 10_000)
            ids: set[Any] = {point.id for points in batches for point in points if matches(filter, point.payload)}
            _keep(self._resolved, key, ById(must=[HasIdCondition(ids)]))
        return self._resolved[key]

    def _scroll(
        self,
        filter: qdrant_edge.Filter | None,
        fields: Sequence[str] | None,
        vectors: list[str],
        batch: int,
        after: str | None = None,
    ) -> Iterator[list[Point]]:
        for records in self._records(filter, fields, vectors, batch, after):
            with engine_errors(self._path, "read"):
                points = [our_point(record, fields) for record in records]
            yield points

    def _records(
        self,
        filter: qdrant_edge.Filter | None,
        fields: Sequence[str] | None,
        vectors: list[str],
        batch: int,
        after: str | None = None,
    ) -> Iterator[list[qdrant_edge.Record]]:
        from qdrant_edge import ScrollRequest

        if after == LAST_ID:
            return
        start: Any = None if after is None else str(UUID(int=UUID(after).int + 1))  # the engine begins with this one
        while True:
            with self._lock, engine_errors(self._path, "read"):
                records, start = self._shard.scroll(
                    ScrollRequest(
                        offset=start,
                        limit=batch,
                        filter=filter,
                        with_payload=selector(fields),
                        with_vector=vectors or False,
                    )
                )
            if records:
                yield records
            if start is None:
                return


def looked_at(n: int, limit: int) -> int:
    """How many candidates a search of a graph of ``n`` points keeps, for a recall of .99 (``benchmarks/store_recall.py``
    has what fewer give)."""
    return min(MOST_LOOKED_AT, max(LEAST_LOOKED_AT, n // POINTS_EACH) + 4 * limit)


def _keep(kept: dict[str, Any], key: str, value: object) -> None:
    """Remember a value, in place of the oldest where there are too many."""
    while len(kept) >= RESOLVED_KEPT:
        kept.pop(next(iter(kept)))
    kept[key] = value
