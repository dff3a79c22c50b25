"""What a cluster is like: how large, how tight, how well apart, how stable, and which images show it best."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from imagefinder.clusters.algorithms.methods import NOISE, Task, find_method
from imagefinder.clusters.algorithms.partition import partition
from imagefinder.clusters.algorithms.scores import Distances, centres_of, silhouettes, to_centres

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    import numpy.typing as npt

    from imagefinder.types import Float32
    from imagefinder.vectors.neighbors import NeighborGraph

    Labels = npt.NDArray[np.int32]

SHOWN = 6  # representatives and borderline images kept of each cluster
PER_CLUSTER = 20  # members whose silhouette stands for the cluster's
RESAMPLED = 5000  # images at most in one resampled run
BLOCK = 500  # rows whose distances to all images are held at once
SHARE = 0.8  # of the images in one resampled run


@dataclass(frozen=True, slots=True)
class ClusterFacts:
    """One cluster. ``tightness`` is the mean cosine between a member and the centre (1: all alike); ``radius`` the
    distance to the centre within which 99 % of the members lie.

    ``medoid``, ``representatives`` and ``borderline`` are rows: the member nearest to the centre, members that show
    the cluster's range, and those nearest to another cluster.
    """

    label: int
    size: int
    tightness: float
    radius: float
    silhouette: float
    medoid: int
    representatives: tuple[int, ...]
    borderline: tuple[int, ...]


def describe(
    vectors: Float32, labels: Labels, *, only: Collection[int] | None = None, seed: int = 0
) -> tuple[list[ClusterFacts], Float32]:
    """Facts of each cluster 0..k-1, or of some ``only``, and the centres float32 (k, dim) of all."""
    centres = centres_of(vectors, labels)
    if not len(centres):
        return [], centres
    lengths = np.maximum(np.linalg.norm(vectors, axis=1), 1e-12)
    wanted = sorted(range(len(centres)) if only is None else only)
    measured = _silhouette_per_cluster(vectors, labels, wanted, seed)
    facts = []
    for label in wanted:
        rows = np.flatnonzero(labels == label)
        away = to_centres(vectors[rows], centres)
        own = away[:, label].copy()
        direction = centres[label] / max(float(np.linalg.norm(centres[label])), 1e-12)
        away[:, label] = np.inf
        margin = away.min(axis=1) - own
        facts.append(
            ClusterFacts(
                label=label,
                size=len(rows),
                tightness=float((vectors[rows] @ direction / lengths[rows]).mean()),
                radius=float(np.quantile(own, 0.99)),
                silhouette=measured[label],
                medoid=int(rows[own.argmin()]),
                representatives=_representatives(vectors, rows, own),
                borderline=tuple(rows[np.argsort(margin, kind="stable")[:SHOWN]].tolist()) if len(centres) > 1 else (),
            )
        )
    return facts, centres


def _representatives(vectors: Float32, rows: npt.NDArray[np.int64], own: Float32) -> tuple[int, ...]:
    """The medoid, then among the nearer half of the members each time the one least like those already chosen."""
    core = rows[np.argsort(own, kind="stable")[: max(SHOWN, (len(rows) + 1) // 2)]]
    chosen = [0]
    near = np.linalg.norm(vectors[core] - vectors[core[0]], axis=1)
    while len(chosen) < min(SHOWN, len(core)):
        near[chosen] = -1
        chosen.append(int(near.argmax()))
        near = np.minimum(near, np.linalg.norm(vectors[core] - vectors[core[chosen[-1]]], axis=1))
    return tuple(core[chosen].tolist())


def _silhouette_per_cluster(vectors: Float32, labels: Labels, wanted: Sequence[int], seed: int) -> dict[int, float]:
    rng = np.random.default_rng(seed)
    result: dict[int, float] = {}
    step = max(1, BLOCK // PER_CLUSTER)
    for start in range(0, len(wanted), step):
        part = wanted[start : start + step]
        picked = [rng.permutation(np.flatnonzero(labels == label))[:PER_CLUSTER] for label in part]
        values = silhouettes(Distances.of(vectors, np.concatenate(picked)), labels)
        for label, found in zip(part, np.split(values, np.cumsum([len(p) for p in picked])[:-1]), strict=True):
            result[label] = float(np.nan_to_num(found).mean())
    return result


def stabilities(
    task: Task, method: str, labels: Labels, *, runs: int, make_graph: Callable[[Float32, int], NeighborGraph]
) -> list[float | None]:
    """The stability of each cluster 0..k-1: cluster ``runs`` random parts of the images anew, and see how much of each
    cluster comes back (Hennig 2007). A part is 80 % of the images, but at most ``RESAMPLED``, or 20 a cluster. None
    where it can't be told.
    """
    n, k = len(labels), int(labels.max(initial=-1)) + 1
    if runs < 1 or k < 2:
        return [None] * k
    size = min(int(SHARE * n), max(RESAMPLED, 20 * k))
    overlaps = np.full((runs, k), np.nan)
    for run in range(runs):
        rows = np.sort(np.random.default_rng((task.seed, run)).choice(n, size, replace=False))
        overlaps[run] = _best_overlap(labels[rows], _again(task, method, rows, k, make_graph), k)
    seen = ~np.isnan(overlaps).all(axis=0)
    return [float(np.nanmean(overlaps[:, label])) if seen[label] else None for label in range(k)]


def _again(
    task: Task,
    method: str,
    rows: npt.NDArray[np.int64],
    k: int,
    make_graph: Callable[[Float32, int], NeighborGraph],
) -> Labels:
    part = task.vectors[rows]
    wanted = min(k, len(np.unique(part, axis=0))) if task.n_clusters else None
    neighbors = find_method(method).graph_size(wanted)
    settings = {**task.settings, "n_init": 1} if "n_init" in task.settings or method == "kmeans" else task.settings
    again = replace(task, vectors=part, n_clusters=wanted, settings=settings)
    again = replace(again, graph=make_graph(part, neighbors) if neighbors else None)
    return partition(again, method)[0]


def _best_overlap(labels: Labels, again: Labels, k: int) -> npt.NDArray[np.float64]:
    """For each cluster the Jaccard overlap with its best counterpart; NaN where none of its images was drawn."""
    both = (labels != NOISE) & (again != NOISE)
    table = np.zeros((k, int(again.max(initial=0)) + 1))
    np.add.at(table, (labels[both], again[both]), 1)
    mine = np.bincount(labels[labels != NOISE], minlength=k)
    theirs = np.bincount(again[again != NOISE], minlength=table.shape[1])
    union = mine[:, None] + theirs - table
    best = np.divide(table, union, out=np.zeros_like(table), where=union > 0).max(axis=1)
    return np.where(mine > 0, best, np.nan)
