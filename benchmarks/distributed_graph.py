"""The neighbour graph and k-means by parts: processor seconds and memory as vectors grow.

    python benchmarks/distributed_graph.py

The graph is the exact one, of all pairs; that of cells is measured by neighbor_graphs.py. Each size runs in a
process of its own, in threads: a task on Ray runs the same code. Vectors are made: 256 dimensions, 1,000 groups with
noise, unit length. Seconds are those of the processor, which other work on the machine changes little. Memory is the
peak above that of the vectors and packages.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from common import save

SIZES, NEIGHBORS, CLUSTERS, ITERATIONS = (10_000, 50_000, 200_000), 15, 100, 10

CODE = """
import json, resource, sys, time
import numpy as np
from imagefinder.clusters.algorithms.kmeans import lloyd
from imagefinder.vectors.neighbors import knn_graph
from imagefinder.vectors.shards import Shards

n, work = int(sys.argv[1]), sys.argv[2]
random = np.random.default_rng(0)
centres = random.standard_normal((1000, 256)).astype(np.float32)
rows = np.empty((n, 256), np.float32)
for a in range(0, n, 10_000):
    some = slice(a, min(a + 10_000, n))
    rows[some] = centres[random.integers(0, 1000, len(rows[some]))]
    rows[some] += random.standard_normal(rows[some].shape).astype(np.float32)
rows /= np.linalg.norm(rows, axis=1, keepdims=True)
shards = Shards.of(rows)
knn_graph(rows[:3000], 15), lloyd(Shards.of(rows[:3000]), rows[:10], iterations=1)  # what is loaded at its first use

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

before, cpu = peak(), time.process_time()
if work == "graph":
    knn_graph(shards, %d, exact=True)
else:
    lloyd(shards, rows[:%d], tolerance=-1, iterations=%d)
print(json.dumps({"cpu_s": round(time.process_time() - cpu, 2), "peak_mb": round(peak() - before)}))
""" % (NEIGHBORS, CLUSTERS, ITERATIONS)  # noqa: UP031


def measure(n: int, work: str) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-c", CODE, str(n), work], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    print(n, work, found, flush=True)
    return {"images": n, **found}


def slopes(rows: list[dict[str, Any]], power: int) -> float:
    """Processor seconds of the largest size, for a million images or a million times a million pairs."""
    last = rows[-1]
    return round(last["cpu_s"] / (last["images"] / 1e6) ** power, 1)


def main() -> None:
    graph = [measure(n, "graph") for n in SIZES]
    means = [measure(n, "kmeans") for n in SIZES]
    save(
        "distributed_graph",
        {
            "dimensions": 256,
            "graph": {"neighbors": NEIGHBORS, "rows": graph, "cpu_s_for_1e12_pairs": slopes(graph, 2)},
            "kmeans": {
                "clusters": CLUSTERS,
                "iterations": ITERATIONS,
                "rows": means,
                "cpu_s_for_1e6_images": slopes(means, 1),
            },
        },
    )


if __name__ == "__main__":
    main()
