"""Pages of an engine whose order of equal scores is random."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

EQUALS = 8  # asked for beyond a page, to see where equal scores end


def best_and_equals(ask: Callable[[int], Sequence[Any]], n: int) -> Sequence[Any]:
    """The ``n`` best of what ``ask(limit)`` gives, the best first, and all with the same score as the last of them."""
    limit = n + EQUALS
    while True:
        found = ask(limit)
        if len(found) < limit or found[-1].score < found[n - 1].score:
            return found
        limit *= 2


def below(score: float) -> float:
    """The greatest float32 that is less, because the engine leaves out what scores as much as its threshold."""
    return float(np.nextafter(np.float32(score), np.float32(-np.inf)))
