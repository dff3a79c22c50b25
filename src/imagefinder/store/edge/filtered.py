"""What fulfils a filter in a shard: records, payloads, counts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

import numpy as np

from imagefinder.errors import IndexFolderError
from imagefinder.store.base import Point, VectorParams
from imagefinder.store.checks import canonical_ids, known
from imagefinder.store.edge.column_files import KEPT_FROM
from imagefinder.store.edge.column_keeping import WrittenColumns
from imagefinder.store.edge.engine import engine_errors, our_point, selector
from imagefinder.store.edge.filters import EdgeTerms, Named, of_engine
from imagefinder.store.edge.words import without_words
from imagefinder.store.filters.engines import translate
from imagefinder.store.filters.parse import And, Filter
from imagefinder.store.filters.predicate import matches
from imagefinder.store.selecting import fields_of, matching

if TYPE_CHECKING:
    import qdrant_edge

LAST_ID = str(UUID(int=2**128 - 1))
COLUMNS_BATCH = 1000  # records in one call, which nothing can interrupt: 10 ms
TRIES = 3  # to translate a filter while nothing is written
FEW = 20  # less than one of so many
RESOLVED_KEPT = 16  # filters whose ids, and whose counts, are remembered until the next write

R = TypeVar("R")


@dataclass(frozen=True)
class Translated:
    """The engine's form of a filter, None where all points fulfil it, and how many ids it names; ``named`` are all
    points that fulfil it, if it says nothing else."""

    found: Any = None
    n_ids: int = 0

    @property
    def named(self) -> Named | None:
        return self.found if isinstance(self.found, Named) else None

    @property
    def filter(self) -> Any:
        return of_engine(self.found)


class EdgeFiltered:
    """A shard, by its filters. Only one call runs at a time, because the engine holds the interpreter lock anyway."""

    def __init__(self, path: Path, shard: qdrant_edge.EdgeShard, params: dict[str, VectorParams], home: Path) -> None:
        self._path, self._home = path, home
        self._live: qdrant_edge.EdgeShard | None = shard
        self._params = params
        self._lock = threading.RLock()
        self._resolved: dict[str, Named] = {}
        self._kept = WrittenColumns(home, self._read_rows, self._read_payloads)
        self._counted: dict[str, int] = {}  # how many points fulfil a filter
        self._words: str | None = None  # where words can be looked up
        self._writes = 0
        self._graph = "", False  # whether there is one with points in it, of the shard as the text says

    def retrieve(self, ids: Sequence[str], *, vectors: Sequence[str] = ()) -> list[Point]:
        for name in vectors:
            known(self._params, name)
        keys = canonical_ids(ids)
        with self._lock, engine_errors(self._path, "read"):
            found = self._shard.retrieve(list(dict.fromkeys(keys)), True, list(vectors) or False)
            points = {str(record.id): our_point(record) for record in found}
        return [points[key] for key in keys if key in points]

    def _read_columns(self, fields: Sequence[str], filter: qdrant_edge.Filter | None = None) -> dict[str, list[Any]]:
        """Like ``scroll``, in two thirds of the time, because no object is made for each point."""
        columns: dict[str, list[Any]] = {field: [] for field in fields}
        held = [field for field in columns if field != "id"]
        for records in self._records(filter, held, [], COLUMNS_BATCH):
            if "id" in columns:
                columns["id"] += [str(record.id) for record in records]
            payloads = [record.payload or {} for record in records] if held else []
            for field in held:
                columns[field] += [payload.get(field) for payload in payloads]
        return columns

    def _read_rows(self, fields: Sequence[str]) -> Iterator[tuple[list[str], list[Mapping[str, Any]]]]:
        """Ids and payloads of all points, in ascending order of id: of few points these fields, of many all, so that
        these need not be read once more."""
        for records in self._records(None, fields if self.count() < KEPT_FROM else None, [], COLUMNS_BATCH):
            yield [str(record.id) for record in records], [without_words(record.payload) for record in records]

    def _read_payloads(self, ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        found: dict[str, Mapping[str, Any]] = {}
        for start in range(0, len(ids), COLUMNS_BATCH):
            found |= {point.id: point.payload for point in self.retrieve(ids[start : start + COLUMNS_BATCH])}
        return found

    def count(self, filter: Filter | None = None) -> int:
        from qdrant_edge import CountRequest

        key = str(filter)

        def counted(translated: Translated) -> int:
            shard, n = self._shard, self._counted.get(key)
            if n is None:
                named = translated.named
                n = named.n if named else shard.count(CountRequest(exact=True, filter=translated.filter))
                _keep(self._counted, key, n)
            return n

        known = self._counted.get(key)
        return known if known is not None and self._live is not None else self._filtered(filter, counted)

    def _forget(self) -> None:
        """Before a write."""
        self._resolved.clear()
        self._counted.clear()

    @property
    def _shard(self) -> qdrant_edge.EdgeShard:
        if self._live is None:
            raise IndexFolderError(f"The store in {self._path} is closed.", remedy="Open it again.")
        return self._live

    def _filtered(self, filter: Filter | None, call: Callable[[Translated], R]) -> R:
        """What ``call`` gives for the engine's form of a filter; nothing is written between. The filter is translated
        without the lock, as that may take long where nothing is kept yet."""
        for attempt in range(TRIES):
            writes = self._writes
            translated = self._translated(filter, whole=attempt == TRIES - 1)
            with self._lock, engine_errors(self._path, "read"):
                if writes == self._writes:
                    return call(translated)
        with self._lock, engine_errors(self._path, "read"):
            return call(translated)

    def _translated(self, filter: Filter | None, *, whole: bool = False) -> Translated:
        """The engine's form of the filter. But for the ``whole``, it is without the parts that every point is known to
        fulfil: for each query, the engine makes a list of the points that fulfil it, of 22,914 in 6 ms."""
        if filter is None:
            return Translated()
        parts, n = filter.parts if isinstance(filter, And) else (filter,), self.count()
        left = [part for part in parts if whole or self._counted.get(str(part)) != n]
        if not left:
            return Translated()
        named: list[Named] = []

        def resolve(part: Filter, fields: list[str] | None, among: qdrant_edge.Filter | None) -> Named:
            named.append(self._resolved_to(part, fields, among))
            return named[-1]

        one = left[0] if len(left) == 1 else And(tuple(left))
        return Translated(translate(one, resolve, EdgeTerms(self._words)), sum(part.n for part in named))

    def _resolved_to(self, filter: Filter, fields: list[str] | None, among: qdrant_edge.Filter | None) -> Named:
        """The points that fulfil ``filter`` by ``predicate``; remembered until the next write."""
        key, writes = str(filter), self._writes
        found = self._resolved.get(key)
        if found is None:
            found = self._named(filter, fields, among)
            with self._lock:
                if writes == self._writes:
                    _keep(self._resolved, key, found)
        return found

    def _named(self, filter: Filter, fields: list[str] | None, among: qdrant_edge.Filter | None) -> Named:
        read = fields_of(filter)
        if read is not None and (self._kept.has(read) or among is None or not self._are_so_few(among)):
            ids, kept = self._kept.get(read)
            return Named(ids, matching(filter, kept, len(ids)))
        batches = self._scroll(among, fields, [], COLUMNS_BATCH)
        ids = np.array([p.id for points in batches for p in points if matches(filter, p.payload)], "S36")
        return Named(ids, np.ones(len(ids), bool))

    def _are_so_few(self, filter: qdrant_edge.Filter) -> bool:
        """Whether it is quicker to read from the engine what fulfils a filter, by its estimate."""
        from qdrant_edge import CountRequest

        with self._lock, engine_errors(self._path, "read"):
            return self._shard.count(CountRequest(exact=False, filter=filter)) * FEW < self.count()

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


def _keep(kept: dict[str, Any], key: str, value: object) -> None:
    """Remember a value, in place of the oldest where there are too many."""
    while len(kept) >= RESOLVED_KEPT:
        kept.pop(next(iter(kept)))
    kept[key] = value
