"""How fast and how large the store is: ``python benchmarks/store.py [--points 22914]`` prints one JSON object.

Points carry what an index of photographs does: raw 1280 float16, words 384 float16, two spaces of 256 and 384.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from imagefinder.store.base import Point, VectorParams
from imagefinder.store.edge.engine import HNSW_FROM
from imagefinder.store.edge.store import EdgeStore
from imagefinder.store.filters.parse import parse
from imagefinder.types import image_id

VECTORS = {
    "raw": VectorParams(1280, "float16", "dot", searchable=False),
    "words": VectorParams(384, "float16", "dot", searchable=False),
    "space": VectorParams(256, "float16"),
    "text": VectorParams(384, "float16"),
}
FILTERS = ("folder = f3", "width >= 1000 and height < 900", "taken_at >= 2020-06", "caption ~ 'NO 77'", "year = 2020")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=22_914)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--queries", type=int, default=200)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(Path(folder) / "points", args.points, args.batch, args.queries), indent=1))
    return 0


def measure(path: Path, n: int, batch: int, queries: int) -> dict[str, Any]:
    result: dict[str, Any] = {"points": n}
    result["create_s"], store = timed(lambda: EdgeStore.create(path, VECTORS))
    store.close()
    result["empty_disk_mb"], result["empty_apparent_mb"] = disk_mb(path)
    store = EdgeStore.open(path)
    result["upsert_us_per_point"] = round(1e6 * fill(store, n, batch) / n, 1)
    if n >= HNSW_FROM:
        result["optimize_s"], _ = timed(store.optimize)
    result["close_s"], _ = timed(store.close)
    result["disk_mb"], _ = disk_mb(path)
    result["open_s"], store = timed(lambda: EdgeStore.open(path))
    result["query_ms"] = latency(store, None, queries)
    for text in FILTERS:
        first, _ = timed(lambda text=text: store.count(parse(text)))  # type: ignore[misc]
        result[f"query_ms {text}"] = {"first": round(1e3 * first, 1), **latency(store, text, queries // 4)}
    fields = ["uri", "size", "mtime_ns", "content_hash"]
    result["scroll_4_fields_s"], _ = timed(lambda: sum(len(p) for p in store.scroll(fields=fields)))
    result["scroll_space_s"], _ = timed(lambda: sum(len(p) for p in store.scroll(fields=[], vectors=["space"])))
    store.close()
    result["peak_rss_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return result


def fill(store: EdgeStore, n: int, batch: int) -> float:
    """Seconds spent inside ``upsert``."""
    rng, seconds = np.random.default_rng(0), 0.0
    for start in range(0, n, batch):
        rows = {name: rng.standard_normal((batch, p.dim), dtype=np.float32) for name, p in VECTORS.items()}
        points = [
            make_point(i, {k: v[i - start] for k, v in rows.items()}) for i in range(start, min(n, start + batch))
        ]
        seconds += timed(lambda points=points: store.upsert(points))[0]  # type: ignore[misc]
    return seconds


def make_point(i: int, vectors: dict[str, np.ndarray]) -> Point:
    uri = f"/home/someone/pictures/f{i % 10}/IMG_{i:06d}.jpg"
    payload = {
        "uri": uri,
        "folder": f"f{i % 10}",
        "source": "/home/someone/pictures",
        "content_hash": f"{i * 0x9E3779B97F4A7C15 % 2**128:032x}",
        "bytes": 100_000 + i,
        "size": 100_000 + i,
        "mtime_ns": 1_690_000_000_000_000_000 + i,
        "mtime": "2024-05-01T12:00:00+00:00",
        "width": 500 + i % 1000,
        "height": 400 + i % 1000,
        "format": "JPEG",
        "caption": f"a red bicycle leaning on a wall, no {i}",
        "taken_at": f"{2000 + i % 25}-{1 + i % 12:02d}-{1 + i % 28:02d}T10:20:30",
        "tags": ["bike", "street"],
        "year": 2000 + i % 25,
    }
    return Point(image_id(uri), payload, vectors)


def latency(store: EdgeStore, text: str | None, queries: int) -> dict[str, float]:
    rng = np.random.default_rng(1)
    filter = parse(text) if text else None
    times = [
        timed(lambda q=q: store.query("space", q, 10, filter=filter))[0]  # type: ignore[misc]
        for q in rng.standard_normal((queries, 256), dtype=np.float32)
    ]
    return {f"p{p}": round(1e3 * float(np.percentile(times, p)), 2) for p in (50, 99)}


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = call()
    return round(time.perf_counter() - start, 4), result


def disk_mb(path: Path) -> tuple[float, float]:
    stats = [f.stat() for f in path.rglob("*") if f.is_file()]
    return round(sum(s.st_blocks for s in stats) * 512 / 1e6, 1), round(sum(s.st_size for s in stats) / 1e6, 1)


if __name__ == "__main__":
    sys.exit(main())
