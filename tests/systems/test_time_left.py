"""What is said of the time left, compared with the truth by a clock of the test's own."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from imagefinder._util.time_left import TimeLeft
from imagefinder.server.jobs.job import Job


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def steady(n: int) -> Iterator[tuple[float, int]]:
    return ((0.05, 1) for _ in range(n))


def in_bursts(n: int) -> Iterator[tuple[float, int]]:
    """Whole batches at a time."""
    return ((3.2, 64) for _ in range(n // 64))


def uneven(n: int) -> Iterator[tuple[float, int]]:
    """Images of very different size."""
    chance = random.Random(7)
    return ((0.05 * chance.lognormvariate(0, 1), 1) for _ in range(n))


def slow_start(n: int) -> Iterator[tuple[float, int]]:
    """A model is loaded first."""
    yield 20.0, 1
    yield from steady(n - 1)


def slower_later(n: int) -> Iterator[tuple[float, int]]:
    """Another folder, of pictures twice as large, from a third on."""
    return ((0.05 if i < n // 3 else 0.1, 1) for i in range(n))


def seen(steps: Iterator[tuple[float, int]], before: int) -> list[tuple[float, float, float | None]]:
    """The share of the time that is gone, and at each step and in its middle the true time left, and the one told."""
    steps = list(steps)
    total = before + sum(done for _, done in steps)
    end = sum(took for took, _ in steps)
    clock, gone, done = Clock(), 0.0, before
    left = TimeLeft(clock)
    left.note(done, total)
    found = []
    for took, more in steps:
        for part in (0.5, 1.0):
            clock.now = 1000.0 + gone + part * took
            if part == 1.0:
                done += more
                left.note(done, total)
            found.append(((gone + part * took) / end, end - gone - part * took, left.seconds()))
        gone += took
    return found


@pytest.mark.parametrize(
    ("steps", "since"),
    [(steady, 0.05), (in_bursts, 0.1), (uneven, 0.2), (slow_start, 0.2), (slower_later, 0.6)],
)
@pytest.mark.parametrize("before", [0, 50_000])
def test_the_time_left_is_right_within_a_third(steps: object, since: float, before: int) -> None:
    """From early on; where the pace has changed, once that is most of the time that was looked at."""
    told = [(true, said) for share, true, said in seen(steps(4000), before) if since < share < 0.97]  # type: ignore[operator]
    assert len(told) > 50
    for true, said in told:
        assert said is not None and true / 1.34 - 0.5 <= said <= true * 1.34 + 0.5, (true, said)


def test_what_an_earlier_run_has_done_is_not_its_pace() -> None:
    clock = Clock()
    left = TimeLeft(clock)
    left.note(900_000, 1_000_000)
    assert left.seconds() is None
    clock.now += 100
    left.note(901_000, 1_000_000)
    assert left.seconds() == pytest.approx(9900)


def test_a_new_beginning_forgets_the_pace() -> None:
    clock = Clock()
    left = TimeLeft(clock)
    for done in (0, 10, 0):
        left.note(done, 100)
        clock.now += 1
    assert left.seconds() is None
    left.note(1, 100)
    assert left.seconds() == pytest.approx(99)


def test_many_notes_take_little_room() -> None:
    clock = Clock()
    left = TimeLeft(clock)
    for done in range(100_000):
        clock.now += 0.01
        left.note(done, 100_000)
    assert len(left._moments) <= 65


def test_a_job_tells_it(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    job = Job("1", "index", {}, state="running", stage="embedding", done=500_100, total=501_000)
    job._pace = ("embedding", TimeLeft(clock))
    for done in (500_000, 500_100):
        job._pace[1].note(done, 501_000)
        clock.now += 10
    assert job.to_dict()["eta_s"] == pytest.approx(80, abs=11)
    job.stage = "tidying up the store"
    assert job.to_dict()["eta_s"] is None
