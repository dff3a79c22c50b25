"""A map of 22,914 images by each method: seconds, peak memory and quality, beside scikit-learn's t-SNE.

    python benchmarks/maps.py [--index DIR] [--scratch DIR] [--without-sklearn]

Each map is made by a process of its own, whose seconds count from its start: imports, compilation and the neighbour
graph included, reading the vectors not. The obvious call it is held against is ``sklearn.manifold.TSNE`` on the
model's raw 1280-d vectors; it takes tens of minutes. All maps are scored against the same vectors: the 256-d ones
searched, and the raw ones.
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
from common import dataset, save

from imagefinder.finder import ImageFinder
from imagefinder.maps.projections import METHODS
from imagefinder.maps.scores import score_map

OURS = """
import json, sys, time
started = time.perf_counter()
import numpy as np
from imagefinder.maps.projections import project
name, folder = sys.argv[1:]
vectors = np.load(f"{folder}/searched.npy")
np.save(f"{folder}/{name}.npy", project(vectors, name).coordinates)
"""
THEIRS = """
import json, sys, time
started = time.perf_counter()
import numpy as np
from sklearn.manifold import TSNE
name, folder = sys.argv[1:]
vectors = np.load(f"{folder}/raw.npy")
np.save(f"{folder}/{name}.npy", TSNE(random_state=0, n_jobs=-1).fit_transform(vectors))
"""
# Not getrusage: what a child inherits there is its parent's peak.
REPORT = """
seconds, cpu = time.perf_counter() - started, time.process_time()
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1024
print(json.dumps({"seconds": round(seconds, 1), "cpu_seconds": round(cpu, 1), "peak_mb": round(peak)}))
"""


def run(name: str, code: str, folder: Path) -> dict[str, Any]:
    """Make one map in its own process: its time and memory, and how good it is."""
    load = os.getloadavg()[0]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code + REPORT, name, str(folder)], stdout=subprocess.PIPE, check=True
    )
    coordinates = np.load(folder / f"{name}.npy")
    scores = {kind: score_map(np.load(folder / f"{kind}.npy"), coordinates).to_dict() for kind in ("searched", "raw")}
    row = {**json.loads(done.stdout), "load_before": round(load, 1), "against": scores}
    print(name, row, file=sys.stderr, flush=True)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scratch", type=Path, default=Path(tempfile.gettempdir()) / "imagefinder-benchmarks")
    parser.add_argument("--index", type=Path, help="an index of the images from an earlier run")
    parser.add_argument("--without-sklearn", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with ImageFinder.open(options.index or folder / "index") as finder:
            if not options.index:
                finder.add(dataset("tinyimagenet", options.scratch) / "images")
            for kind in ("searched", "raw"):
                np.save(folder / f"{kind}.npy", finder.vectors(raw=kind == "raw")[1])
        result: dict[str, Any] = {"images": len(np.load(folder / "raw.npy", mmap_mode="r"))}
        for name in METHODS:
            result[name] = run(name, OURS, folder)
        if not options.without_sklearn:
            result["sklearn TSNE on the raw vectors"] = run("sklearn", THEIRS, folder)
    save("maps", result)


if __name__ == "__main__":
    main()
