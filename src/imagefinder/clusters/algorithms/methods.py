"""Splits vectors into clusters, by any of the methods of ``METHODS``."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from imagefinder._util.suggest import unknown_name
from imagefinder.clusters.algorithms import density, leiden
from imagefinder.errors import InvalidInputError

if TYPE_CHECKING:
    import numpy.typing as npt

    from imagefinder.types import Float32
    from imagefinder.vectors.neighbors import NeighborGraph

    Labels = npt.NDArray[np.int32]

NOISE = -1
BATCH = 1024  # rows a mini-batch step looks at


@dataclass(frozen=True, slots=True)
class Task:
    """What to cluster and how. ``vectors`` float32 (n, dim); ``graph`` holds the neighbours of the same rows,
    for the methods that want it.

    ``settings`` are the method's own: n_init (kmeans, minibatch), resolution (leiden), eps and min_samples (dbscan),
    min_cluster_size and min_samples (hdbscan).
    """

    vectors: Float32
    graph: NeighborGraph | None
    n_clusters: int | None = None
    seed: int = 0
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Method:
    """A way to cluster. ``counts``: it makes as many clusters as it is told to. ``needs_count``: it must be told.
    ``neighbors``: how many of each image it looks at."""

    run: Callable[[Task], tuple[Labels, dict[str, Any]]]
    settings: tuple[str, ...]
    counts: bool = True
    needs_count: bool = True
    neighbors: int = 0

    def graph_size(self, n_clusters: int | None) -> int:
        """How many neighbours the graph must hold, 0 for no graph."""
        return self.neighbors or (leiden.NEIGHBORS if self.needs_count and n_clusters is None else 0)


def partition(task: Task, method: str) -> tuple[Labels, dict[str, Any]]:
    """Labels int32 (n,), 0 for the largest cluster, -1 for noise, and the parameters the method ended up with.

    Without ``n_clusters``, a method that needs a number takes that of the communities in the neighbour graph. Raises
    InvalidInputError for an unknown method or setting, or for more clusters than there are different images.
    """
    how = find_method(method)
    if unknown := sorted(set(task.settings) - set(how.settings)):
        raise InvalidInputError(
            f"{method} has no setting {unknown[0]!r}; it has: {', '.join(how.settings) or 'none'}.",
        )
    different = len(np.unique(task.vectors, axis=0))
    _check_count(task, method, how, different)
    if different == 1:
        return np.zeros(len(task.vectors), np.int32), {}
    if task.n_clusters is None and how.needs_count:
        task = replace(task, n_clusters=communities(_graph(task), task.seed))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of convergence on degenerate data, which is dealt with here
        labels, parameters = how.run(task)
    return by_size(labels), parameters


def find_method(name: str) -> Method:
    if name not in METHODS:
        raise unknown_name("clustering method", name, list(METHODS))
    return METHODS[name]


def communities(graph: NeighborGraph, seed: int = 0) -> int:
    """How many communities the neighbour graph falls into (Leiden, modularity): our guess at the number of clusters."""
    return len(np.unique(leiden.leiden(graph, seed=seed)))


def by_size(labels: Labels) -> Labels:
    """The same clusters numbered by size, 0 for the largest; of equals, the one of the earlier row comes first."""
    found, first, counts = np.unique(labels, return_index=True, return_counts=True)
    order = sorted(
        (-int(c), int(f), int(label)) for label, f, c in zip(found, first, counts, strict=True) if label >= 0
    )
    number = {label: i for i, (_, _, label) in enumerate(order)} | {NOISE: NOISE}
    return np.array([number[int(label)] for label in labels], np.int32)


def _check_count(task: Task, method: str, how: Method, different: int) -> None:
    wanted = task.n_clusters
    if wanted is None:
        return
    if not how.counts:
        raise InvalidInputError(
            f"{method} finds the number of clusters itself; it can't be told to make {wanted}.",
            remedy="Leave the number out (-n auto), or choose kmeans, minibatch, agglomerative or leiden.",
        )
    if wanted < 1:
        raise InvalidInputError(f"The number of clusters must be 1 or more, not {wanted}.")
    if wanted > different:
        raise InvalidInputError(
            f"{wanted} clusters were asked for, but there are only {different} different images.",
            remedy=f"Ask for at most {different}.",
        )


def _graph(task: Task) -> NeighborGraph:
    if task.graph is None:
        raise InvalidInputError("This method needs the neighbour graph of the vectors.")
    return task.graph


def _kmeans(task: Task) -> tuple[Labels, dict[str, Any]]:
    """Lloyd 1982 with k-means++ starts (Arthur and Vassilvitskii 2007); the best of ``n_init`` runs."""
    from sklearn.cluster import KMeans

    model = KMeans(task.n_clusters, n_init=task.settings.get("n_init", 3), random_state=task.seed).fit(task.vectors)
    return model.labels_, {"n_init": model.n_init, "iterations": model.n_iter_}


def _minibatch(task: Task) -> tuple[Labels, dict[str, Any]]:
    """Sculley 2010: k-means on random batches."""
    from sklearn.cluster import MiniBatchKMeans

    model = MiniBatchKMeans(
        task.n_clusters, n_init=task.settings.get("n_init", 3), batch_size=BATCH, random_state=task.seed
    ).fit(task.vectors)
    return model.labels_, {"n_init": task.settings.get("n_init", 3), "iterations": model.n_iter_}


def _agglomerative(task: Task) -> tuple[Labels, dict[str, Any]]:
    """Ward 1963, joining only what the neighbour graph connects, so that memory grows with n, not n squared."""
    from sklearn.cluster import AgglomerativeClustering

    links = _graph(task).first(leiden.NEIGHBORS).to_sparse()
    links.data[:] = 1  # a distance of 0 would be no link
    model = AgglomerativeClustering(task.n_clusters, linkage="ward", connectivity=links.maximum(links.T))
    return model.fit_predict(task.vectors), {"linkage": "ward"}


def _leiden(task: Task) -> tuple[Labels, dict[str, Any]]:
    resolution = task.settings.get("resolution")
    if task.n_clusters is None or resolution is not None:
        labels = leiden.leiden(_graph(task), resolution=resolution or 1.0, seed=task.seed)
        return labels, {"resolution": resolution or 1.0}
    return leiden.with_count(_graph(task), task.vectors, task.n_clusters, seed=task.seed)


def _hdbscan(task: Task) -> tuple[Labels, dict[str, Any]]:
    return density.hdbscan(_graph(task), **task.settings)


def _dbscan(task: Task) -> tuple[Labels, dict[str, Any]]:
    return density.dbscan(_graph(task), **task.settings)


METHODS = {
    "leiden": Method(_leiden, ("resolution",), needs_count=False, neighbors=leiden.NEIGHBORS),
    "kmeans": Method(_kmeans, ("n_init",)),
    "minibatch": Method(_minibatch, ("n_init",)),
    "agglomerative": Method(_agglomerative, (), neighbors=leiden.NEIGHBORS),
    "hdbscan": Method(_hdbscan, ("min_cluster_size", "min_samples"), counts=False, needs_count=False, neighbors=50),
    "dbscan": Method(_dbscan, ("eps", "min_samples"), counts=False, needs_count=False, neighbors=50),
}
