"""Clusters of clusters: a tree over the centres that can be cut at any level."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from imagefinder.errors import InvalidInputError

if TYPE_CHECKING:
    import numpy.typing as npt

    from imagefinder.types import Float32


def tree_of(centres: Float32) -> npt.NDArray[np.float64]:
    """Average linkage by cosine (Sokal and Michener 1958) over centres float32 (k, dim), as SciPy writes it: float64
    (k - 1, 4) with the two joined, their distance, and the number of clusters in the union."""
    if len(centres) < 2:
        return np.zeros((0, 4))
    from scipy.cluster.hierarchy import linkage

    lengths = np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-12)
    return np.asarray(linkage((centres / lengths).astype(np.float64), method="average", metric="euclidean"))


def cut(tree: npt.NDArray[np.float64], n: int) -> npt.NDArray[np.int32]:
    """The group 0..n-1 of each cluster, int32 (k,), when the tree is cut into ``n`` groups."""
    k = len(tree) + 1
    if not 1 <= n <= k:
        raise InvalidInputError(f"A tree of {k} clusters can be cut into 1 to {k} groups, not {n}.")
    from scipy.cluster.hierarchy import cut_tree

    if k == 1:
        return np.zeros(1, np.int32)
    found = cut_tree(tree, n_clusters=n).ravel()
    return np.unique(found, return_inverse=True)[1].astype(np.int32)


def reading_order(tree: npt.NDArray[np.float64]) -> list[int]:
    """The clusters in an order that puts like beside like: the leaves of the tree from left to right."""
    if not len(tree):
        return [0]
    from scipy.cluster.hierarchy import leaves_list

    return [int(leaf) for leaf in leaves_list(tree)]
