"""k-means by partial sums: each part of the vectors gives sums, counts and inertia, which are added in a fixed order.

It is scikit-learn's ``KMeans`` (Lloyd 1982 with k-means++ starts, Arthur and Vassilvitskii 2007): the same starts, the
same rule to stop and the same answer to clusters that become empty, on vectors that may lie on other machines. Above
``SEEDED`` vectors the starts are chosen from a sample.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from imagefinder._util.threads import one_blas_thread
from imagefinder.vectors.shards import SHARD, Shards, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from imagefinder.types import Float32

    Float64 = npt.NDArray[np.float64]
    Labels = npt.NDArray[np.int32]

SEEDED, PER_CLUSTER = 50_000, 20  # vectors that starts are chosen from: so many, or so many a cluster
ITERATIONS, TOLERANCE = 300, 1e-4
REFINED = 25  # iterations over all vectors from the centres of a sample: more lower the inertia by less than .1 %
GROUPS = 1024  # sums that come to this process in an iteration, at most
BLOCK_BYTES = 16 * 1024**2  # of distances to centres held at once


@dataclass(frozen=True, slots=True)
class Means:
    """A result: ``centres`` float32 (k, dim), ``labels`` int32 (n,), the sum of squared distances to the centres, and
    how many iterations it took."""

    centres: Float32
    labels: Labels
    inertia: float
    iterations: int


class Sums(NamedTuple):
    """Of the rows of some parts: the ``sums`` float64 (k, dim) of those nearest to each centre, their ``counts`` int64
    (k,), and the ``inertia``."""

    sums: Float64
    counts: npt.NDArray[np.int64]
    inertia: float


def kmeans(vectors: Float32 | Shards, n_clusters: int, *, n_init: int = 3, seed: int = 0) -> Means:
    """The best of ``n_init`` runs. ``vectors`` are float32 (n, dim), or shards of them: then their runner does the
    work, and this process holds the labels, the centres and the sample for the starts. Where there is such a sample, it
    alone is run over several times, and then all vectors from its best centres. ``n_clusters`` is at most the number of
    different vectors."""
    from sklearn.cluster import kmeans_plusplus

    shards = Shards.of(vectors)
    with one_blas_thread():
        mean, variance = spread(shards)
        rows, random = _seeding(len(shards), n_clusters, seed), np.random.RandomState(seed)
        some, tolerance = shards.all() if rows is None else shards[rows], TOLERANCE * float(variance.mean())
        tried, centred = shards if rows is None else Shards.of(some), some - mean
        best: Means | None = None
        for _ in range(n_init):
            starts, _ = kmeans_plusplus(centred, n_clusters, random_state=random)
            found = lloyd(tried, starts + mean, tolerance=tolerance)
            if best is None or found.inertia < best.inertia:
                best = found
        assert best is not None
        return best if rows is None else lloyd(shards, best.centres, tolerance=tolerance, iterations=REFINED)


def lloyd(shards: Shards, centres: Float32, *, tolerance: float = 0.0, iterations: int = ITERATIONS) -> Means:
    """Lloyd's iterations from ``centres``, float32 (k, dim), until these move by less than ``tolerance`` together (the
    sum of squares), or not at all."""
    done, shift = 0, np.inf
    while done < iterations and shift > tolerance:
        added = _added(shards, centres)
        if not added.counts.all():
            added = _refilled(shards, centres, added)
        moved = (added.sums / np.maximum(added.counts, 1)[:, None]).astype(np.float32)
        shift = float(np.square(moved - centres).sum(dtype=np.float64))
        done, centres = done + 1, moved
    found = list(shards.map(assign, centres))
    labels = np.concatenate([part for part, _ in found])
    return Means(centres, labels, float(sum(inertia for _, inertia in found)), done)


def spread(shards: Shards) -> tuple[Float32, Float64]:
    """The mean float32 (dim,) and the variance float64 (dim,) of the vectors."""
    total, squares = np.zeros(shards.dim), np.zeros(shards.dim)
    for some, squared in shards.map(_moments):
        total, squares = total + some, squares + squared
    mean = total / len(shards)
    return mean.astype(np.float32), np.maximum(squares / len(shards) - mean**2, 0)


def _moments(part: Any) -> tuple[Float64, Float64]:
    rows = rows_of(part).astype(np.float64)
    return rows.sum(axis=0), np.square(rows).sum(axis=0)


def _seeding(n: int, n_clusters: int, seed: int) -> npt.NDArray[np.int64] | None:
    """The rows to choose starts from, ascending; None for all."""
    wanted = max(SEEDED, PER_CLUSTER * n_clusters)
    return None if wanted >= n else np.sort(np.random.default_rng(seed).choice(n, wanted, replace=False))


# --- sums -------------------------------------------------------------------------------------------------------------


def _added(shards: Shards, centres: Float32) -> Sums:
    """The sums of all parts. Those of a group are added where they are made, so that few come here; the groups depend
    on the number of vectors alone, and so does the order of the additions."""
    step = -(-len(shards.parts) // GROUPS)
    shared = shards.runner.put(centres)
    groups = (shards.parts[a : a + step] for a in range(0, len(shards.parts), step))
    found = shards.runner.map(partial_sums, ((shared, *group) for group in groups))
    return _total(found)


def partial_sums(centres: Float32, *parts: Any) -> Sums:
    """The sums of some parts, in order. ``centres`` float32 (k, dim)."""
    return _total(_sums_of(rows_of(part), centres) for part in parts)


def _total(some: Iterator[Sums]) -> Sums:
    first = next(some)
    sums, counts, inertia = first.sums.copy(), first.counts.copy(), first.inertia
    for further in some:
        sums += further.sums
        counts += further.counts
        inertia += further.inertia
    return Sums(sums, counts, inertia)


def _sums_of(rows: Float32, centres: Float32) -> Sums:
    from scipy.sparse import csr_matrix

    labels, squares = _nearest(rows, centres)
    ones = np.ones(len(rows))
    table = csr_matrix((ones, (labels, np.arange(len(rows)))), shape=(len(centres), len(rows)))
    return Sums(table @ rows, np.bincount(labels, minlength=len(centres)), float(squares.sum(dtype=np.float64)))


def assign(part: Any, centres: Float32) -> tuple[Labels, float]:
    """The nearest centre of each row, int32 (rows,), of equally near ones the first, and the inertia of the part."""
    labels, squares = _nearest(rows_of(part), centres)
    return labels, float(squares.sum(dtype=np.float64))


def _nearest(rows: Float32, centres: Float32) -> tuple[Labels, Float32]:
    """Which centre is nearest to each row, int32 (rows,), and the squared distances float32 (rows,), which are of the
    differences, not of the product, so that they are exact near 0."""
    labels = np.empty(len(rows), np.int32)
    middle = centres.mean(axis=0)  # seen from there, large common parts don't drown small differences
    centred = centres - middle
    doubled, own = -2 * centred.T, np.einsum("ij,ij->i", centred, centred)
    step = max(1, BLOCK_BYTES // (4 * len(centres)))
    for a in range(0, len(rows), step):
        near = (rows[a : a + step] - middle) @ doubled
        near += own
        labels[a : a + step] = near.argmin(axis=1)
    away = rows - centres[labels]
    return labels, np.einsum("ij,ij->i", away, away)


# --- clusters that become empty ---------------------------------------------------------------------------------------


def _refilled(shards: Shards, centres: Float32, added: Sums) -> Sums:
    """With each empty cluster given the row that lies farthest from its centre, which leaves its cluster: one after the
    other, as in scikit-learn. Of equally far rows the first is taken."""
    empty = np.flatnonzero(added.counts == 0)
    far: list[tuple[float, int, int, Float32]] = []
    for number, some in enumerate(shards.map(_farthest, centres, len(empty))):
        far += [(-square, number * SHARD + row, label, vector) for square, row, label, vector in some]
    sums, counts = added.sums.copy(), added.counts.copy()
    for cluster, (_, _, label, vector) in zip(empty.tolist(), sorted(far, key=lambda f: f[:2]), strict=False):
        if counts[label] > 1:
            sums[label] -= vector
            counts[label] -= 1
            sums[cluster], counts[cluster] = vector, 1
    kept = counts == 0
    sums[kept] = centres[kept]  # what can't be filled stays where it is
    return Sums(sums, counts, added.inertia)


def _farthest(part: Any, centres: Float32, wanted: int) -> list[tuple[float, int, int, Float32]]:
    """The rows farthest from their centres: squared distance, row, label, vector."""
    rows = rows_of(part)
    labels, squares = _nearest(rows, centres)
    chosen = np.argsort(-squares, kind="stable")[:wanted]
    return [(float(squares[i]), int(i), int(labels[i]), rows[i]) for i in chosen.tolist()]
