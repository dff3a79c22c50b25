"""Communities of the neighbour graph, by the Leiden algorithm (Traag, Waltman and van Eck 2019)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from imagefinder.clusters.algorithms import NEIGHBORS

if TYPE_CHECKING:
    import numpy.typing as npt

    from imagefinder.types import Float32
    from imagefinder.vectors.neighbors import NeighborGraph

    Labels = npt.NDArray[np.int32]

RANDOMNESS = 0.001
STEPS = 14  # of the search for a resolution


def leiden(graph: NeighborGraph, *, resolution: float = 1.0, seed: int = 0) -> Labels:
    """Labels int32 (n,): the communities of greatest modularity. A higher ``resolution`` gives more of them.

    Two images are linked where either is among the ``NEIGHBORS`` nearest of the other; every link weighs the same.
    """
    return _run(_links(graph), resolution, seed)


def with_count(
    graph: NeighborGraph, vectors: Float32, n_clusters: int, *, seed: int = 0
) -> tuple[Labels, dict[str, Any]]:
    """Exactly ``n_clusters`` clusters, of at most as many as there are images: the resolution that gives as many
    communities or the fewest above that, then those whose joining adds least to the variance (Ward) are joined."""
    links, n = _links(graph), len(graph)
    low, high, resolution = 0.0, 1.0, 1.0
    labels = _run(links, resolution, seed)
    while labels.max() + 1 < n_clusters and resolution <= links.nnz:
        low, resolution, high = resolution, resolution * 4, resolution * 4
        labels = _run(links, resolution, seed)
    if labels.max() + 1 < n_clusters:  # above that no two images gain by being together
        labels = np.arange(n, dtype=np.int32)
    for _ in range(STEPS):
        if labels.max() + 1 == n_clusters:
            break
        middle = (low + high) / 2
        trial = _run(links, middle, seed)
        if trial.max() + 1 < n_clusters:
            low = middle
        else:
            high, resolution, labels = middle, middle, trial
    return join(vectors, labels, n_clusters), {"resolution": round(resolution, 6)}


def join(vectors: Float32, labels: Labels, n_clusters: int) -> Labels:
    """Join clusters, two at a time, until ``n_clusters`` are left; each time the two that raise the variance least.

    Joining never makes a third cluster cheaper to join (Bruynooghe 1978), so what a cluster's cheapest joining once
    cost is a lower bound, looked at again only when it is the least of all.
    """
    order = np.argsort(labels, kind="stable")
    counts = np.bincount(labels).astype(np.float64)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)
    centres = np.add.reduceat(vectors[order], starts, dtype=np.float64) / counts[:, None]
    squares, owner = np.square(centres).sum(axis=1), np.arange(len(counts))

    def cheapest(a: int) -> tuple[int, float]:
        cost = np.maximum(squares[a] + squares - 2 * (centres @ centres[a]), 0)
        cost = np.where(counts > 0, cost * counts[a] * counts / (counts[a] + counts), np.inf)
        cost[a] = np.inf
        b = int(cost.argmin())
        return b, float(cost[b])

    least = np.array([cheapest(a)[1] for a in range(len(counts))])
    left = len(counts)
    while left > n_clusters:
        a = int(least.argmin())
        b, cost = cheapest(a)
        if cost > least[a]:
            least[a] = cost
            continue
        centres[a] = (counts[a] * centres[a] + counts[b] * centres[b]) / (counts[a] + counts[b])
        squares[a] = np.square(centres[a]).sum()
        counts[a], counts[b], least[b] = counts[a] + counts[b], 0, np.inf
        owner[owner == b] = a
        left -= 1
    return np.unique(owner[labels], return_inverse=True)[1].astype(np.int32)


def _links(graph: NeighborGraph) -> Any:
    """A symmetric scipy CSR matrix (n, n) with 1 for each link."""
    links = graph.first(NEIGHBORS).to_sparse().astype(np.float64)
    links.data[:] = 1
    links = links.maximum(links.T).tocsr()
    links.sort_indices()
    return links


def _run(links: Any, resolution: float, seed: int) -> Labels:
    from graspologic_native import leiden_csr

    n = links.shape[0]
    _, found = leiden_csr(
        links.indptr.astype(np.int64),
        links.indices.astype(np.int32, copy=False),
        links.data,
        n,
        resolution=resolution,
        randomness=RANDOMNESS,
        iterations=2,
        use_modularity=True,
        seed=seed,
        trials=1,
    )
    labels = np.fromiter((found[i] for i in range(n)), np.int64, n)
    return np.unique(labels, return_inverse=True)[1].astype(np.int32)
