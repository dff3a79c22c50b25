"""Searches over two real PostgreSQL servers, each with half of the vectors, against the simulation of the planner.

Each shard has one connection, served by one thread, so it is a queue with one server. Searches come by chance at a
rate. Turns with one shard alone, whose times the simulation is given, alternate with turns over both.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from typing import Any

import numpy as np
from scaling_data import Mixed

from imagefinder.planning.latency import Shards, simulate
from imagefinder.store.base import VectorParams
from imagefinder.store.postgres.store import PostgresStore

IMAGES = 10_000  # of a shard; it compares each search with all of them
SHARES = (0.15, 0.3, 0.5)  # of the time that a shard is busy
TURNS, SEARCHES = 6, 150


def cluster(mixed: Mixed) -> Iterator[dict[str, Any]]:
    import database

    with ExitStack() as stack:
        stores = []
        points = mixed.points(2 * IMAGES)
        for _ in range(2):
            server = stack.enter_context(database.running(max_parallel_workers_per_gather="0"))
            store = PostgresStore.create(server.address("shard"))
            stack.callback(store.close)
            store.start_over({"v": VectorParams(mixed.real.shape[1], "float16")})
            for _ in range(IMAGES // 500):
                store.upsert(list(islice(points, 500)))
            store.optimize()
            stores.append(store)
        queries = mixed.rows(10**9, 500)
        alone = np.concatenate([Turn([store], queries, 20.0).run(200).served for store in stores])
        for share in SHARES:
            yield compared(stores, queries, share, share * 1e3 / float(np.median(alone)))


def compared(stores: list[PostgresStore], queries: np.ndarray, share: float, rate: float) -> dict[str, Any]:
    """Measured and simulated milliseconds of searches over both at a rate a second."""
    single, both, taken = [], [], []
    load = []
    for turn in range(TURNS):
        for store in stores:
            single.append(Turn([store], queries, rate, seed=turn).run(SEARCHES).served)
        together = Turn(stores, queries, rate, seed=turn).run(SEARCHES)
        both.append(together.served)
        taken.append(together.taken)
        load.append(os.getloadavg()[0])
    samples = {"simulated": np.concatenate(single), "simulated_from_both": np.concatenate(both)}
    measured = np.percentile(np.concatenate(taken), (50, 95))
    row: dict[str, Any] = {
        "store": "postgresql",
        "busy": share,
        "images": IMAGES,
        "shards": len(stores),
        "per_second": round(rate, 1),
        "searches": TURNS * SEARCHES,
        "load": round(float(np.mean(load)), 1),
        "measured": {f"p{q}": round(float(v), 2) for q, v in zip((50, 95), measured, strict=True)},
    }
    for name, times in samples.items():
        found = simulate(Shards(len(stores)), times, rate, searches=40_000)
        row[name] = {
            "p50": round(found.p50, 2),
            "p95": round(found.p95, 2),
            "service_ms": round(float(times.mean()), 2),
        }
    return row


class Turn:
    """Some searches at a rate: ``served``, the milliseconds of each request once its turn has come, and ``taken``,
    those of each search from its coming to the last answer."""

    def __init__(self, stores: Sequence[PostgresStore], queries: np.ndarray, rate: float, seed: int = 0) -> None:
        self.stores, self.queries = stores, queries
        self.gaps = np.random.RandomState(seed).exponential(1 / rate, 10_000)
        self.ends: list[list[float]] = [[] for _ in stores]
        self.times: list[list[float]] = [[] for _ in stores]
        self.served = self.taken = np.zeros(0)

    def run(self, searches: int) -> Turn:
        lines: list[queue.SimpleQueue[np.ndarray | None]] = [queue.SimpleQueue() for _ in self.stores]
        threads = [threading.Thread(target=self._serve, args=(i, line)) for i, line in enumerate(lines)]
        for thread in threads:
            thread.start()
        arrivals, due = [], time.perf_counter()
        for i in range(searches):
            due += self.gaps[i]
            if (left := due - time.perf_counter()) > 0:
                time.sleep(left)
            arrivals.append(due)  # where this thread is late, the search has waited already
            for line in lines:
                line.put(self.queries[i % len(self.queries)])
        for line in lines:
            line.put(None)
        for thread in threads:
            thread.join()
        self.taken = 1e3 * (np.max(self.ends, axis=0) - np.array(arrivals))
        self.served = 1e3 * np.concatenate(self.times)
        return self

    def _serve(self, shard: int, line: queue.SimpleQueue[np.ndarray | None]) -> None:
        while (query := line.get()) is not None:
            begun = time.perf_counter()
            self.stores[shard].query("v", query, 10, payload=False)
            self.ends[shard].append(time.perf_counter())
            self.times[shard].append(self.ends[shard][-1] - begun)
