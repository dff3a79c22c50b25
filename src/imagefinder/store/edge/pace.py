"""How many points go into one operation of the engine, which stops all other threads meanwhile. How long a point takes
depends on how many there are: the engine indexes all words of a point anew, by lists of the points with each word, in
which it makes room. So 2,000 take 40 ms among few points, and .7 s among 1,000,000 that are not merged."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

MOST, LEAST = 2000, 64  # points
WANTED_S = 0.1


class Pace:
    """``n`` points take about ``WANTED_S`` at most, by what the last took."""

    def __init__(self) -> None:
        self.n = MOST

    @contextmanager
    def of(self, n: int) -> Iterator[None]:
        """Inside, ``n`` points are written."""
        started = time.monotonic()
        yield
        took = time.monotonic() - started
        if n >= self.n or took > WANTED_S:
            self.n = max(LEAST, min(MOST, int(n * WANTED_S / max(took, 1e-6))))
