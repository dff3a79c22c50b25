"""How many clusters? Measures k-means for every number in a range and suggests one; the user decides."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from imagefinder.clusters.algorithms.partition import communities
from imagefinder.clusters.algorithms.scores import (
    Distances,
    calinski_harabasz,
    davies_bouldin,
    inertia_of,
    mean_and_error,
    silhouettes,
    with_error,
)
from imagefinder.errors import InvalidInputError
from imagefinder.types import OnProgress, Progress

if TYPE_CHECKING:
    import numpy.typing as npt

    from imagefinder.types import Float32
    from imagefinder.vectors.neighbors import NeighborGraph

    Labels = npt.NDArray[np.int32]

ITERATIONS = 8  # of k-means for each number; it starts from the centres of the number before, so few are enough


@dataclass(frozen=True, slots=True)
class CountScores:
    """k-means with ``n_clusters`` clusters. Larger is better for the silhouette (-1 to 1, with its standard error, from
    a sample) and Calinski-Harabasz; smaller for the inertia and Davies-Bouldin."""

    n_clusters: int
    inertia: float
    silhouette: float
    silhouette_error: float
    calinski_harabasz: float
    davies_bouldin: float


@dataclass(frozen=True, slots=True)
class Choice:
    """The measures for each number, what each of them speaks for, and the number suggested, with the reason."""

    scores: tuple[CountScores, ...]
    elbow: int
    best_silhouette: int
    communities: int
    suggested: int
    reason: str

    def to_dict(self) -> dict[str, Any]:
        rows = [{name: getattr(s, name) for name in CountScores.__dataclass_fields__} for s in self.scores]
        names = ("elbow", "best_silhouette", "communities", "suggested", "reason")
        return {**{name: getattr(self, name) for name in names}, "scores": rows}


def choose_k(
    vectors: Float32,
    graph: NeighborGraph,
    *,
    max_k: int = 100,
    seed: int = 0,
    progress: OnProgress | None = None,
) -> Choice:
    """Measure k-means on float32 (n, dim) vectors for 2 to ``max_k`` clusters.

    Each number starts from the solution of the one before, with the cluster of most inertia split in two (as in
    bisecting k-means, Steinbach et al. 2000) and then refined by Lloyd's iterations: the inertia is that of fresh
    k-means++ runs to about 1 % (benchmarks/clusters.py) at a fraction of the time. The elbow is Kneedle's (Satopää et
    al. 2011). Raises InvalidInputError for fewer than 3 images.
    """
    n = len(np.unique(vectors, axis=0))
    if max_k < 2:
        raise InvalidInputError(f"The largest number of clusters must be 2 or more, not {max_k}.")
    if n < 3:
        raise InvalidInputError(f"Choosing a number of clusters needs 3 different images at least; there are {n}.")
    top = min(max_k, n - 1)
    sample = Distances.sample(vectors, seed)
    total = inertia_of(vectors, np.zeros(len(vectors), np.int32), vectors.mean(axis=0, keepdims=True))
    scores = []
    for labels, centres in _growing(vectors, top, seed):
        k = len(centres)
        inertia = inertia_of(vectors, labels, centres)
        silhouette, error = mean_and_error(silhouettes(sample, labels), len(vectors))
        apart = calinski_harabasz(total, inertia, len(vectors), k)
        scores.append(CountScores(k, inertia, silhouette, error, apart, davies_bouldin(vectors, labels, centres)))
        if progress:
            progress(Progress("measuring", len(scores), top - 1))
    return _choice(tuple(scores), communities(graph, seed))


def _growing(vectors: Float32, top: int, seed: int) -> Iterator[tuple[Labels, Float32]]:
    from sklearn.cluster import KMeans

    centres, labels = vectors.mean(axis=0, keepdims=True), np.zeros(len(vectors), np.int32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of convergence on degenerate data
        while len(centres) < top:
            spread = np.square(vectors - centres[labels]).sum(axis=1)
            worst = int(np.bincount(labels, weights=spread, minlength=len(centres)).argmax())
            halves = KMeans(2, n_init=1, max_iter=2 * ITERATIONS, random_state=seed).fit(vectors[labels == worst])
            start = np.vstack([np.delete(centres, worst, axis=0), halves.cluster_centers_]).astype(np.float32)
            model = KMeans(len(start), init=start, n_init=1, max_iter=ITERATIONS, random_state=seed).fit(vectors)
            centres, labels = model.cluster_centers_, model.labels_
            yield labels, centres


def _choice(scores: tuple[CountScores, ...], found: int) -> Choice:
    ks = [s.n_clusters for s in scores]
    elbow = elbow_of(ks, [s.inertia for s in scores])
    best = max(scores, key=lambda s: s.silhouette)
    suggested = min(max(found, ks[0]), ks[-1])
    held = "" if suggested == found else f" (held to the range of {ks[0]} to {ks[-1]})"
    reason = (
        f"The neighbour graph falls into {found} communities{held}. For comparison: the silhouette is highest at "
        f"{best.n_clusters} ({with_error(best.silhouette, best.silhouette_error)}), and the inertia bends at {elbow}. "
        "More clusters are finer and purer, fewer are easier to look through."
    )
    return Choice(scores, elbow, best.n_clusters, found, suggested, reason)


def elbow_of(ks: list[int], inertia: list[float]) -> int:
    """Where a falling curve bends most (Kneedle): the number whose point lies farthest below the chord."""
    if len(ks) < 3:
        return ks[0]
    place = (np.asarray(ks, np.float64) - ks[0]) / (ks[-1] - ks[0])
    fall = np.asarray(inertia, np.float64)
    height = (fall - fall.min()) / max(float(np.ptp(fall)), 1e-12)
    return ks[int(np.argmax((1 - place) - height))]
