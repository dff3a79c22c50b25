"""Engines for vectors, 256-d: ImageFinder's store beside faiss, hnswlib, usearch, LanceDB, Milvus Lite and the local
mode of Qdrant's client.

    python benchmarks/peers/vectors.py [--sizes 22914 200000] [--rounds 1] [--only NAME...] [--index DIR]

Each engine is a process of its own that takes the vectors in, and is then asked 200 queries, one at a time, for the ten
nearest: among all, and among the tenth whose category is 3. Approximate ones are asked at the least effort that finds
95 % of the true ten. Graphs are built alike: 16 links, 100 candidates. The vectors are clustered ones of chance, or, up
to their number, those of an index (``--index``). 1,000,000 takes most engines many minutes and some gigabytes.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from environments import SCRATCH, make, versions
from measured import interleaved, run

QUERIES, DIM, K = 200, 256, 10
ENGINES = {  # with their environments; empty: this Python, with ImageFinder
    "imagefinder": "",
    "faiss-flat": "faiss",
    "faiss-hnsw": "faiss",
    "hnswlib": "hnswlib",
    "usearch": "usearch",
    "lancedb": "lancedb",
    "milvus": "milvus",
    "qdrant": "qdrant",
}
MOST = {"qdrant": 22_914}  # its local mode compares with every vector in Python, and warns from 20,000 on


def clustered(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Vectors and queries of unit length, float32, as models give them: clusters of different sizes, in fewer
    directions than there are numbers."""
    random = np.random.default_rng(0)
    centres = random.normal(size=(max(20, n // 200), 32)).astype(np.float32)
    turn = random.normal(size=(32, DIM)).astype(np.float32)
    share = random.pareto(1.5, len(centres)) + 0.2
    share /= share.sum()

    def some(count: int) -> np.ndarray:
        rows = centres[random.choice(len(centres), count, p=share)]
        rows = rows + 0.6 * random.normal(size=rows.shape).astype(np.float32)
        made = rows @ turn + 1.5 * random.normal(size=(count, DIM)).astype(np.float32)
        return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)

    return np.concatenate([some(min(100_000, n - start)) for start in range(0, n, 100_000)]), some(QUERIES)


def nearest(vectors: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """The numbers of the ten nearest to each query, exactly."""
    scores = np.concatenate([queries @ vectors[i : i + 50_000].T for i in range(0, len(vectors), 50_000)], axis=1)
    return np.argsort(-scores, axis=1, kind="stable")[:, :K]


def prepare(n: int, index: Path | None, scratch: Path) -> Path:
    """The folder that the engines read."""
    folder = scratch / f"vectors-{n}{'-index' if index else ''}"
    if not (folder / "filtered.npy").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        if index:
            from imagefinder import ImageFinder

            with ImageFinder.open(index, read_only=True) as finder:
                rows = finder.vectors()[1]
            chosen = np.random.default_rng(0).permutation(len(rows))
            vectors, queries = rows[chosen[QUERIES : n + QUERIES]], rows[chosen[:QUERIES]]
        else:
            vectors, queries = clustered(n)
        np.save(folder / "vectors.npy", vectors)
        np.save(folder / "queries.npy", queries)
        np.save(folder / "truth.npy", nearest(vectors, queries))
        np.save(folder / "filtered.npy", 10 * nearest(vectors[3::10], queries) + 3)
    return folder


def way(name: str, folder: Path, scratch: Path) -> Callable[[], dict[str, Any]]:
    python = make(ENGINES[name], scratch) if ENGINES[name] else sys.executable

    def once() -> dict[str, Any]:
        out = scratch / f"built-{name}"
        for old in scratch.glob(f"built-{name}*"):
            shutil.rmtree(old) if old.is_dir() else old.unlink()
        try:
            figures = run(python, "vectors.py", folder, out, name, PYTHONWARNINGS="ignore")
            sizes = [file.stat().st_blocks * 512 for place in scratch.glob(f"built-{name}*") for file in _files(place)]
        finally:
            for old in scratch.glob(f"built-{name}*"):
                shutil.rmtree(old) if old.is_dir() else old.unlink()
        return {**figures, "disk_mb": round(sum(sizes) / 1e6)}

    return once


def _files(place: Path) -> list[Path]:
    return [place] if place.is_file() else [path for path in place.rglob("*") if path.is_file()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[22_914, 200_000])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", nargs="+", default=list(ENGINES), choices=list(ENGINES), metavar="NAME")
    parser.add_argument("--index", type=Path)
    parser.add_argument("--scratch", type=Path, default=SCRATCH)
    options = parser.parse_args()
    named = {ENGINES[name] for name in options.only} - {""}
    told = {"versions": {name: versions(name, options.scratch) for name in sorted(named)}}
    for n in options.sizes:
        folder = prepare(n, options.index, options.scratch)
        count = len(np.load(folder / "vectors.npy", mmap_mode="r"))
        names = [name for name in options.only if count <= MOST.get(name, count)]
        ways = {f"{count:,} {name}": way(name, folder, options.scratch) for name in names}
        interleaved("vectors", told, ways, options.rounds)


if __name__ == "__main__":
    main()
