"""What an index at an address costs beside one in a folder: ``python benchmarks/stores.py INDEX [ADDRESS]``.

Copies an index in a folder to an address (by default of the PostgreSQL that the tests start), then asks both the same,
one after the other, so that whatever else the machine does slows both. ``--images`` asks for a larger index: images of
the real one come again and again, each vector with a little noise, written straight to the store. What indexes of
vectors find is compared with what is nearest, with filters that leave more and fewer images. The index itself is only
copied. Each number of images has its own results in ``results/stores.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from common import RESULTS, ROOT, save

from imagefinder import ImageFinder
from imagefinder.index.folder import Index
from imagefinder.index.shared import SharedIndex
from imagefinder.store.base import Point, Store
from imagefinder.store.edge.store import EdgeStore
from imagefinder.store.filters.parse import parse

sys.path.insert(0, str(ROOT / "tests" / "support"))
from files import copy_with_holes

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
NOISE = 0.3  # as long as this share of the vector: its copy has a cosine of 0.96 with it
SHARES = (1000, 500, 100, 10, 1)  # per mille of the images that a filter leaves
LOOKED_FOR, ASKED = 20, 50


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("index", type=Path)
    parser.add_argument("address", nargs="?")
    parser.add_argument("--images", type=int, default=0, help="how many the index is to have  [default: as it has]")
    parser.add_argument("--queries", type=int, default=40)
    parser.add_argument("--scratch", type=Path, help="a folder for copies  [default: a temporary one]")
    args = parser.parse_args()
    if args.scratch:
        args.scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=args.scratch) as scratch, at_address(args.address) as address:
        result = compared(args, Path(scratch), address)
    kept = RESULTS / "stores.json"
    sizes = json.loads(kept.read_text("utf-8"))["sizes"] if kept.exists() else {}
    sizes[str(result["images"])] = result
    save("stores", {"sizes": dict(sorted(sizes.items(), key=lambda size: int(size[0])))})
    return 0


def compared(args: argparse.Namespace, scratch: Path, address: str) -> dict[str, Any]:
    home = scratch / "index"
    ignored = shutil.ignore_patterns(".lock*")
    shutil.copytree(args.index, home, ignore=ignored, copy_function=copy_with_holes)
    grow(home, args.images)
    written = {"folder": write_anew(home, scratch / "points"), "postgres": copy(home, address)}
    with ImageFinder.open(home) as folder, ImageFinder.open(address) as shared:
        both = {"folder": folder, "postgres": shared}
        return {
            "images": len(folder),
            "load": round(os.getloadavg()[0], 1),
            "written": written,
            "bytes": {name: finder.info().bytes for name, finder in both.items()},
            "ms": {kind: side_by_side(both, calls, args.queries) for kind, calls in queries(folder).items()},
            "recall": {name: recall(finder) for name, finder in both.items()} if args.images else {},
        }


@contextmanager
def at_address(address: str | None) -> Iterator[str]:
    if address:
        yield address
        return
    import database

    with database.running(shared_buffers="512MB") as server:
        yield server.address("benchmark")


def grow(home: Path, images: int) -> None:
    """Have an index hold so many images, each with a number from 0 to 999, ``part``, to filter by."""
    rng = np.random.default_rng(0)
    with Index(home, create=False) as index:
        vectors = tuple(index.store.vectors())
        real = [point for page in index.store.scroll(vectors=vectors, batch=BATCH) for point in page] if images else []
        for i in range(0, images, BATCH):
            numbers = range(i, min(i + BATCH, images))
            index.store.upsert([again(real[n % len(real)], n // len(real), rng) for n in numbers])
        index.store.optimize()


def again(point: Point, turn: int, rng: np.random.Generator) -> Point:
    """An image like this one; in the first turn itself."""
    payload, rows = {**point.payload, "part": int(rng.integers(1000))}, dict(point.vectors)
    if not turn:
        return Point(point.id, payload, rows)
    for name, row in rows.items():
        noise = rng.standard_normal(len(row)).astype(np.float32)
        rows[name] = row + noise * (NOISE * np.linalg.norm(row) / np.linalg.norm(noise))
    payload["uri"] = f"{payload['uri']}.{turn}.jpg"
    return Point(str(uuid.uuid5(uuid.UUID(point.id), str(turn))), payload, rows)


def write_anew(home: Path, points: Path) -> dict[str, Any]:
    """Write all points of an index in a folder to a new store in a folder."""
    with Index(home, create=False) as old:
        store = EdgeStore.create(points, old.store.vectors())
        try:
            return written(old.store, store)
        finally:
            store.close()
            shutil.rmtree(points)


def copy(home: Path, address: str) -> dict[str, Any]:
    """Copy all of an index that searches need to an address."""
    with Index(home, create=False) as old, SharedIndex(address) as new, new.writing:
        new.store.start_over(old.store.vectors())
        for path in [home / "index.json", *(home / old.manifest.made / "transforms").glob("*.npz")]:
            (new.documents / path.relative_to(home).as_posix()).write(path.read_bytes())
        return written(old.store, new.store)


def written(old: Store, new: Store) -> dict[str, Any]:
    """How many points a second were written, reading them not counted, and how long the indexes took then."""
    seconds, n = 0.0, 0
    for points in old.scroll(vectors=tuple(old.vectors()), batch=BATCH):
        begun = time.perf_counter()
        new.upsert(points)
        seconds, n = seconds + time.perf_counter() - begun, n + len(points)
    begun = time.perf_counter()
    new.optimize()
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


def recall(finder: ImageFinder) -> dict[str, dict[str, float]]:
    """By the per mille of the images that a filter leaves: which share of the nearest a search in the store finds, and
    the milliseconds that it takes."""
    index = finder._collection.index
    store, name = index.store, index.manifest.spaces[index.manifest.current["image"]].search_vector
    some = finder.columns(["id"])["id"][:: max(1, len(finder) // ASKED)][:ASKED]
    rows = [point.vectors[name] for point in store.retrieve(some, vectors=[name])]
    found: dict[str, dict[str, float]] = {}
    for share in SHARES:
        filter = None if share == 1000 else parse(f"part < {share}")
        shares, taken = [], []
        for row in rows:
            begun = time.perf_counter()
            near = {hit.id for hit in store.query(name, row, LOOKED_FOR, filter=filter, payload=False)}
            taken.append(1e3 * (time.perf_counter() - begun))
            nearest = {h.id for h in store.query(name, row, LOOKED_FOR, filter=filter, payload=False, exact=True)}
            shares.append(len(near & nearest) / len(nearest) if nearest else 1.0)
        found[str(share)] = {"recall": round(float(np.mean(shares)), 3), "p50": round(float(np.median(taken)), 1)}
    return found


if __name__ == "__main__":
    sys.exit(main())
