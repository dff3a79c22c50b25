"""What an index at an address costs beside one in a folder: ``python benchmarks/stores.py INDEX [ADDRESS]``.

Copies the index in a folder to an address (by default of the PostgreSQL that the tests start), then asks both the same,
one after the other, so that whatever else the machine does slows both. The folder is opened, so give a copy.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from common import ROOT, save

from imagefinder import ImageFinder
from imagefinder.index.folder import Index
from imagefinder.index.shared import SharedIndex

sys.path.insert(0, str(ROOT / "tests" / "support"))
WORDS = (
    "a red car",
    "dog",
    "people on a beach",
    "old wooden bridge",
    "yellow bus",
    "cat on a sofa",
    "mountain",
    "shoes",
)
PICTURES = sorted((ROOT / "examples" / "images" / "animals").glob("*.jpg"))[:8]
BATCH = 256


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("index", type=Path)
    parser.add_argument("address", nargs="?")
    parser.add_argument("--queries", type=int, default=40)
    args = parser.parse_args()
    with at_address(args.address) as address:
        written = copy(args.index, address)
        with ImageFinder.open(args.index) as folder, ImageFinder.open(address) as shared:
            both = {"folder": folder, "postgres": shared}
            found = {kind: side_by_side(both, calls, args.queries) for kind, calls in queries(folder).items()}
            result = {
                "images": len(folder),
                "load": round(os.getloadavg()[0], 1),
                "copied": written,
                "bytes": {name: finder.info().bytes for name, finder in both.items()},
                "ms": found,
            }
    save("stores", result)
    return 0


@contextmanager
def at_address(address: str | None) -> Iterator[str]:
    if address:
        yield address
        return
    import database

    with database.running(shared_buffers="512MB") as server:
        yield server.address("benchmark")


def copy(folder: Path, address: str) -> dict[str, Any]:
    """Copy all of an index; how many points a second were written, reading them not counted."""
    seconds, n = 0.0, 0
    with Index(folder, create=False) as old, SharedIndex(address) as new, new.writing:
        vectors = old.store.vectors()
        new.store.start_over(vectors)
        for points in old.store.scroll(vectors=tuple(vectors), batch=BATCH):
            begun = time.perf_counter()
            new.store.upsert(points)
            seconds, n = seconds + time.perf_counter() - begun, n + len(points)
        for path in [folder / "index.json", *(folder / old.manifest.made / "transforms").glob("*.npz")]:
            (new.documents / path.relative_to(folder).as_posix()).write(path.read_bytes())
        begun = time.perf_counter()
        new.store.optimize()
        return {"points_per_second": round(n / seconds), "optimize_s": round(time.perf_counter() - begun, 1)}


def queries(finder: ImageFinder) -> dict[str, list[Callable[[ImageFinder], object]]]:
    """By kind, what to ask."""
    uris = finder.columns(["id"])["id"][:: max(1, len(finder) // 40)]
    source = finder.columns(["folder"])["folder"][0]
    return {
        "id": [lambda f, id=id: f.similar(id, k=20) for id in uris],
        "image": [lambda f, path=path: f.search(path, k=20) for path in PICTURES],
        "words": [lambda f, words=words: f.search(words, k=20) for words in WORDS],
        "id, one folder": [lambda f, id=id: f.similar(id, k=20, filter={"folder": source}) for id in uris],
        "id, width > 60": [lambda f, id=id: f.similar(id, k=20, filter="width > 60") for id in uris],
        "words, uri ~ 1": [lambda f, words=words: f.search(words, k=20, filter="uri ~ 1") for words in WORDS],
    }


def side_by_side(
    finders: dict[str, ImageFinder], calls: list[Callable[[ImageFinder], object]], n: int
) -> dict[str, dict[str, float]]:
    """The median and the 95th percentile, in milliseconds, of each."""
    taken: dict[str, list[float]] = {name: [] for name in finders}
    for call in (*calls[:3], *(calls[i % len(calls)] for i in range(n))):
        for name, finder in finders.items():
            begun = time.perf_counter()
            call(finder)
            taken[name].append(1e3 * (time.perf_counter() - begun))
    rows = {name: np.array(times[3:]) for name, times in taken.items()}
    return {name: {f"p{q}": round(float(np.percentile(row, q)), 1) for q in (50, 95)} for name, row in rows.items()}


if __name__ == "__main__":
    sys.exit(main())
