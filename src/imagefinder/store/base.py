"""What every store of points can do. ``edge`` keeps them on disk, ``exact`` in memory (the oracle of the tests)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from imagefinder.store.filters.parse import Filter


@dataclass(frozen=True, slots=True)
class VectorParams:
    """One named vector. ``searchable=False`` keeps it for retrieval only: never indexed, read from disk.

    A ``cosine`` vector is stored at unit length, so it does not come back as given; a ``dot`` vector does, to the
    precision of ``dtype``.
    """

    dim: int
    dtype: Literal["float32", "float16"] = "float32"
    metric: Literal["cosine", "dot"] = "cosine"
    searchable: bool = True


@dataclass(frozen=True, slots=True)
class Point:
    """An id (UUID string), its payload (JSON types) and its vectors, each float (dim,), by name."""

    id: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    vectors: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ScoredPoint:
    """An answer of ``Store.query``: larger scores are better."""

    id: str
    score: float
    payload: Mapping[str, Any]


class StoreType(Protocol):
    """How a store begins: what its class can do."""

    def create(self, path: Path) -> Store:
        """A new, empty store in the folder ``path``, which must be empty or not exist."""

    def open(self, path: Path) -> Store:
        """The store in the folder ``path``. Raises IndexDamagedError, IndexLockedError or StorageError."""


class Store(Protocol):
    """Points on disk, in memory or in a cluster. Errors are ImageFinder's own; a full disk is a StorageError."""

    @property
    def writes(self) -> int:
        """Counts the changes: while it is the same, what was read is so still."""

    def vectors(self) -> Mapping[str, VectorParams]:
        """The named vectors there are."""

    def start_over(self, vectors: Mapping[str, VectorParams]) -> None:
        """Throw every point and vector away and begin anew with these named vectors. A store may keep vectors that
        are named here in a better way than ones that come later."""

    def create_vector(self, name: str, params: VectorParams) -> None:
        """Add a named vector; points that lack it are simply not found through it."""

    def drop_vector(self, name: str) -> None:
        """Remove a named vector from every point."""

    def upsert(self, points: Sequence[Point]) -> None:
        """Add or replace points. When it returns, they survive a kill of the process."""

    def set_vectors(self, name: str, ids: Sequence[str], array: np.ndarray) -> None:
        """Set one named vector of existing points; ``array`` is float (len(ids), dim)."""

    def set_payload(self, id: str, payload: Mapping[str, Any]) -> None:
        """Replace the payload of one point."""

    def merge_payload(self, ids: Sequence[str], payload: Mapping[str, Any]) -> None:
        """Set some fields of the payload of many points at once; a value of None removes the field. Unknown ids are
        ignored."""

    def delete(self, ids: Sequence[str]) -> None:
        """Remove points; unknown ids are ignored."""

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
    ) -> list[ScoredPoint]:
        """The ``k`` points nearest to ``vector`` (float (dim,)) through the named vector, best first, after leaving
        out those of the ids ``exclude`` and then the best ``offset``. Equal scores are in order of id, so that pages
        neither repeat a point nor lose one."""

    def score(self, name: str, vector: np.ndarray, ids: Sequence[str]) -> dict[str, float]:
        """The scores that ``query`` gives to these points, by id; those without the vector, or unknown, are left
        out."""

    def retrieve(self, ids: Sequence[str], *, vectors: Sequence[str] = ()) -> list[Point]:
        """The points of these ids, in their order; unknown ids are left out."""

    def scroll(
        self,
        *,
        filter: Filter | None = None,
        fields: Sequence[str] | None = None,
        vectors: Sequence[str] = (),
        batch: int = 1000,
    ) -> Iterator[list[Point]]:
        """Every point in ascending order of id, in lists of at most ``batch``; ``fields`` None means all."""

    def columns(self, fields: Sequence[str], *, filter: Filter | None = None) -> dict[str, list[Any]]:
        """The values of each of these fields, in ascending order of id, None where a point has none; ``id`` is the
        id."""

    def without_vector(self, name: str) -> list[str]:
        """The ids of the points that lack this named vector, in ascending order."""

    def count(self, filter: Filter | None = None) -> int:
        """How many points match."""

    def optimize(self) -> None:
        """Merge and index what has been written; may take long, changes no answer (within HNSW's recall)."""

    def close(self) -> None:
        """Flush and release. Safe to call twice."""
