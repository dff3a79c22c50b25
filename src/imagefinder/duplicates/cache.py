"""A cache bounded by the bytes of what it holds, from which what was not used for longest goes first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, Protocol, TypeVar

K = TypeVar("K", bound=Hashable)


class Sized(Protocol):
    @property
    def nbytes(self) -> int: ...


V = TypeVar("V", bound=Sized)


class Cache(Generic[K, V]):
    """Safe to use from several threads."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.held = 0
        self._items: OrderedDict[K, V] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._items)

    @property
    def full(self) -> bool:
        """Whether one more of the usual size would push another out."""
        usual = self.held // max(1, len(self._items))
        return self.held + usual > self.most_bytes

    def get(self, key: K) -> V | None:
        with self._lock:
            if key in self._items:
                self._items.move_to_end(key)
            return self._items.get(key)

    def put(self, key: K, item: V) -> None:
        with self._lock:
            if key not in self._items:
                self._items[key] = item
                self.held += item.nbytes
            while self.held > self.most_bytes:
                self.held -= self._items.popitem(last=False)[1].nbytes
