"""How well images of another kind are kept out of clusters, and images of the same kind let in.

    python benchmarks/strangers.py [--scratch DIR]

Half of a set is clustered, twice with other halves; then its other half comes ("own", which should be in a cluster),
and up to 1,000 images of each other set (which should be in none). Of Tiny ImageNet, 64 pixels a side, 20 classes are
clustered and 20 other ones come: sets that hardly differ to this model.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from clusters import vectors_of
from common import dataset, save

from imagefinder.clusters.algorithms.methods import DEFAULT, Task, find_method
from imagefinder.clusters.algorithms.partition import partition
from imagefinder.clusters.algorithms.strangers import Strangers, sampled
from imagefinder.finder import ImageFinder
from imagefinder.models.registry import find_spec
from imagefinder.vectors.neighbors import knn_graph
from imagefinder.vectors.transform import LinearTransform

SETS = ("clothing", "vehicles", "captions", "stamps")
ROUNDS, OTHERS, CLASSES = 2, 1000, 20


def measured(own: np.ndarray, others: dict[str, np.ndarray], seed: int) -> dict[str, float]:
    """The share of the other half that is in a cluster, and of each other set that is in none."""
    order = np.random.default_rng(seed).permutation(len(own))
    half, rest = own[order[: len(own) // 2]], own[order[len(own) // 2 :]]
    vectors = LinearTransform.fit([half], kind="pca", prior_mean=find_spec("default").prior("image")).apply(half)
    graph = knn_graph(vectors, find_method(DEFAULT).graph_size(None))
    labels, _ = partition(Task(vectors, graph, None), DEFAULT)
    rows = sampled(len(half), int(labels.max()) + 1)
    strangers = Strangers.learn(half[rows], labels[rows])
    assert strangers is not None
    out = {name: float(strangers.strange(raw).mean()) for name, raw in others.items()}
    return {"own": 1 - float(strangers.strange(rest).mean()), **out}


def averaged(own: np.ndarray, others: dict[str, np.ndarray]) -> dict[str, Any]:
    found = [measured(own, others, seed) for seed in range(ROUNDS)]
    return {"clustered": len(own) // 2, **{n: round(float(np.mean([f[n] for f in found])), 3) for n in found[0]}}


def tiny_vectors(scratch: Path, first: int) -> np.ndarray:
    """The raw vectors of ``CLASSES`` classes, from the ``first`` on in a random order."""
    path = scratch / f"tiny-{first}.npy"
    if not path.exists():
        folder = dataset("tinyimagenet", scratch)
        with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
            label = {row["filename"]: row["label"] for row in csv.DictReader(file)}
        classes = np.random.default_rng(0).permutation(sorted(set(label.values())))[first : first + CLASSES]
        home = scratch / f"tiny-{first}"
        home.mkdir()
        for name in (name for name, of in label.items() if of in classes):
            (home / Path(name).name).symlink_to(folder / name)
        with ImageFinder.open(scratch / f"tiny-{first}-index") as finder:
            finder.add(home)
            np.save(path, finder.vectors(raw=True)[1].astype(np.float32))
    return np.asarray(np.load(path))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scratch", type=Path, default=Path(tempfile.gettempdir()) / "imagefinder-benchmarks")
    scratch = parser.parse_args().scratch
    scratch.mkdir(exist_ok=True)
    raw = {name: np.load(vectors_of(name, scratch))["raw"].astype(np.float32) for name in SETS}
    rng = np.random.default_rng(0)
    few = {name: rows[rng.permutation(len(rows))[:OTHERS]] for name, rows in raw.items()}
    sets = {n: averaged(rows, {m: few[m] for m in SETS if m != n}) for n, rows in raw.items()}
    some, other = (tiny_vectors(scratch, first) for first in (0, CLASSES))
    save("strangers", {"sets": sets, "tiny": averaged(some, {"other": other})})


if __name__ == "__main__":
    main()
