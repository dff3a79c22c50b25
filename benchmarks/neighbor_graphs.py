"""Ways to the neighbour graph of many images: what each takes, and how much of the true graph it finds.

    pip install faiss-cpu pynndescent hnswlib
    python benchmarks/neighbor_graphs.py [--sizes 50000 200000] [--ways cells faiss-hnsw ...] [--neighbors 15] [--set]
    python benchmarks/neighbor_graphs.py --steps --sizes 20000 50000 200000

Vectors are made of those of the 22,914 photos of Tiny ImageNet: a random mean of two, with noise
(``scaling_data.Mixed``); ``--set`` takes those as they are. Each way runs in a process of its own with all cores.
Recall is the share of the true neighbours of 1,000 vectors that it finds. Seconds are those of processors, which other
work on the machine changes little. Memory is the peak above the vectors. Rows that were measured before stay.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from common import RESULTS, dataset, save
from scaling_data import CHUNK, Mixed

from imagefinder.finder import ImageFinder

BEGIN = """
import json, sys, time
import numpy as np

vectors, k = np.load(sys.argv[1]).astype(np.float32), int(sys.argv[2])

def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1024

before, cpu, started = peak(), time.process_time(), time.perf_counter()
"""
END = """
told = {"cpu_s": round(time.process_time() - cpu, 1), "seconds": round(time.perf_counter() - started, 1)}
told["peak_mb"] = round(peak() - before)
rows = np.sort(np.random.default_rng(1).choice(len(vectors), min(1000, len(vectors)), replace=False))
hits = 0
for a in range(0, len(rows), 100):
    some = rows[a : a + 100]
    far = np.square(vectors).sum(axis=1) - 2 * vectors[some] @ vectors.T
    far[np.arange(len(some)), some] = np.inf
    true = np.argpartition(far, k, axis=1)[:, :k]
    near = [found[i] for i in some] if itself is None else without_itself_of(some)
    hits += sum(len(set(t) & {int(j) for j in n}) for t, n in zip(true.tolist(), near))
print(json.dumps({**told, "recall": round(hits / (k * len(rows)), 4), **more}))
"""
OURS = """
from imagefinder.vectors import neighbors
neighbors.EXACT = {exact}
graph = neighbors.knn_graph(vectors, k)
found, itself, more = graph.indices, None, {{"told_recall": round(graph.recall, 4)}}
"""
THEIRS = """
{code}
itself, more = True, {{}}
def without_itself_of(some):
    return [[j for j in found[i] if j != i][:k] for i in some]
"""
WAYS = {
    "exact": OURS.format(exact="10**9"),
    "cells": OURS.format(exact="0"),
    "hnswlib": """
import hnswlib
index = hnswlib.Index("l2", vectors.shape[1])
index.init_index(len(vectors), ef_construction=100, M=16)
index.add_items(vectors)
index.set_ef(max(60, k + 1))
found = index.knn_query(vectors, k + 1)[0]
""",
    "faiss-hnsw": """
import faiss
index = faiss.IndexHNSWFlat(vectors.shape[1], 16)
index.hnsw.efConstruction = 100
index.add(vectors)
index.hnsw.efSearch = max(60, k + 1)
found = index.search(vectors, k + 1)[1]
""",
    "faiss-ivf": """
import faiss
cells = int(len(vectors) / 500)
index = faiss.IndexIVFFlat(faiss.IndexFlatL2(vectors.shape[1]), vectors.shape[1], cells)
index.cp.max_points_per_centroid, index.cp.niter = 40, 8
index.train(vectors)
index.add(vectors)
index.nprobe = 32
found = index.search(vectors, k + 1)[1]
""",
    "faiss-nndescent": """
import faiss
index = faiss.IndexNNDescentFlat(vectors.shape[1], max(32, k))
index.nndescent.iter, index.nndescent.R, index.nndescent.L = 8, 32, max(32, k) + 20
index.add(vectors)
found = faiss.vector_to_array(index.nndescent.final_graph).reshape(len(vectors), -1)
""",
    "pynndescent": """
import pynndescent
index = pynndescent.NNDescent(vectors, n_neighbors=k + 1, random_state=0, compressed=False)
found = index.neighbor_graph[0]
""",
}
STEPS = {
    "leiden": """
from imagefinder.clusters.algorithms.leiden import leiden
from imagefinder.vectors.neighbors import knn_graph
graph = knn_graph(vectors, 15)
cpu, before = time.process_time(), peak()
leiden(graph)
""",
    "k-means, k = n / 1000": """
from imagefinder.clusters.algorithms.kmeans import kmeans
kmeans(vectors, max(2, len(vectors) // 1000))
""",
    "choose-k up to 30": """
from imagefinder.clusters.algorithms.choose_k import choose_k
from imagefinder.clusters.material import tried
from imagefinder.vectors.neighbors import knn_graph
rows = tried(len(vectors), 0)
some = vectors if rows is None else vectors[rows]
choose_k(some, knn_graph(some, 15), max_k=30)
""",
    "outliers": """
from imagefinder.quality.outliers import outlier_scores
from imagefinder.vectors.neighbors import knn_graph
graph = knn_graph(vectors, 20)
cpu, before = time.process_time(), peak()
outlier_scores(graph)
""",
    "t-SNE": """
from imagefinder.maps.projections import neighbors_for, project
from imagefinder.vectors.neighbors import knn_graph
graph = knn_graph(vectors, neighbors_for(len(vectors)))
cpu, before = time.process_time(), peak()
project(vectors, "tsne", graph=graph)
""",
    "map scores": """
from imagefinder.maps.scores import score_map
score_map(vectors, vectors[:, :2])
""",
    "candidates of duplicates": """
from imagefinder.duplicates.candidates import candidates
from imagefinder.vectors.neighbors import knn_graph
hashes = np.where(vectors[:, :63] > np.median(vectors[:, :63], axis=0), 1, -1).astype(np.int8)
graph = knn_graph(vectors, 20)
cpu, before = time.process_time(), peak()
candidates(vectors, hashes, graph)
""",
}
STEP_END = """
told = {"cpu_s": round(time.process_time() - cpu, 1), "peak_mb": round(peak() - before)}
print(json.dumps(told))
"""


def code_of(name: str) -> str:
    if name in STEPS:
        return BEGIN + STEPS[name] + STEP_END
    return BEGIN + (WAYS[name] if WAYS[name].startswith("\nfrom imagefinder") else THEIRS.format(code=WAYS[name])) + END


def measure(name: str, vectors: Path, k: int) -> dict[str, Any]:
    load = os.getloadavg()[0]
    command = [sys.executable, "-W", "ignore", "-c", code_of(name), str(vectors), str(k)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    row = {"way": name, **json.loads(done.stdout.splitlines()[-1]), "load": round(load, 1)}
    print(vectors.stem, row, file=sys.stderr, flush=True)
    return row


def real_set(scratch: Path) -> np.ndarray:
    """The vectors of 22,914 photos that are searched, float32 (n, 256)."""
    home = scratch / "neighbor-graphs-index"
    with ImageFinder.open(home) as finder:
        finder.add(dataset("tinyimagenet", scratch) / "images")
        space = finder._collection.view().image
        return np.concatenate([rows for _, rows in finder._collection.index.searched_batches(space)])


def vectors_of(n: int, scratch: Path) -> Path:
    """A file with ``n`` made vectors, float16 (n, 256); of the set itself for 0."""
    path = scratch / f"neighbor-graphs-{n}.npy"
    if not path.is_file():
        rows = np.load(vectors_of(0, scratch)).astype(np.float32) if n else real_set(scratch)
        made = [Mixed(rows).rows(first, min(CHUNK, n - first)) for first in range(0, n, CHUNK)]
        np.save(path, (np.concatenate(made) if made else rows).astype(np.float16))
    return path


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", nargs="+", type=int, default=[20_000, 50_000, 200_000])
    parser.add_argument("--ways", nargs="+", choices=list(WAYS))
    parser.add_argument("--neighbors", type=int, default=15)
    parser.add_argument("--set", action="store_true", help="the real set instead of made vectors")
    parser.add_argument("--steps", nargs="*", choices=list(STEPS), help="what is made of the graph instead")
    parser.add_argument("--scratch", type=Path, default=Path(tempfile.gettempdir()))
    options = parser.parse_args()
    path = RESULTS / "neighbor_graphs.json"
    kept = json.loads(path.read_text()) if path.is_file() else {}
    names = options.ways or list(WAYS)
    kind = "ways"
    if options.steps is not None:
        names, kind = options.steps or list(STEPS), "steps"
    rows = {(row["images"], row["neighbors"], row["way"]): row for row in kept.get(kind, [])}
    for n in [0] if options.set else options.sizes:
        vectors = vectors_of(n, options.scratch)
        images = len(np.load(vectors, mmap_mode="r"))
        for name in names:
            row = measure(name, vectors, options.neighbors)
            rows[images, options.neighbors, name] = {"images": images, "neighbors": options.neighbors, **row}
    both = {"ways": kept.get("ways", []), "steps": kept.get("steps", []), kind: list(rows.values())}
    save("neighbor_graphs", {"dimensions": 256, **both})


if __name__ == "__main__":
    main()
