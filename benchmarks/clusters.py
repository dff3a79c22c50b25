"""Clustering against labels, and at 22,914 images beside the obvious scikit-learn calls on the raw features.

    python benchmarks/clusters.py [--parts labels outliers scale] [--scratch DIR]

Labels: normalised mutual information and adjusted Rand index of every method on three labelled sets, told the number of
classes and left to find one. Outliers: how well images of other sets stand out in a set. Scale: seconds and peak memory
of each step in a process of its own; k-means also by its inertia on the same features.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from common import dataset, save
from sklearn.metrics import adjusted_rand_score, average_precision_score, normalized_mutual_info_score, roc_auc_score

from imagefinder.clusters.algorithms.methods import METHODS, Task
from imagefinder.clusters.algorithms.partition import partition
from imagefinder.finder import ImageFinder
from imagefinder.models.registry import find_spec
from imagefinder.quality.outliers import outlier_scores
from imagefinder.vectors.neighbors import knn_graph
from imagefinder.vectors.transform import LinearTransform

LABELLED = ("clothing", "vehicles", "stamps")
STEP = """
import json, sys, time
import numpy as np
arrays = np.load(sys.argv[1])
started = time.perf_counter()
{code}
seconds = time.perf_counter() - started
with open("/proc/self/status") as lines:  # ru_maxrss would count the parent's memory too
    peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
print(json.dumps({{"seconds": round(seconds, 2), "peak_mb": round(peak), **found}}))
"""
STEPS = {
    "knn graph, k = 15": """
from imagefinder.vectors.neighbors import knn_graph
knn_graph(arrays["vectors"], 15)
found = {}
""",
    "kmeans, k = 100": """
from imagefinder.clusters.algorithms.methods import Task
from imagefinder.clusters.algorithms.partition import partition
from imagefinder.clusters.algorithms.scores import centres_of, inertia_of
vectors = arrays["vectors"]
labels, _ = partition(Task(vectors, None, 100), "kmeans")
found = {"inertia": inertia_of(vectors, labels, centres_of(vectors, labels))}
""",
    "minibatch, k = 100": """
from imagefinder.clusters.algorithms.methods import Task
from imagefinder.clusters.algorithms.partition import partition
from imagefinder.clusters.algorithms.scores import centres_of, inertia_of
vectors = arrays["vectors"]
labels, _ = partition(Task(vectors, None, 100), "minibatch")
found = {"inertia": inertia_of(vectors, labels, centres_of(vectors, labels))}
""",
    "choose-k, 2 to 100": """
from imagefinder.clusters.algorithms.choose_k import choose_k
from imagefinder.vectors.neighbors import knn_graph
choice = choose_k(arrays["vectors"], knn_graph(arrays["vectors"], 15))
names = ("elbow", "best_silhouette", "communities", "suggested")
found = {name: getattr(choice, name) for name in names} | {"inertia at 100": choice.scores[-1].inertia}
""",
    **{
        f"{method}, auto": f"""
from imagefinder.clusters.algorithms.methods import METHODS, Task
from imagefinder.clusters.algorithms.partition import partition
from imagefinder.vectors.neighbors import knn_graph
graph = knn_graph(arrays["vectors"], METHODS["{method}"].neighbors)
labels, _ = partition(Task(arrays["vectors"], graph), "{method}")
found = {{"n_clusters": int(labels.max()) + 1, "noise": round(float((labels < 0).mean()), 3)}}
"""
        for method in ("leiden", "agglomerative", "hdbscan", "dbscan")
    },
    "scikit-learn KMeans, same features, k = 100, n_init = 10": """
from sklearn.cluster import KMeans
found = {"inertia": float(KMeans(100, n_init=10, random_state=0).fit(arrays["vectors"]).inertia_)}
""",
    "scikit-learn KMeans, raw features, k = 100, n_init = 10": """
from sklearn.cluster import KMeans
from imagefinder.clusters.algorithms.scores import centres_of, inertia_of
labels = KMeans(100, n_init=10, random_state=0).fit(arrays["raw"]).labels_
found = {"inertia": inertia_of(arrays["vectors"], labels, centres_of(arrays["vectors"], labels))}
""",
    "scikit-learn KMeans and full silhouette, raw features, k = 2, 50, 100": """
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score
scores = {}
for k in (2, 50, 100):
    labels = KMeans(k, n_init=10, random_state=0).fit(arrays["raw"]).labels_
    scores[str(k)] = round(float(silhouette_score(arrays["raw"], labels)), 4)
seconds = time.perf_counter() - started
found = {"silhouette": scores, "seconds for all 99, by proportion": round(33 * seconds)}
""",
}


def vectors_of(name: str, scratch: Path) -> Path:
    """An NPZ with the vectors searched, the raw ones, and the labels of a set, indexed if it isn't yet."""
    path = scratch / f"{name}.npz"
    if not path.exists():
        folder = dataset(name, scratch)
        with ImageFinder.open(scratch / f"{name}-index") as finder:
            finder.add(folder / "images")
            ids, vectors = finder.vectors()
            raw = finder.vectors(raw=True)[1]
            uris = {r.id: r.uri for r in finder.records()}
        with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
            label = {str(folder / row["filename"]): row["label"] for row in csv.DictReader(file)}
        np.savez(path, vectors=vectors, raw=raw, labels=np.array([label[uris[id]] for id in ids]))
    return path


def against_labels(scratch: Path) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name in LABELLED:
        arrays = np.load(vectors_of(name, scratch))
        vectors, truth = arrays["vectors"], arrays["labels"]
        graph, classes = knn_graph(vectors, 50), len(set(truth.tolist()))
        for method, how in METHODS.items():
            for count in (None, classes) if how.counts else (None,):
                started = time.perf_counter()
                labels, _ = partition(Task(vectors, graph, count), method)
                result[f"{name} ({classes} classes), {method}, {count or 'auto'}"] = {
                    "n_clusters": int(labels.max()) + 1,
                    "noise": round(float((labels < 0).mean()), 3),
                    "nmi": round(float(normalized_mutual_info_score(truth, labels)), 3),
                    "ari": round(float(adjusted_rand_score(truth, labels)), 3),
                    "seconds": round(time.perf_counter() - started, 2),
                }
    return result


def planted_outliers(scratch: Path, each: int = 3, rounds: int = 10) -> dict[str, Any]:
    """``each`` images of the two other sets put among those of a set: how far up the scores bring them."""
    raw = {name: np.load(vectors_of(name, scratch))["raw"] for name in LABELLED}
    prior, rng = find_spec("default").prior("image"), np.random.default_rng(0)
    result = {}
    for name in LABELLED:
        found = []
        for _ in range(rounds):
            odd = [raw[o][rng.choice(len(raw[o]), each, replace=False)] for o in LABELLED if o != name]
            rows = np.concatenate([raw[name], *odd])
            truth = np.arange(len(rows)) >= len(raw[name])
            vectors = LinearTransform.fit([rows], kind="pca", prior_mean=prior).apply(rows)
            scores = outlier_scores(knn_graph(vectors, 20))
            found.append((roc_auc_score(truth, scores), average_precision_score(truth, scores)))
        auroc, precision = np.mean(found, axis=0)
        result[f"{2 * each} strangers in {name}"] = {
            "auroc": round(float(auroc), 3),
            "average_precision": round(float(precision), 3),
        }
    return result


def at_scale(scratch: Path) -> dict[str, Any]:
    path = vectors_of("tinyimagenet", scratch)
    result = {}
    for name, code in STEPS.items():
        done = subprocess.run([sys.executable, "-c", STEP.format(code=code), str(path)], capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stderr)
        result[name] = json.loads(done.stdout)
        print(name, result[name], flush=True)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", default=["labels", "outliers", "scale"])
    parser.add_argument("--scratch", type=Path, default=Path(tempfile.gettempdir()) / "imagefinder-benchmarks")
    options = parser.parse_args()
    options.scratch.mkdir(exist_ok=True)
    parts = {"labels": against_labels, "outliers": planted_outliers, "scale": at_scale}
    save("clusters", {name: parts[name](options.scratch) for name in options.parts})


if __name__ == "__main__":
    main()
