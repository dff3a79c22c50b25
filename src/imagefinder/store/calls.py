"""What the calls to a store on another machine cost, for those who watch over it."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)


@dataclass(frozen=True, slots=True)
class CallFigures:
    """What was counted since the store was opened: how many calls took at most each of ``BOUNDS_S``, and longer; their
    ``seconds`` in all, waiting and trying again included; how many ``failed`` in the end, and how many times one was
    tried ``again``. ``connections`` is how many there are by their state."""

    counts: tuple[int, ...]
    seconds: float
    failed: int
    again: int
    connections: Mapping[str, int] = field(default_factory=dict)


class Calls:
    """Counts them. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = [0] * (len(BOUNDS_S) + 1)
        self._seconds, self._failed, self._again = 0.0, 0, 0

    @contextmanager
    def timed(self) -> Iterator[None]:
        """One call goes on meanwhile."""
        begun = time.monotonic()
        try:
            yield
        finally:
            took = time.monotonic() - begun
            with self._lock:
                self._counts[bisect_left(BOUNDS_S, took)] += 1
                self._seconds += took

    def fails(self) -> None:
        with self._lock:
            self._failed += 1

    def goes_again(self) -> None:
        with self._lock:
            self._again += 1

    def figures(self, connections: Mapping[str, int] | None = None) -> CallFigures:
        with self._lock:
            return CallFigures(tuple(self._counts), self._seconds, self._failed, self._again, connections or {})
