"""The simulation of shards against formulas of queueing theory. All draws come from seeds: nothing is by chance."""

from __future__ import annotations

import math

import numpy as np
import pytest

from imagefinder.errors import InvalidInputError
from imagefinder.planning import Shards, simulate

EVENLY = (np.arange(4000) + 0.5) / 4000
EXPONENTIAL = -np.log1p(-EVENLY)  # milliseconds, of mean 1, in even steps of probability
HEAVY = np.where(EVENLY < 0.97, 1.0, 60.0)


@pytest.mark.parametrize("shards", [1, 2, 8, 32])
def test_the_slowest_of_exponential_shards_has_the_harmonic_mean(shards: int) -> None:
    waits = simulate(Shards(shards, cores=8), EXPONENTIAL, 1, searches=20_000)
    assert waits.mean == pytest.approx(sum(1 / i for i in range(1, shards + 1)), rel=0.03)


@pytest.mark.parametrize("busy", [0.3, 0.5, 0.7])
def test_one_queue_is_that_of_the_formula(busy: float) -> None:
    """M/M/1: the time in the system is exponential, of mean 1 / (rate of service - rate of coming)."""
    waits = simulate(Shards(), EXPONENTIAL, 1000 * busy, searches=60_000)
    mean = 1 / (1 - busy)
    assert waits.mean == pytest.approx(mean, rel=0.06)
    assert waits.p95 == pytest.approx(-math.log(0.05) * mean, rel=0.08)
    assert waits.busy == pytest.approx(busy, rel=0.03)


def test_several_cores_wait_as_erlang_says() -> None:
    """M/M/4, by Erlang's C."""
    cores, load = 4, 3.2
    terms = [load**n / math.factorial(n) for n in range(cores)]
    last = load**cores / math.factorial(cores) * cores / (cores - load)
    waiting = last / (sum(terms) + last)
    waits = simulate(Shards(cores=cores), EXPONENTIAL, 1000 * load, searches=60_000)
    assert waits.mean == pytest.approx(1 + waiting / (cores - load), rel=0.06)


def test_replicas_halve_the_load() -> None:
    """Each of two machines gets half of what comes, by chance: two queues M/M/1."""
    waits = simulate(Shards(replicas=2), EXPONENTIAL, 1000, searches=60_000)
    assert waits.mean == pytest.approx(2, rel=0.06)
    assert waits.busy == pytest.approx(0.5, rel=0.03)


def test_a_lost_machine_leaves_its_work_to_the_other() -> None:
    both = simulate(Shards(replicas=2), EXPONENTIAL, 800, searches=60_000)
    one = simulate(Shards(replicas=2, lost=1), EXPONENTIAL, 800, searches=60_000)
    assert both.mean == pytest.approx(1 / (1 - 0.4), rel=0.06)
    assert one.mean == pytest.approx(1 / (1 - 0.8), rel=0.08)


def test_more_shards_are_never_faster() -> None:
    found = [simulate(Shards(shards, cores=2), HEAVY, 50) for shards in (1, 3, 9, 27)]
    assert [w.mean for w in found] == sorted(w.mean for w in found)
    assert [w.p95 for w in found] == sorted(w.p95 for w in found)
    assert found[0].p50 < found[-1].p50  # of 27 requests one is nearly always slow


def test_a_hedged_request_cuts_a_heavy_tail_and_costs_work() -> None:
    plain = simulate(Shards(10, 2, 4), HEAVY, 20)
    hedged = simulate(Shards(10, 2, 4, hedge_ms=2), HEAVY, 20)
    assert plain.p95 >= 60
    assert hedged.p95 == pytest.approx(3)  # a delay of 2, then the quick answer of another
    assert hedged.p99 <= plain.p99 and hedged.mean < plain.mean / 3
    assert hedged.busy > plain.busy and hedged.hedged == pytest.approx(0.03, rel=0.2) and plain.hedged == 0


def test_where_all_take_the_same_time_nothing_is_hedged() -> None:
    plain = simulate(Shards(5, 2, 8, hop_ms=1), [7.0], 10)
    hedged = simulate(Shards(5, 2, 8, hop_ms=1, hedge_ms=7.5), [7.0], 10)
    assert plain == hedged
    assert (plain.p50, plain.p99, plain.hedged) == (pytest.approx(8), pytest.approx(8), 0)


def test_without_replicas_there_is_nobody_to_hedge_with() -> None:
    assert simulate(Shards(5, 1, 4, hedge_ms=2), HEAVY, 10) == simulate(Shards(5, 1, 4), HEAVY, 10)


def test_a_slow_machine_makes_searches_slow_and_hedging_helps() -> None:
    usual = simulate(Shards(4, 2, 2), EXPONENTIAL, 20)
    slow = simulate(Shards(4, 2, 2, slow=1, slow_factor=10), EXPONENTIAL, 20)
    hedged = simulate(Shards(4, 2, 2, slow=1, slow_factor=10, hedge_ms=3), EXPONENTIAL, 20)
    assert slow.p95 > 3 * usual.p95
    assert hedged.p95 < slow.p95 / 2


def test_a_hop_is_added_to_each_search() -> None:
    near, far = (simulate(Shards(3, hop_ms=hop), EXPONENTIAL, 100) for hop in (0.0, 5.0))
    assert (far.p50, far.p99) == (pytest.approx(near.p50 + 5), pytest.approx(near.p99 + 5))


def test_the_same_seed_gives_the_same_waits() -> None:
    one, again, other = (simulate(Shards(2), EXPONENTIAL, 300, seed=seed) for seed in (1, 1, 2))
    assert one == again != other


@pytest.mark.parametrize(
    ("cluster", "per_second"),
    [
        (Shards(), 1000),
        (Shards(3, 2, 4), 8000),
        (Shards(2, 2, lost=1), 1000),
        (Shards(2, 2, slow=1, slow_factor=10), 250),
    ],
)
def test_more_than_can_be_done_is_an_error(cluster: Shards, per_second: float) -> None:
    with pytest.raises(InvalidInputError, match="times the work"):
        simulate(cluster, [1.0], per_second)


@pytest.mark.parametrize(
    "wrong",
    [{"shards": 0}, {"cores": 0}, {"replicas": 0}, {"slow": 2}, {"lost": 1}, {"slow": 1, "lost": 1, "replicas": 2}],
)
def test_impossible_clusters_are_errors(wrong: dict[str, int]) -> None:
    with pytest.raises(InvalidInputError):
        Shards(**wrong)


@pytest.mark.parametrize(("times", "rate"), [([], 1), ([-1.0], 1), ([math.nan], 1), ([1.0], 0), ([1.0], math.nan)])
def test_impossible_times_are_errors(times: list[float], rate: float) -> None:
    with pytest.raises(InvalidInputError, match="Give times"):
        simulate(Shards(), times, rate)
