"""Clusters as dense regions, with noise between them, on the neighbour graph alone: memory grows with n."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from imagefinder.errors import InvalidInputError

if TYPE_CHECKING:
    import numpy.typing as npt

    from imagefinder.vectors.neighbors import NeighborGraph

    Labels = npt.NDArray[np.int32]

MIN_SAMPLES = 5
TRIED = np.arange(0.05, 1, 0.05)  # quantiles
TINY = 1e-6  # instead of 0 between identical images, which a sparse matrix would take for no link


def hdbscan(
    graph: NeighborGraph, *, min_cluster_size: int | None = None, min_samples: int = MIN_SAMPLES
) -> tuple[Labels, dict[str, Any]]:
    """HDBSCAN (Campello, Moulavi and Sander 2013) with each image linked to its neighbours in the graph only.

    ``min_cluster_size`` is by default a 200th of the images, 5 at least if there are so many. Labels int32 (n,), -1 is
    noise.
    """
    from sklearn.cluster import HDBSCAN

    n = len(graph)
    size = min_cluster_size or min(n, max(5, n // 200))
    _check(min_samples=min_samples, min_cluster_size=size)
    if size < 2 or size > n:
        raise InvalidInputError(f"min_cluster_size must lie between 2 and the {n} images, not {size}.")
    samples = min(min_samples, graph.k)
    model = HDBSCAN(min_cluster_size=size, min_samples=samples, metric="precomputed", copy=True)
    return model.fit(_connected(graph)).labels_, {"min_cluster_size": size, "min_samples": samples}


def dbscan(
    graph: NeighborGraph, *, eps: float | None = None, min_samples: int = MIN_SAMPLES
) -> tuple[Labels, dict[str, Any]]:
    """DBSCAN (Ester et al. 1996) on the links of the graph that are no longer than ``eps``.

    Without ``eps``, the distances to the neighbour number ``min_samples`` are tried at every twentieth of the images,
    and the one taken that leaves most images in clusters other than the largest: neither all noise nor one heap.
    Labels int32 (n,), -1 for noise.
    """
    from sklearn.cluster import DBSCAN

    _check(min_samples=min_samples)
    if eps is not None and eps <= 0:
        raise InvalidInputError(f"eps must be more than 0, not {eps:g}.")
    samples = min(min_samples, graph.k)
    links = graph.to_sparse()
    links.data = np.maximum(links.data, TINY)
    links = links.maximum(links.T).tocsr()
    tried = [eps] if eps else sorted({float(e) for e in np.quantile(graph.distances[:, samples - 1], TRIED)})
    runs = [(DBSCAN(eps=max(e, TINY), min_samples=samples, metric="precomputed").fit(links).labels_, e) for e in tried]
    labels, eps = max(runs, key=lambda run: _in_smaller(run[0]))
    return labels, {"eps": round(eps, 6), "min_samples": samples}


def _in_smaller(labels: Labels) -> int:
    """How many images lie in clusters other than the largest."""
    sizes = np.bincount(labels[labels >= 0])
    return int(sizes.sum() - sizes.max(initial=0))


def _connected(graph: NeighborGraph) -> Any:
    """The symmetric graph as a sparse matrix, its parts tied together by links longer than any other."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    links = graph.to_sparse()
    links.data = np.maximum(links.data, TINY)
    links = links.maximum(links.T)
    count, part = connected_components(links, directed=False)
    if count == 1:
        return links.tocsr()
    first = np.unique(part, return_index=True)[1]
    far = np.full(count - 1, 2 * float(links.data.max()))
    ties = csr_matrix((far, (first[:-1], first[1:])), shape=links.shape)
    return links.maximum(ties).maximum(ties.T).tocsr()


def _check(**counts: int) -> None:
    for name, value in counts.items():
        if value < 1:
            raise InvalidInputError(f"{name} must be 1 or more, not {value}.")
