"""What a search of the store finds and takes, exact and by the graph, with and without filters: ``python
benchmarks/store_recall.py POINTS [--queries 200]``, where POINTS is the folder of the points of an index. Prints one
JSON object. Queries are vectors of the store, moved by noise, so that they are none of its points."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from imagefinder.store.edge import reader
from imagefinder.store.edge.store import EdgeStore
from imagefinder.store.filters.parse import Filter, parse

FILTERS = ("cluster < 500", "cluster = 7", "folder = images", "price < 3", "price < 10", "brand = 'brand 5'")
K = 10


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("points", type=Path)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--looked-at", type=int, nargs="*", default=[128, 256, 512, 1024])
    args = parser.parse_args()
    print(json.dumps(measure(args.points, args.queries, args.looked_at), indent=1))
    return 0


def measure(path: Path, n: int, looked_at: list[int]) -> dict[str, Any]:
    store = EdgeStore.open(path)
    name = next(name for name, params in store.vectors().items() if params.searchable)
    some = [p.vectors[name] for p in next(iter(store.scroll(fields=(), vectors=(name,), batch=n)))]
    rng = np.random.default_rng(0)
    queries = [v + rng.standard_normal(len(v)).astype(np.float32) * 0.03 for v in some]
    result: dict[str, Any] = {"load_average": os.getloadavg()[0], "points": store.count(), "k": K}
    result["approximate"] = store.approximate(name)
    right = found(store, name, queries, None, True)
    result["exact"] = right[1]
    usual = reader.looked_at
    for width in looked_at:
        reader.looked_at = lambda n, limit, width=width: width
        result[f"looked at {width}"] = told(found(store, name, queries, None, False), right)
    reader.looked_at = usual
    result["as it is"] = told(found(store, name, queries, None, False), right)
    for text in FILTERS:
        filter = parse(text)
        first, _ = timed(lambda filter=filter: store.count(filter))  # type: ignore[misc]
        share = store.count(filter) / store.count()
        row = told(found(store, name, queries, filter, False), found(store, name, queries, filter, True))
        result[text] = {"share": round(share, 3), "first_count_ms": first, **row}
    store.close()
    return result


Found = tuple[list[set[str]], dict[str, float]]


def found(store: EdgeStore, name: str, queries: list[np.ndarray], filter: Filter | None, exact: bool) -> Found:
    def one(query: np.ndarray) -> set[str]:
        return {p.id for p in store.query(name, query, K, filter=filter, exact=exact)}

    one(queries[0])
    cpu, rows = time.process_time(), [timed(lambda q=q: one(q)) for q in queries]  # type: ignore[misc]
    times = [ms for ms, _ in rows]
    return [ids for _, ids in rows], {
        **{f"p{p}_ms": round(float(np.percentile(times, p)), 2) for p in (50, 95)},
        "cpu_ms": round(1e3 * (time.process_time() - cpu) / len(queries), 2),
    }


def told(one: Found, right: Found) -> dict[str, float]:
    shares = [len(a & b) / max(1, len(b)) for a, b in zip(one[0], right[0], strict=True)]
    return {"recall": round(float(np.mean(shares)), 4), **one[1]}


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    begun = time.perf_counter()
    result = call()
    return round(1e3 * (time.perf_counter() - begun), 2), result


if __name__ == "__main__":
    raise SystemExit(main())
