"""The k-nearest-neighbour graph: computed once, used by clustering, maps, duplicates and outliers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from imagefinder.errors import InvalidInputError

if TYPE_CHECKING:
    import numpy.typing as npt

    from imagefinder.types import Float32

BLOCK_BYTES = 64 * 1024**2  # of similarities held at once


@dataclass(frozen=True, slots=True)
class NeighborGraph:
    """The nearest neighbours of each row, nearest first, without the row itself.

    ``indices`` is int32 (n, k), ``distances`` float32 (n, k): Euclidean distances, which between unit vectors are
    sqrt(2 - 2 cosine).
    """

    indices: npt.NDArray[np.int32]
    distances: Float32

    @property
    def k(self) -> int:
        return int(self.indices.shape[1])

    def __len__(self) -> int:
        return int(self.indices.shape[0])

    def first(self, k: int) -> NeighborGraph:
        """The graph with only the ``k`` nearest neighbours."""
        return NeighborGraph(self.indices[:, :k], self.distances[:, :k])

    def to_sparse(self) -> Any:
        """A scipy CSR matrix (n, n) of the distances."""
        from scipy.sparse import csr_matrix

        n, k = self.indices.shape
        starts = np.arange(0, n * k + 1, k)
        return csr_matrix((self.distances.ravel(), self.indices.ravel(), starts), shape=(n, n))


def knn_graph(vectors: Float32, k: int, *, queries: Float32 | None = None) -> NeighborGraph:
    """The exact ``k`` nearest rows of ``vectors``, float32 (n, dim), for each row, or for each of ``queries`` (m, dim).

    They are compared in blocks: besides vectors and result, this needs memory for twice ``BLOCK_BYTES``. ``k`` is
    lowered to the number of possible neighbours: n - 1, or n for queries.
    """
    rows = vectors if queries is None else queries
    if vectors.ndim != 2 or rows.ndim != 2 or vectors.shape[1] != rows.shape[1]:
        raise InvalidInputError(f"Vectors must have the shape (n, dim), got {vectors.shape} and {rows.shape}.")
    n = len(vectors)
    k = min(k, n if queries is not None else n - 1)
    if k < 1:
        raise InvalidInputError(f"Neighbours need at least two images, and k of 1 or more; there are {n}.")
    squares = np.einsum("ij,ij->i", vectors, vectors)
    indices, distances = np.empty((len(rows), k), np.int32), np.empty((len(rows), k), np.float32)
    step = max(1, BLOCK_BYTES // (4 * n))
    for start in range(0, len(rows), step):
        block = slice(start, start + step)
        near = squares - 2 * (rows[block] @ vectors.T)  # less the row's own square, which changes no order
        if queries is None:
            here = np.arange(len(near))
            near[here, start + here] = np.inf
        indices[block], distances[block] = _nearest(near, k)
        own = np.einsum("ij,ij->i", rows[block], rows[block])[:, None]
        distances[block] = np.sqrt(np.maximum(distances[block] + own, 0))
    return NeighborGraph(indices, distances)


def _nearest(values: Float32, k: int) -> tuple[npt.NDArray[np.int32], Float32]:
    """Columns and values of the ``k`` smallest values of each row, in ascending order. Of equal values the first column
    comes first."""
    if k < values.shape[1]:
        found = np.sort(np.argpartition(values, k - 1, axis=1)[:, :k], axis=1)
    else:
        found = np.broadcast_to(np.arange(values.shape[1]), values.shape)
    least = np.take_along_axis(values, found, axis=1)
    order = np.argsort(least, axis=1, kind="stable")
    return np.take_along_axis(found, order, axis=1).astype(np.int32), np.take_along_axis(least, order, axis=1)
