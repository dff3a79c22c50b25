"""The protocol of all stores. ``edge`` stores points on disk, ``exact`` in memory (the reference for tests)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    import numpy as np

    from imagefinder.store.filters.parse import Filter


@dataclass(frozen=True, slots=True)
class VectorParams:
    """The settings of one named vector. With ``searchable=False`` it can only be retrieved: it is not indexed, and is
    read from disk.

    A ``cosine`` vector is stored with unit length, so it is not returned as it was given. A ``dot`` vector is, to the
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
    """A result of ``Store.query``. Larger scores are better."""

    id: str
    score: float
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Matches:
    """A result of ``Store.match``: the ``scores`` of points, by id. No other point scores more than ``rest``, which is
    0 where these are all. ``full`` is the score of a text of mean length that says each word once: the sum of their
    inverse document frequencies, where words that no text says count half."""

    scores: Mapping[str, float]
    rest: float = 0.0
    full: float = 0.0

    def __bool__(self) -> bool:
        return bool(self.scores) or self.rest > 0


class StoreType(Protocol):
    """What the class of a store can do: create a store, or open one."""

    def create(self, place: Any) -> Store:
        """A new, empty store: in a folder, a ``Path`` that must be empty or not exist, or at an address, a text."""

    def open(self, place: Any) -> Store:
        """The store in a folder or at an address. Raises IndexDamagedError, IndexLockedError or StorageError."""


class Store(Protocol):
    """Points on disk, in memory, or on a server. All errors are those of ``errors.py``; a full disk is a
    StorageError."""

    @property
    def writes(self) -> int:
        """The number of changes so far. While it is the same, everything that was read is still valid."""

    def vectors(self) -> Mapping[str, VectorParams]:
        """The settings of all named vectors."""

    def start_over(self, vectors: Mapping[str, VectorParams]) -> None:
        """Delete all points and vectors, and start again with these named vectors. A store may store vectors that are
        given here more efficiently than vectors added later."""

    def create_vector(self, name: str, params: VectorParams) -> None:
        """Add a named vector. Points that lack it are not found by it."""

    def drop_vector(self, name: str) -> None:
        """Remove a named vector from every point."""

    def upsert(self, points: Sequence[Point]) -> None:
        """Add or replace points. When this returns, they survive if the process is killed."""

    def set_vectors(self, name: str, ids: Sequence[str], array: np.ndarray) -> None:
        """Set one named vector of existing points; ``array`` is float (len(ids), dim)."""

    def set_payload(self, id: str, payload: Mapping[str, Any]) -> None:
        """Replace the payload of one point."""

    def merge_payload(self, ids: Sequence[str], payload: Mapping[str, Any]) -> None:
        """Set some fields in the payloads of many points. A value of None removes the field. Unknown ids are
        ignored."""

    def delete(self, ids: Sequence[str]) -> None:
        """Remove points; unknown ids are ignored."""

    def want_room(self, n_bytes: int = 0) -> None:
        """Ask whether there is room to write here, and for ``n_bytes`` more on the same disk. Raises StorageError."""

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
        """The ``k`` points nearest to ``vector``, float (dim,), by the named vector, the best first. Points in
        ``exclude`` are left out first, then the best ``offset``. Equal scores are sorted by id, so that pages neither
        repeat nor miss a point. With ``exact`` it is compared with every point, else a graph may be asked. Without
        ``payload``, that of the points may be empty, which saves reading it."""

    def approximate(self, name: str) -> bool:
        """Whether ``query`` by this named vector may miss a few of the nearest where ``exact`` is not asked for."""

    def score(self, name: str, vector: np.ndarray, ids: Sequence[str]) -> dict[str, float]:
        """The scores that ``query`` would give to these points, by id. Unknown points, and points without the vector,
        are left out."""

    def match(self, text: str, k: int, *, filter: Filter | None = None, ids: Sequence[str] | None = None) -> Matches:
        """The ``k`` points whose texts say most of the words of ``text``, or with ``ids`` those of them that say any.
        The score is BM25 (Robertson and Zaragoza 2009) with k1 = 1.2 and b = 0.75, over all texts of a point together;
        what texts and words are, ``store.words`` says. Points with the score of the last one are left out where there
        may be more of them. A store that can't look words up yet finds none."""

    def retrieve(self, ids: Sequence[str], *, vectors: Sequence[str] = ()) -> list[Point]:
        """The points of these ids, in their order; unknown ids are left out."""

    def scroll(
        self,
        *,
        filter: Filter | None = None,
        fields: Sequence[str] | None = None,
        vectors: Sequence[str] = (),
        batch: int = 1000,
        after: str | None = None,
    ) -> Iterator[list[Point]]:
        """Every point in ascending order of id, in lists of at most ``batch``; ``fields`` None means all. With
        ``after``, only the points whose id is greater."""

    def columns(self, fields: Sequence[str], *, filter: Filter | None = None) -> dict[str, list[Any]]:
        """The values of these fields in ascending order of id, with None where a point has no value. The field ``id``
        is the id."""

    def without_vector(self, name: str) -> list[str]:
        """The ids of the points that lack this named vector, in ascending order."""

    def count(self, filter: Filter | None = None) -> int:
        """How many points match."""

    def optimize(self) -> None:
        """Merge and index what has been written. This may take long, and changes no result (within the recall of
        HNSW)."""

    def close(self) -> None:
        """Flush and release. Safe to call twice."""
