"""What searches wait while a store is written, merged and its graph made: ``python benchmarks/store_merge.py POINTS
[--graph-from N]``, where POINTS is the folder of the points of an index (``points``), which is changed. Prints one JSON
object: for each time the latency of searches in another thread, and the longest time that the interpreter stood still.
"""

from __future__ import annotations

import argparse
import json
import os
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from common import machine

from imagefinder.store.base import Point
from imagefinder.store.edge import engine, merging
from imagefinder.store.edge.store import EdgeStore


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("points", type=Path)
    parser.add_argument("--graph-from", type=int, default=engine.HNSW_FROM)
    args = parser.parse_args()
    merging.APART_FROM = min(merging.APART_FROM, args.graph_from)
    engine.HNSW_FROM = args.graph_from
    about = {"date": datetime.now(UTC).date().isoformat(), "machine": machine()}
    print(json.dumps({**about, **measure(args.points)}, indent=1))
    return 0


def measure(path: Path) -> dict[str, Any]:
    begun = time.process_time(), time.perf_counter()
    store = EdgeStore.open(path)
    result: dict[str, Any] = {
        "load_average": os.getloadavg()[0],
        "open_cpu_s": round(time.process_time() - begun[0], 3),
        "open_s": round(time.perf_counter() - begun[1], 3),
        "points": store.count(),
    }
    name = next(n for n, p in store.vectors().items() if p.searchable)
    some = next(iter(store.scroll(vectors=tuple(store.vectors()), batch=500)))
    queries = [p.vectors[name] for p in some if name in p.vectors]
    probe = Probe(lambda i: store.query(name, queries[i % len(queries)], 50))
    result["idle"] = probe.during(lambda: time.sleep(5))
    result["writing"] = probe.during(lambda: write(store, some))
    result["tagging"] = probe.during(lambda: store.merge_payload([p.id for p in some], {"rating": 4}))
    result["merging"] = probe.during(store.optimize)
    result["in_graph"] = store._shard.info().indexed_vectors_count // len(store.vectors())
    result["after"] = probe.during(lambda: time.sleep(5))
    begun = time.process_time(), time.perf_counter()
    store.close()
    result["close_s"] = round(time.perf_counter() - begun[1], 3)
    begun = time.process_time(), time.perf_counter()
    EdgeStore.open(path).close()
    result["reopen_cpu_s"] = round(time.process_time() - begun[0], 3)
    result["reopen_s"] = round(time.perf_counter() - begun[1], 3)
    return result


def write(store: EdgeStore, like: list[Point]) -> None:
    for _ in range(4):
        store.upsert([Point(str(uuid.uuid4()), dict(p.payload), p.vectors) for p in like])


class Probe:
    """A thread that searches ten times a second, and one that looks each millisecond whether it may run."""

    def __init__(self, search: Callable[[int], object]) -> None:
        self._search = search

    def during(self, work: Callable[[], object]) -> dict[str, float]:
        stop, waits, gaps = threading.Event(), [], [0.0]

        def ask() -> None:
            i = 0
            while not stop.wait(0.05):
                begun = time.perf_counter()
                self._search(i)
                waits.append(1e3 * (time.perf_counter() - begun))
                i += 1

        def tick() -> None:
            last = time.perf_counter()
            while not stop.is_set():
                time.sleep(0.001)
                now = time.perf_counter()
                gaps.append(1e3 * (now - last))
                last = now

        threads = [threading.Thread(target=one, daemon=True) for one in (ask, tick)]
        for thread in threads:
            thread.start()
        begun = time.perf_counter()
        work()
        seconds = time.perf_counter() - begun
        stop.set()
        for thread in threads:
            thread.join()
        waits = waits or [0.0]
        return {
            "seconds": round(seconds, 2),
            "searches": len(waits),
            **{f"p{q}_ms": round(float(np.percentile(waits, q)), 1) for q in (50, 99, 100)},
            "stall_ms": round(max(gaps), 1),
        }


if __name__ == "__main__":
    raise SystemExit(main())
