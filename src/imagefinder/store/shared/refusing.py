"""The writing half of a store that is only read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from imagefinder.errors import IndexFolderError

if TYPE_CHECKING:
    import numpy as np

    from imagefinder.store.base import Point, Store, VectorParams


def read_only_error() -> IndexFolderError:
    return IndexFolderError(
        "This index was opened for reading, so nothing in it can be changed.", remedy="Open it without read_only."
    )


class Refusing:
    """Stands where a lock for writing would: to enter it raises IndexFolderError."""

    def __enter__(self) -> None:
        raise read_only_error()

    def __exit__(self, *_: object) -> None:
        pass


class RefusesWrites:
    """Each writing method of ``base.Store`` raises IndexFolderError."""

    def start_over(self, vectors: Mapping[str, VectorParams]) -> None:
        raise read_only_error()

    def create_vector(self, name: str, params: VectorParams) -> None:
        raise read_only_error()

    def drop_vector(self, name: str) -> None:
        raise read_only_error()

    def upsert(self, points: Sequence[Point]) -> None:
        raise read_only_error()

    def set_vectors(self, name: str, ids: Sequence[str], array: np.ndarray) -> None:
        raise read_only_error()

    def set_payload(self, id: str, payload: Mapping[str, Any]) -> None:
        raise read_only_error()

    def merge_payload(self, ids: Sequence[str], payload: Mapping[str, Any]) -> None:
        raise read_only_error()

    def delete(self, ids: Sequence[str]) -> None:
        raise read_only_error()

    def want_room(self, n_bytes: int = 0) -> None:
        raise read_only_error()

    def optimize(self) -> None:
        raise read_only_error()


class Reading(RefusesWrites):
    """A store that this process only reads, though it could be written."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)
