"""Which pairs of images are worth comparing: near each other by vector, or by perceptual hash in any orientation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from imagefinder.duplicates.matching.hashes import apart, differing_bits, orientations
from imagefinder.types import OnProgress, Progress, ignore
from imagefinder.vectors.neighbors import NeighborGraph, knn_graph
from imagefinder.vectors.shards import Shards

if TYPE_CHECKING:
    import numpy.typing as npt

    from imagefinder._util.runner import Runner
    from imagefinder.types import Float32

# Measured by benchmarks/duplicates.py: vectors find every edit but large turns, hashes find those.
BY_VECTOR, LEAST_COSINE = 6, 0.4
BY_HASH, MOST_BITS = 4, 8.0
BLOCK = 10_000  # pairs whose vectors are held at once
SEARCHED = [0, 1, 2, 3, 4, 5, 7]  # one quarter turn finds the pairs of the other, its inverse


def candidates(
    vectors: Float32,
    hashes: npt.NDArray[np.int8],
    graph: NeighborGraph | None = None,
    progress: OnProgress = ignore,
    runner: Runner | None = None,
) -> tuple[npt.NDArray[np.int32], Float32]:
    """Pairs of rows int32 (m, 2), each once and the lesser first, and the cosines of their vectors float32 (m,).

    ``vectors`` are float32 (n, dim), rows of unit length; ``hashes`` int8 (n, 63) from ``perceptual_hash``, rows of
    zeros where there is none; ``graph`` holds the neighbours of the vectors if they are known already. ``progress`` is
    told of each search; ``runner`` does them, by default in threads. Of many images nearly all such pairs are found:
    see ``knn_graph``.
    """
    if len(vectors) < 2:
        return np.zeros((0, 2), np.int32), np.zeros(0, np.float32)

    def search(done: int) -> OnProgress:  # whatever it tells of, it can be stopped there
        return lambda now: progress(Progress("finding candidates", done, 1 + len(SEARCHED)))

    graph = graph.first(BY_VECTOR) if graph else knn_graph(Shards.of(vectors, runner), BY_VECTOR)
    found = [_edges(graph, graph.distances <= np.sqrt(2 - 2 * LEAST_COSINE))]
    progress(Progress("finding candidates", 1, 1 + len(SEARCHED)))
    known = np.flatnonzero(hashes.any(axis=1))
    if len(known) > 1:
        signs = Shards.of(hashes[known].astype(np.float32), runner)
        for i, turned in enumerate(orientations(hashes[known])[SEARCHED]):
            queries = None if i == 0 else turned.astype(np.float32)
            near = knn_graph(signs, BY_HASH, queries=queries, within=apart(MOST_BITS), progress=search(1 + i))
            found.append(known[_edges(near, differing_bits(near.distances) <= MOST_BITS)])
            progress(Progress("finding candidates", 2 + i, 1 + len(SEARCHED)))
    every = np.concatenate(found)
    every = np.sort(every[every[:, 0] != every[:, 1]], axis=1)
    pairs: npt.NDArray[np.int32] = np.unique(every, axis=0).astype(np.int32)
    return pairs, _cosines(vectors, pairs)


def _cosines(vectors: Float32, pairs: npt.NDArray[np.int32]) -> Float32:
    blocks = (pairs[a : a + BLOCK] for a in range(0, len(pairs), BLOCK))
    some = [np.einsum("ij,ij->i", vectors[block[:, 0]], vectors[block[:, 1]]) for block in blocks]
    return np.concatenate([np.zeros(0, np.float32), *some])


def _edges(graph: NeighborGraph, kept: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    rows, columns = np.nonzero(kept)
    return np.stack([rows, graph.indices[rows, columns].astype(np.intp)], axis=1)


def near_in_order(pairs: npt.NDArray[np.int32], n: int) -> npt.NDArray[np.intp]:
    """An order of the pairs in which the same images come up close together, so that a small cache serves them.

    Reverse Cuthill-McKee (Cuthill and McKee 1969) numbers the images so that neighbours get near numbers.
    """
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import reverse_cuthill_mckee

    if len(pairs) == 0:
        return np.zeros(0, np.intp)
    graph = csr_matrix((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    number = np.empty(n, np.intp)
    number[reverse_cuthill_mckee(graph + graph.T, symmetric_mode=True)] = np.arange(n)
    least, most = np.sort(number[pairs], axis=1).T
    return np.lexsort((least, most))
