"""How long searches take that ask several shards and wait for the slowest: a simulation.

Searches arrive by chance, independently of each other (Poisson). Each asks one replica of every shard, chosen by
chance. A replica has cores; each serves one request at a time, in the order in which they came. The time of a request
is drawn from measured times, independently of all others; a hop is added. A search ends when its last shard has
answered. A *hedged* request is sent to another replica when the first has not answered after a delay, and the earlier
answer counts (Dean and Barroso 2013, "The tail at scale"); the later one is not called off, so it costs its time.

What it leaves out: that machines slow down together (a loaded disk, a noisy neighbour, a collection of garbage), losses
on the way, data that are not in memory, searches that come in bursts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from imagefinder.errors import InvalidInputError

if TYPE_CHECKING:
    import numpy as np

WARM = 0.1  # of the searches, which come while queues fill, and don't count


@dataclass(frozen=True, slots=True)
class Shards:
    """A cluster: ``shards`` parts, each on ``replicas`` machines with so many ``cores``.

    ``slow`` machines, each the first replica of a shard of its own, take ``slow_factor`` times as long; ``lost`` ones,
    of other shards, answer nothing, and everybody knows it. With ``hedge_ms`` a request that long without an answer is
    sent again to another replica.
    """

    shards: int = 1
    replicas: int = 1
    cores: int = 1
    hop_ms: float = 0.0
    hedge_ms: float | None = None
    slow: int = 0
    slow_factor: float = 1.0
    lost: int = 0

    def __post_init__(self) -> None:
        if min(self.shards, self.replicas, self.cores) < 1:
            raise InvalidInputError("A cluster has one shard, one replica and one core at least.")
        if self.slow + self.lost > self.shards or min(self.slow, self.lost) < 0:
            raise InvalidInputError("There are not so many shards with a slow or a lost machine.")
        if self.lost and self.replicas < 2:
            raise InvalidInputError("A shard that loses its only machine answers nothing.", remedy="Give it replicas.")


@dataclass(frozen=True, slots=True)
class Waits:
    """Milliseconds of searches, and what they took: ``busy`` is the share of the time that cores worked, ``hedged`` the
    share of the requests that were sent again."""

    mean: float
    p50: float
    p95: float
    p99: float
    busy: float
    hedged: float

    def to_dict(self) -> dict[str, float]:
        return asdict(self)


def simulate(
    cluster: Shards, times_ms: Sequence[float], per_second: float, *, searches: int = 4000, seed: int = 0
) -> Waits:
    """How long searches take at a rate. ``times_ms`` are times of requests to one shard, milliseconds without waiting,
    as many as there are: each is as likely. The same seed gives the same result.

    Raises InvalidInputError where more comes than is done: queues would grow without end.
    """
    import numpy as np

    sample = np.asarray(times_ms, np.float64)
    if not sample.size or not np.isfinite(sample).all() or sample.min() < 0 or not per_second > 0:
        raise InvalidInputError("Give times of 0 milliseconds or more, and a rate above 0.")
    _check_load(cluster, float(sample.mean()), per_second)
    # A generator whose numbers stay the same in all versions of NumPy: figures in the documentation come from here.
    random = np.random.RandomState(seed)
    arrivals = np.cumsum(-np.log1p(-random.random_sample(searches)) * (1e3 / per_second))
    queues = _Queues(cluster, sample, random)
    taken = queues.run(arrivals)
    counted = taken[int(WARM * searches) :]
    p50, p95, p99 = (float(value) for value in np.percentile(counted, (50, 95, 99)))
    there = cluster.shards * cluster.replicas - cluster.lost
    busy = queues.worked / (there * cluster.cores * float(arrivals[-1]))
    return Waits(float(counted.mean()), p50, p95, p99, busy, queues.hedged / (searches * cluster.shards))


def _check_load(cluster: Shards, mean_ms: float, per_second: float) -> None:
    """By the machines that have most to do: those beside a lost one, and slow ones."""
    one = per_second * mean_ms / 1e3 / cluster.cores
    fewest = cluster.replicas - (1 if cluster.lost else 0)
    slow = cluster.slow_factor if cluster.slow else 1.0
    load = max(one / fewest, slow * one / cluster.replicas)
    if load >= 1:
        raise InvalidInputError(
            f"A machine would get {load:.2g} times the work that it can do.",
            remedy="Use more cores, shards or replicas.",
        )


class _Queues:
    """When the cores of all machines are free: float (shards, replicas, cores), milliseconds."""

    def __init__(self, cluster: Shards, sample: np.ndarray, random: np.random.RandomState) -> None:
        import numpy as np

        self.cluster, self.sample, self.random = cluster, sample, random
        self.free = np.zeros((cluster.shards, cluster.replicas, cluster.cores))
        self.factor = np.ones((cluster.shards, cluster.replicas))
        self.factor[: cluster.slow, 0] = cluster.slow_factor
        self.first = np.zeros(cluster.shards, int)  # of the replicas of a shard, the first that is there
        self.first[cluster.slow : cluster.slow + cluster.lost] = 1
        self.worked = 0.0
        self.hedged = 0

    def run(self, arrivals: np.ndarray) -> np.ndarray:
        """Milliseconds of each search. Requests and those sent again are served in the order in which they come."""
        import numpy as np

        delay, all_shards = self.cluster.hedge_ms, np.arange(self.cluster.shards)
        hedges = delay is not None and self.cluster.replicas > 1
        ends = np.empty((len(arrivals), self.cluster.shards))
        asked = np.empty((len(arrivals), self.cluster.shards), int)
        waiting = 0  # the first search whose requests were not yet looked at again
        for i, now in enumerate(arrivals):
            while hedges and delay is not None and waiting < i and arrivals[waiting] + delay <= now:
                self._again(arrivals[waiting] + delay, ends[waiting], asked[waiting])
                waiting += 1
            asked[i] = self._choose(all_shards)
            ends[i] = self._serve(now, all_shards, asked[i])
        for i in range(waiting, len(arrivals)) if hedges and delay is not None else ():
            self._again(arrivals[i] + delay, ends[i], asked[i])
        taken: np.ndarray = ends.max(axis=1) - arrivals + self.cluster.hop_ms
        return taken

    def _again(self, now: float, ends: np.ndarray, asked: np.ndarray) -> None:
        """Send the requests of a search that have no answer yet to other replicas, where there are any."""
        import numpy as np

        there = self.cluster.replicas - self.first
        late = np.flatnonzero((ends > now) & (there > 1))
        if len(late):
            step = 1 + (self.random.random_sample(len(late)) * (there[late] - 1)).astype(int)
            other = self.first[late] + (asked[late] - self.first[late] + step) % there[late]
            ends[late] = np.minimum(ends[late], self._serve(now, late, other))
            self.hedged += len(late)

    def _choose(self, shards: np.ndarray) -> np.ndarray:
        there = self.cluster.replicas - self.first
        chosen: np.ndarray = self.first + (self.random.random_sample(len(shards)) * there).astype(int)
        return chosen

    def _serve(self, now: float, shards: np.ndarray, replicas: np.ndarray) -> np.ndarray:
        """When these machines have answered what comes now."""
        import numpy as np

        drawn = (self.random.random_sample(len(shards)) * len(self.sample)).astype(int)
        times = self.sample[drawn] * self.factor[shards, replicas]
        free = self.free[shards, replicas]
        core = free.argmin(axis=1)
        done: np.ndarray = np.maximum(free[np.arange(len(shards)), core], now) + times
        self.free[shards, replicas, core] = done
        self.worked += float(times.sum())
        return done
