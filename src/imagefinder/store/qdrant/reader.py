"""The reading methods of the store on a Qdrant server: queries, scrolls, counts."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from uuid import UUID

import numpy as np

from imagefinder.errors import IndexFolderError, InvalidInputError, NotFoundError
from imagefinder.store.base import Matches, Point, ScoredPoint, VectorParams
from imagefinder.store.checks import canonical_ids, checked_batch, checked_vector, checked_window, known
from imagefinder.store.filters.engines import translate
from imagefinder.store.filters.parse import Filter
from imagefinder.store.filters.predicate import matches
from imagefinder.store.qdrant.filters import QdrantTerms, both, of_ids
from imagefinder.store.qdrant.payloads import given, selector
from imagefinder.store.qdrant.server import FACTS, Server
from imagefinder.store.qdrant.words import most_said
from imagefinder.store.ties import below, best_and_equals

if TYPE_CHECKING:
    from qdrant_client import models

T = TypeVar("T")
LAST_ID = str(UUID(int=2**128 - 1))
IDS_AT_ONCE = 10_000  # in one filter: 400 kB of a request
READ_AT_ONCE = 1000  # records in one response
COLUMNS_BATCH = 2000
RESOLVED_KEPT = 8  # filters whose ids are remembered until the next write


class _ManyError(Exception):
    """More points fulfil a part of a filter than one request should name."""


class Asked(NamedTuple):
    """What a filter becomes: a ``filter`` of the server (None: all points), or the ``ids`` of many points."""

    filter: models.Filter | None
    ids: list[str] | None = None

    def parts(self) -> list[models.Filter | None]:
        """Filters of which each point fulfils one."""
        if self.ids is None:
            return [self.filter]
        return [both(of_ids(self.ids[i : i + IDS_AT_ONCE])) for i in range(0, len(self.ids), IDS_AT_ONCE)]


class QdrantReader:
    """The reading methods."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._at = server.address.points
        self._known: dict[str, VectorParams] = {}
        self._resolved: tuple[int, dict[str, list[str]]] = (-1, {})

    @property
    def writes(self) -> int:
        return int(self._facts("writes")["writes"])

    def _facts(self, *fields: str) -> dict[str, Any]:
        found = self._server.point(self._at, FACTS, fields)
        if found is None:
            raise NotFoundError(f"The index {self._server.address.shown} is not there any more.")
        return found

    def vectors(self) -> Mapping[str, VectorParams]:
        self._look()
        return dict(self._known)

    def _look(self) -> None:
        found = self._facts("vectors")["vectors"]
        self._known = {name: VectorParams(**found[name]) for name in sorted(found)}

    def _with_vectors(self, names: Collection[str], call: Callable[[Mapping[str, VectorParams]], T]) -> T:
        """The result of ``call`` with these named vectors. They are looked up again where another process may have
        changed them. Raises NotFoundError."""
        if any(name not in self._known for name in names):
            self._look()
        before = self._known
        try:
            return call({name: known(before, name) for name in names})
        except (NotFoundError, InvalidInputError, IndexFolderError):
            self._look()
            if self._known == before:
                raise
        return call({name: known(self._known, name) for name in names})

    # --- search -------------------------------------------------------------------------------------------------------

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
        checked_window(k, offset, min_score)
        left_out = set(canonical_ids(exclude))
        wanted, least = offset + k + len(left_out), -math.inf if min_score is None else min_score

        def call(params: Mapping[str, VectorParams]) -> list[ScoredPoint]:
            query = checked_vector(name, vector, params[name])
            fetched = payload and offset < k  # far down the list, only that of the page is worth reading

            def ask(part: models.Filter | None) -> Callable[[int], Sequence[Any]]:
                threshold = None if min_score is None else below(min_score)
                return lambda limit: self._nearest(name, query, part, limit, threshold, exact, fetched)

            parts = self._translated(filter).parts()
            found = {str(p.id): p for part in parts for p in best_and_equals(ask(part), wanted)}
            order = sorted((-p.score, id) for id, p in found.items() if id not in left_out and p.score >= least)
            page = [id for _, id in order[offset : offset + k]]
            held = {id: given(found[id].payload) for id in page} if fetched else {}
            if payload and not fetched:
                held = {point.id: dict(point.payload) for point in self.retrieve(page)}
            return [ScoredPoint(id, found[id].score, held.get(id, {})) for id in page]

        return self._with_vectors([name], call)

    def _nearest(
        self,
        name: str,
        query: np.ndarray,
        filter: models.Filter | None,
        limit: int,
        threshold: float | None = None,
        exact: bool = False,
        payload: bool = False,
    ) -> Sequence[Any]:
        from qdrant_client import models

        options = self._server.address.options
        rescored = None
        if "oversampling" in options:
            rescored = models.QuantizationSearchParams(rescore=True, oversampling=options["oversampling"])
        return self._server.call(  # type: ignore[no-any-return]
            "query_points",
            self._at,
            query=query.tolist(),
            using=name,
            query_filter=filter,
            limit=limit,
            score_threshold=threshold,
            with_payload=selector(None) if payload else False,
            search_params=models.SearchParams(exact=exact, hnsw_ef=options.get("ef"), quantization=rescored),
        ).points

    def approximate(self, name: str) -> bool:
        def call(params: Mapping[str, VectorParams]) -> bool:
            return bool(self._server.call("get_collection", self._at).indexed_vectors_count)

        return self._with_vectors([name], call)

    def score(self, name: str, vector: np.ndarray, ids: Sequence[str]) -> dict[str, float]:
        wanted = sorted(set(canonical_ids(ids)))

        def call(params: Mapping[str, VectorParams]) -> dict[str, float]:
            query = checked_vector(name, vector, params[name])
            found = (self._nearest(name, query, part, IDS_AT_ONCE, exact=True) for part in Asked(None, wanted).parts())
            return {str(p.id): p.score for points in found for p in points}

        return self._with_vectors([name], call)

    def match(self, text: str, k: int, *, filter: Filter | None = None, ids: Sequence[str] | None = None) -> Matches:
        checked_window(k, 0, None)
        parts = self._translated(filter).parts()
        if ids is not None:
            keys = sorted(set(canonical_ids(ids)))
            k = len(keys) + 1
            parts = [both(one, other) for one in parts for other in Asked(None, keys).parts()]
        return most_said(self._server, text, k, parts)

    # --- points -------------------------------------------------------------------------------------------------------

    def retrieve(self, ids: Sequence[str], *, vectors: Sequence[str] = ()) -> list[Point]:
        keys = canonical_ids(ids)
        unique = list(dict.fromkeys(keys))

        def call(params: Mapping[str, VectorParams]) -> dict[str, Point]:
            wanted = [*vectors] or False
            found = {}
            for i in range(0, len(unique), READ_AT_ONCE):
                some = unique[i : i + READ_AT_ONCE]
                records = self._server.call(
                    "retrieve", self._at, some, with_payload=selector(None), with_vectors=wanted
                )
                found.update({str(record.id): _point(record) for record in records})
            return found

        points = self._with_vectors(vectors, call)
        return [points[key] for key in keys if key in points and key != FACTS]

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
        self._with_vectors(vectors, lambda params: None)
        return self._scroll(self._translated(filter), fields, vectors, batch, after)

    def _scroll(
        self,
        asked: Asked,
        fields: Sequence[str] | None,
        vectors: Sequence[str] = (),
        batch: int = COLUMNS_BATCH,
        after: str | None = None,
    ) -> Iterator[list[Point]]:
        for records in self._records(asked, fields, vectors, batch, after):
            yield [_point(record, fields) for record in records]

    def _records(
        self, asked: Asked, fields: Sequence[str] | None, vectors: Sequence[str], batch: int, after: str | None = None
    ) -> Iterator[list[Any]]:
        """The records in ascending order of id."""
        read = {"with_payload": selector(fields), "with_vectors": [*vectors] or False}
        if asked.ids is not None:
            left = [id for id in asked.ids if after is None or id > after]
            for i in range(0, len(left), batch):
                records = self._server.call("retrieve", self._at, left[i : i + batch], **read)
                if records:
                    yield sorted(records, key=lambda record: str(record.id))
            return
        if after == LAST_ID:
            return
        start: Any = None if after is None else str(UUID(int=UUID(after).int + 1))  # the server begins with this one
        while True:
            records, start = self._server.call(
                "scroll", self._at, scroll_filter=_real(asked.filter), limit=batch, offset=start, **read
            )
            if records:
                yield records
            if start is None:
                return

    def columns(self, fields: Sequence[str], *, filter: Filter | None = None) -> dict[str, list[Any]]:
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
        from qdrant_client import models

        lacking = models.Filter(must_not=[models.HasVectorCondition(has_vector=name)])

        def call(params: Mapping[str, VectorParams]) -> list[str]:
            return [str(record.id) for page in self._records(Asked(lacking), (), [], COLUMNS_BATCH) for record in page]

        return self._with_vectors([name], call)

    def count(self, filter: Filter | None = None) -> int:
        asked = self._translated(filter)
        if asked.ids is not None:
            return len(asked.ids)
        return int(self._server.call("count", self._at, count_filter=_real(asked.filter), exact=True).count)

    # --- filters ------------------------------------------------------------------------------------------------------

    def _translated(self, filter: Filter | None) -> Asked:
        if filter is None:
            return Asked(None)

        def resolve(part: Filter, fields: list[str] | None, among: Any) -> Any:
            ids = self._ids(part, fields, among)
            if len(ids) > IDS_AT_ONCE:
                raise _ManyError
            return of_ids(ids)

        try:
            return Asked(both(translate(filter, resolve, QdrantTerms())))
        except _ManyError:
            return Asked(None, self._ids(filter, None, None))

    def _ids(self, filter: Filter, fields: list[str] | None, among: Any) -> list[str]:
        """The ids of the points that fulfil a filter by ``predicate``, in ascending order; remembered until somebody
        writes."""
        key, writes = str(filter), self.writes
        if self._resolved[0] != writes:
            self._resolved = (writes, {})
        kept = self._resolved[1]
        found = kept.get(key)
        if found is None:
            pages = self._scroll(Asked(both(among)), fields)
            found = [point.id for points in pages for point in points if matches(filter, point.payload)]
            while len(kept) >= RESOLVED_KEPT:
                kept.pop(next(iter(kept)), None)
            kept[key] = found
        return found


def _real(filter: models.Filter | None) -> models.Filter:
    """All but the point that is no image."""
    from qdrant_client import models

    return models.Filter(must=None if filter is None else [filter], must_not=[of_ids([FACTS])])


def _point(record: Any, fields: Sequence[str] | None = None) -> Point:
    held = record.vector or {}
    vectors = {name: np.asarray(v, dtype=np.float32) for name, v in held.items()} if isinstance(held, dict) else {}
    return Point(str(record.id), given(record.payload, fields), vectors)
