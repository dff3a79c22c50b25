"""How good a clustering is, by measures that need no labels; large collections are measured on a sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from imagefinder.types import Float32

    Labels = npt.NDArray[np.int32]

SAMPLE = 1000  # rows whose silhouette is computed, each against all others


@dataclass(frozen=True)
class Distances:
    """Euclidean distances of all n images to some ``rows`` (m,), float32 (n, m): made once, used many times."""

    rows: npt.NDArray[np.int64]
    values: Float32

    @classmethod
    def of(cls, vectors: Float32, rows: npt.NDArray[np.int64]) -> Distances:
        squares = np.einsum("ij,ij->i", vectors, vectors)
        near = squares[:, None] + squares[rows] - 2 * (vectors @ vectors[rows].T)
        near[rows, np.arange(len(rows))] = 0
        return cls(rows, np.sqrt(np.maximum(near, 0, out=near), out=near))

    @classmethod
    def sample(cls, vectors: Float32, seed: int, size: int = SAMPLE) -> Distances:
        """Of a random sample of the rows, all of them if there are no more."""
        n = len(vectors)
        rows = np.sort(np.random.default_rng(seed).choice(n, min(n, size), replace=False))
        return cls.of(vectors, rows)


def silhouettes(distances: Distances, labels: Labels) -> Float32:
    """The silhouette (Rousseeuw 1987) of each of the rows, float32 (m,), over all images that are in a cluster.

    A row alone in its cluster has 0, as in scikit-learn; one of noise (-1) has NaN.
    """
    from scipy.sparse import csr_matrix

    k = int(labels.max()) + 1
    member = np.flatnonzero(labels >= 0)
    table = csr_matrix((np.ones(len(member), np.float32), (member, labels[member])), shape=(len(labels), max(k, 1)))
    counts = np.bincount(labels[member], minlength=max(k, 1)).astype(np.float32)
    own = labels[distances.rows]
    result = np.full(len(own), np.nan, np.float32)
    valid = np.flatnonzero(own >= 0)
    if k < 2 or not len(valid):
        return result
    values = distances.values if len(valid) == len(own) else distances.values[:, valid]
    sums = np.asarray(table.T @ values).T
    here, mine = np.arange(len(valid)), own[valid]
    inside = sums[here, mine] / np.maximum(counts[mine] - 1, 1)
    outside = np.divide(sums, counts, out=np.full_like(sums, np.inf), where=counts > 0)
    outside[here, mine] = np.inf
    nearest = outside.min(axis=1)
    result[valid] = np.where(counts[mine] > 1, (nearest - inside) / np.maximum(np.maximum(inside, nearest), 1e-12), 0)
    return result


def mean_and_error(values: Float32, total: int) -> tuple[float, float]:
    """The mean of a sample out of ``total``, NaN left out, and its standard error (0 when the sample is everything)."""
    known = values[~np.isnan(values)].astype(np.float64)
    if len(known) < 2:
        return float(known.mean()) if len(known) else 0.0, 0.0
    left_out = max(0.0, 1 - len(values) / total)
    return float(known.mean()), float(known.std(ddof=1) / np.sqrt(len(known)) * np.sqrt(left_out))


def with_error(mean: float, error: float, digits: int = 3) -> str:
    """A mean with its error as people write it, the error left out where it does not show."""
    shown = f"{error:.{digits}f}"
    return f"{mean:.{digits}f} ± {shown}" if float(shown) > 0 else f"{mean:.{digits}f}"


def centres_of(vectors: Float32, labels: Labels) -> Float32:
    """The mean of each cluster, float32 (k, dim); labels are 0..k-1, noise (-1) counts nowhere."""
    from scipy.sparse import csr_matrix

    member = np.flatnonzero(labels >= 0)
    k = int(labels.max()) + 1 if len(member) else 0
    table = csr_matrix((np.ones(len(member), np.float32), (labels[member], member)), shape=(k, len(labels)))
    counts = np.bincount(labels[member], minlength=k).astype(np.float32)
    return np.asarray((table @ vectors) / np.maximum(counts, 1)[:, None], dtype=np.float32)


def to_centres(vectors: Float32, centres: Float32) -> Float32:
    """Euclidean distances float32 (n, k) of vectors (n, dim) to centres (k, dim)."""
    near = np.einsum("ij,ij->i", vectors, vectors)[:, None] + np.einsum("ij,ij->i", centres, centres)
    near -= 2 * (vectors @ centres.T)
    return np.asarray(np.sqrt(np.maximum(near, 0)), dtype=np.float32)


def inertia_of(vectors: Float32, labels: Labels, centres: Float32) -> float:
    """The sum of squared distances of the images to the centre of their cluster, noise left out."""
    member = labels >= 0
    rows = vectors[member]
    return float(np.square(rows - centres[labels[member]]).sum(dtype=np.float64)) if len(rows) else 0.0


def calinski_harabasz(total: float, inertia: float, n: int, k: int) -> float:
    """Calinski and Harabasz 1974, from the inertia with one cluster (``total``) and that with ``k``."""
    return (total - inertia) / (k - 1) / max(inertia / max(n - k, 1), 1e-12) if k > 1 else 0.0


def davies_bouldin(vectors: Float32, labels: Labels, centres: Float32) -> float:
    """Davies and Bouldin 1979: how much neighbouring clusters overlap; smaller is better."""
    member = np.flatnonzero(labels >= 0)
    spread = np.linalg.norm(vectors[member] - centres[labels[member]], axis=1)
    counts = np.bincount(labels[member], minlength=len(centres))
    mean = np.bincount(labels[member], weights=spread, minlength=len(centres)) / np.maximum(counts, 1)
    apart = to_centres(centres, centres).astype(np.float64)
    np.fill_diagonal(apart, np.inf)
    ratio = (mean[:, None] + mean) / np.maximum(apart, 1e-12)
    return float(ratio.max(axis=1).mean()) if len(centres) > 1 else 0.0
