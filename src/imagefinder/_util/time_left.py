"""How long a piece of work will still take."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

KEPT = 64  # moments in all the time so far
LEAST_S = 10.0  # of the past by which the pace is judged, if there is so much


class TimeLeft:
    """The time to the end of one stage, by its pace in the latter half of the time so far. What was done before the
    first ``note`` came, as by an earlier run that is gone on with, says nothing of the pace."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._moments: deque[tuple[float, int]] = deque()  # the first is as old as the pace is judged by
        self._begun = 0.0
        self._gap = 0.0  # the longest time between two notes lately
        self._total = 0

    def note(self, done: int, total: int) -> None:
        """So much of ``total`` is done now; less than before is a new beginning."""
        now, self._total = self._clock(), total
        moments = self._moments
        if moments and done < moments[-1][1]:
            moments.clear()
        if not moments:
            self._begun, self._gap = now, 0.0
        elif done == moments[-1][1]:
            return
        else:
            self._gap = max(0.9 * self._gap, now - moments[-1][0])
        if len(moments) > 2 and now - moments[-2][0] < (now - self._begun) / KEPT:
            moments.pop()
        moments.append((now, done))
        recent = now - max(LEAST_S, (now - self._begun) / 2)
        while len(moments) > 2 and moments[1][0] <= recent:
            moments.popleft()

    def seconds(self) -> float | None:
        """None while nothing tells."""
        if len(self._moments) < 2:
            return None
        (at, before), (last, done) = self._moments[0], self._moments[-1]
        left = (last - at) / (done - before) * (self._total - done)
        return max(0.0, left - min(self._clock() - last, self._gap))
