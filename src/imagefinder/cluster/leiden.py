"""Communities of the neighbour graph, by the Leiden algorithm (Traag, Waltman and van Eck 2019)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from imagefinder.reduce.neighbors import NeighborGraph
    from imagefinder.types import Float32

    Labels = npt.NDArray[np.int32]

NEIGHBORS = 15  # links of an image; of 10, 15 and 30 the best on labelled sets (benchmarks/clusters.py)
RANDOMNESS = 0.001
STEPS = 14  # of the search for a resolution


def leiden(graph: NeighborGraph, *, resolution: float = 1.0, seed: int = 0) -> Labels:
    """Labels int32 (n,): the communities of greatest modularity. A higher ``resolution`` gives more of them.

    Two images are linked where either is among the ``NEIGHBORS`` nearest of the other; every link weighs the same.
    """
    return _run(_links(graph), len(graph), resolution, seed)


def with_count(
    graph: NeighborGraph, vectors: Float32, n_clusters: int, *, seed: int = 0
) -> tuple[Labels, dict[str, Any]]:
    """Exactly ``n_clusters`` clusters: the resolution that gives as many communities or the fewest above that, then
    those whose joining adds least to the variance (Ward) are joined."""
    links, n = _links(graph), len(graph)
    low, high, resolution = 0.0, 1.0, 1.0
    labels = _run(links, n, resolution, seed)
    while labels.max() + 1 < n_clusters:
        low, resolution, high = resolution, resolution * 4, resolution * 4
        labels = _run(links, n, resolution, seed)
    for _ in range(STEPS):
        if labels.max() + 1 == n_clusters:
            break
        middle = (low + high) / 2
        trial = _run(links, n, middle, seed)
        if trial.max() + 1 < n_clusters:
            low = middle
        else:
            high, resolution, labels = middle, middle, trial
    return join(vectors, labels, n_clusters), {"resolution": round(resolution, 6)}


def join(vectors: Float32, labels: Labels, n_clusters: int) -> Labels:
    """Join clusters, two at a time, until ``n_clusters`` are left; each time the two that raise the variance least."""
    counts = np.bincount(labels).astype(np.float64)
    centres = np.stack([vectors[labels == c].mean(axis=0, dtype=np.float64) for c in range(len(counts))])
    owner = np.arange(len(counts))
    while (counts > 0).sum() > n_clusters:
        squares = (centres**2).sum(axis=1)
        cost = np.maximum(squares[:, None] + squares - 2 * centres @ centres.T, 0)
        weight = counts[:, None] * counts / np.maximum(counts[:, None] + counts, 1)
        cost = np.where((counts[:, None] > 0) & (counts > 0), cost * weight, np.inf)
        np.fill_diagonal(cost, np.inf)
        a, b = np.unravel_index(cost.argmin(), cost.shape)
        centres[a] = (counts[a] * centres[a] + counts[b] * centres[b]) / (counts[a] + counts[b])
        counts[a], counts[b] = counts[a] + counts[b], 0
        owner[owner == b] = a
    return np.unique(owner[labels], return_inverse=True)[1].astype(np.int32)


def _links(graph: NeighborGraph) -> list[tuple[str, str, float]]:
    near = graph.first(NEIGHBORS).indices
    rows = np.repeat(np.arange(len(near), dtype=np.int32), near.shape[1])
    pairs = np.sort(np.stack([rows, near.ravel()], axis=1), axis=1)
    return [(str(a), str(b), 1.0) for a, b in np.unique(pairs, axis=0).tolist()]


def _run(links: list[tuple[str, str, float]], n: int, resolution: float, seed: int) -> Labels:
    from graspologic_native import leiden as native

    _, found = native(
        edges=links,
        starting_communities=None,
        resolution=resolution,
        randomness=RANDOMNESS,
        iterations=2,
        use_modularity=True,
        seed=seed,
        trials=1,
    )
    return np.unique([found[str(i)] for i in range(n)], return_inverse=True)[1].astype(np.int32)
