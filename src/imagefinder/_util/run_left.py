"""How long a run of several stages will still take, from how long its stages took the last time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from imagefinder._util.time_left import TimeLeft

LIKE = 4 / 3  # how many times as many images a former run may have had, or as few: some stages grow with the square
SLOWEST = 10.0  # times the pace of the former run, and as much faster
LEAST_S = 1.0  # of stages that are done: less tells nothing of the pace of this run


@dataclass(frozen=True, slots=True)
class FormerRun:
    """How many seconds each stage of a run took, in their order, with so many ``images``."""

    stages: Mapping[str, float]
    images: int

    def is_like(self, images: int) -> bool:
        """Whether it tells of a run with so many."""
        return bool(self.stages) and 0 < images <= LIKE * self.images and self.images <= LIKE * images


class RunLeft:
    """The time to the end of a stage, and to that of the whole run where a ``former`` one tells of it. That one's
    stages are taken to be as long as there are images more or less, and as this run has been slower or quicker so far;
    those that this run has passed over count no more."""

    def __init__(
        self, former: FormerRun | None = None, images: int = 0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        share = images / former.images if former else 0.0
        self._expected = {stage: seconds * share for stage, seconds in former.stages.items()} if former else {}
        self._clock = clock
        self._took: dict[str, float] = {}  # by the stages before this one
        self._begun = clock()
        self.stage: str | None = None
        self._pace = TimeLeft(clock)

    def note(self, stage: str, done: int, total: int) -> bool:
        """So much of a stage is done now; whether it is a new one."""
        new = stage != self.stage
        if new:
            self._took = self.took()
            self.stage, self._begun, self._pace = stage, self._clock(), TimeLeft(self._clock)
        self._pace.note(done, total)
        return new

    def took(self) -> dict[str, float]:
        """The seconds of each stage so far, in their order."""
        if self.stage is None:
            return {}
        return {**self._took, self.stage: self._took.get(self.stage, 0.0) + self._clock() - self._begun}

    def of_stage(self) -> float | None:
        """Seconds to the end of this stage; None while nothing tells."""
        return self._pace.seconds()

    def of_run(self) -> float | None:
        """Seconds to the end of the run; None where nothing tells."""
        stages = list(self._expected)
        if self.stage not in self._expected:
            return None
        so_far, here = self.took(), self.of_stage()
        later = [stage for stage in stages[stages.index(self.stage) + 1 :] if stage not in so_far]
        expected = sum(self._expected.get(stage, 0.0) for stage in self._took if stage != self.stage)
        took = sum(seconds for stage, seconds in self._took.items() if stage in self._expected and stage != self.stage)
        if here is not None:
            expected += self._expected[self.stage]
            took += so_far[self.stage] + here
        slower = min(SLOWEST, max(1 / SLOWEST, took / expected)) if min(expected, took) >= LEAST_S else 1.0
        if here is None:
            here = max(0.0, slower * self._expected[self.stage] - so_far[self.stage])
        return here + slower * sum(self._expected[stage] for stage in later)
