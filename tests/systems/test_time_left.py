"""What is said of the time left, compared with the truth by a clock of the test's own."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from imagefinder._util.run_left import FormerRun, RunLeft
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
    job._left = RunLeft(clock=clock)
    for done in (500_000, 500_100):
        job._left.note("embedding", done, 501_000)
        clock.now += 10
    assert job.to_dict()["eta_s"] == pytest.approx(80, abs=11)
    job.stage = "tidying up the store"
    assert job.to_dict()["eta_s"] is None


FORMER = FormerRun({"reading": 6.0, "comparing": 40.0, "describing": 20.0, "writing": 14.0}, 900)


def run_of(
    left: RunLeft, clock: Clock, lasts: dict[str, float], counted: tuple[str, ...]
) -> Iterator[tuple[str, float, float]]:
    """A run whose stages last so long, some of which count: at each second its stage, what is said and what is true."""
    end = clock.now + sum(lasts.values())
    for stage, seconds in lasts.items():
        begun = clock.now
        while clock.now < begun + seconds:
            counts = stage in counted
            left.note(stage, round(clock.now - begun) if counts else 0, round(seconds) if counts else 0)
            said = left.of_run()
            assert said is not None
            yield stage, said, end - clock.now
            clock.now = min(clock.now + 1, begun + seconds)


@pytest.mark.parametrize("counted", [(), ("comparing",), ("reading", "comparing", "describing", "writing")])
@pytest.mark.parametrize("images", [700, 900, 1150])
def test_a_run_like_the_last_one_is_right_within_a_third(images: int, counted: tuple[str, ...]) -> None:
    clock = Clock()
    lasts = {stage: seconds * images / 900 for stage, seconds in FORMER.stages.items()}
    for _, said, true in run_of(RunLeft(FORMER, images, clock), clock, lasts, counted):
        assert said == pytest.approx(true, rel=1 / 3, abs=2)


@pytest.mark.parametrize("slower", [0.4, 3.0])
def test_a_slower_or_quicker_machine_is_noticed_after_a_stage(slower: float) -> None:
    clock = Clock()
    lasts = {stage: seconds * slower for stage, seconds in FORMER.stages.items()}
    for stage, said, true in run_of(RunLeft(FORMER, 900, clock), clock, lasts, ()):
        if stage != "reading":
            assert said == pytest.approx(true, rel=1 / 3, abs=2)


def test_stages_that_are_passed_over_count_no_more() -> None:
    clock = Clock()
    left = RunLeft(FORMER, 900, clock)
    left.note("reading", 0, 0)
    assert left.of_run() == pytest.approx(80)
    clock.now += 6
    left.note("describing", 0, 0)
    assert left.of_run() == pytest.approx(34)


def test_nothing_is_said_where_nothing_tells() -> None:
    clock = Clock()
    alone = RunLeft(clock=clock)
    alone.note("reading", 0, 10)
    clock.now += 1
    alone.note("reading", 5, 10)
    assert alone.of_run() is None and alone.of_stage() == pytest.approx(1)
    left = RunLeft(FORMER, 900, clock)
    assert left.of_run() is None
    left.note("something new", 0, 0)
    assert left.of_run() is None
    assert FORMER.is_like(700) and not FORMER.is_like(600) and not FORMER.is_like(1300) and not FORMER.is_like(0)


def test_the_next_job_like_it_tells_the_time_to_its_end() -> None:
    clock = Clock()
    first = Job("1", "map", {"seed": 1}, state="running")
    first.expect(900, [])
    first._left = RunLeft(None, 900, clock)
    for stage, seconds in FORMER.stages.items():
        first.stage = stage
        first._left.note(stage, 0, 0)
        clock.now += seconds
    assert first.run_eta_s is None
    first.learn()
    assert first.run == FORMER
    again = Job("2", "map", {"seed": 1}, state="running", stage="reading")
    again.expect(1000, [first])
    again._left.note("reading", 0, 0)
    assert again.run_eta_s == pytest.approx(80 * 1000 / 900, abs=5) and again.to_dict()["run_eta_s"] == again.run_eta_s
    for images, options in ((900, {"seed": 2}), (2000, {"seed": 1})):
        other = Job("3", "map", options, state="running", stage="reading")
        other.expect(images, [first])
        other._left.note("reading", 0, 0)
        assert other.run_eta_s is None
