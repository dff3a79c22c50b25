"""Which images are like none of those that were clustered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from imagefinder._util.threads import one_blas_thread
from imagefinder.vectors.moments import TINY, unit

if TYPE_CHECKING:
    import numpy.typing as npt

    from imagefinder.types import Float32

    Rows = npt.NDArray[np.int64]

LEAST = 30  # images that show what is usual; of fewer, nobody can say
SAMPLED, PER_CLUSTER, MOST = 1200, 12, 6000  # images looked at: so many, or so many a cluster, but never more
FOLDS = 4
USUAL = 0.96  # of the clustered images, seen as new ones, that are no strangers
WITHIN, AXES = 256, 64  # directions of the spread within clusters, and of the whole collection
NAMES = ("mean", "axes", "centres", "within", "weights", "scale", "limit")


@dataclass(frozen=True, slots=True)
class Strangers:
    """Tells strangers by raw vectors of the model. A stranger scores higher than 96 % of the clustered images did when
    each quarter of them was compared with the other three.

    The score adds two measures, each less its mean and divided by its deviation over those images (``scale``, (2, 2)):

    - the Mahalanobis distance to the nearest of the ``centres`` (k, dim), by the spread that the clusters share (Lee
      et al. 2018), with Ledoit-Wolf shrinkage: ``weights`` (r + 1,) along the directions ``within`` (dim, r) and
      across all others (probabilistic PCA, Tipping and Bishop 1999);
    - the share of the vector, seen from the ``mean`` (dim,), that lies outside the main ``axes`` (dim, q) of the
      collection (ViM, Wang et al. 2022).
    """

    mean: Float32
    axes: Float32
    centres: Float32
    within: Float32
    weights: Float32
    scale: Float32
    limit: Float32

    @classmethod
    def learn(cls, raw: Float32, labels: npt.NDArray[np.int32], seed: int = 0) -> Self | None:
        """From raw vectors float32 (n, dim) of some of the images, and their clusters; noise (-1) is left out. None
        where there are too few images to say what is usual."""
        inside = labels >= 0
        rows, dense = unit(raw[inside]), np.unique(labels[inside], return_inverse=True)[1]
        if len(rows) < LEAST:
            return None
        folds = np.random.default_rng(seed).permutation(len(rows)) % FOLDS
        measured = np.empty((len(rows), 2), np.float32)
        for fold in range(FOLDS):
            rest = folds != fold
            measured[~rest] = cls._shaped(rows[rest], np.unique(dense[rest], return_inverse=True)[1])._measures(
                rows[~rest]
            )
        scale = np.stack([measured.mean(axis=0), np.maximum(measured.std(axis=0), 1e-6)])
        made = cls._shaped(rows, dense, scale.astype(np.float32))
        limit = np.quantile(made._added(measured), USUAL)
        return replace(made, limit=np.array([limit], np.float32))

    @classmethod
    def _shaped(cls, rows: Float32, labels: Rows, scale: Float32 | None = None) -> Self:
        centres = np.stack([rows[labels == label].mean(axis=0) for label in range(labels.max() + 1)])
        within, weights = _spread(rows - centres[labels], WITHIN)
        mean = rows.mean(axis=0)
        few = min(AXES, len(rows) // 4, rows.shape[1] // 4)
        axes = _directions(rows - mean, few)[0]
        none = np.zeros((2, 2), np.float32) if scale is None else scale
        return cls(_kept(mean), _kept(axes), _kept(centres), _kept(within), weights, none, np.zeros(1, np.float32))

    def strange(self, raw: Float32) -> npt.NDArray[np.bool_]:
        """Whether each raw vector float32 (n, dim) is that of a stranger, bool (n,)."""
        return np.asarray(self._added(self._measures(unit(raw))) > self.limit[0], np.bool_)

    def _added(self, measures: Float32) -> Float32:
        """The score float32 (n,) of two measures float32 (n, 2); one that does not vary counts for nothing."""
        varies = self.scale[1] > 1e-5
        return np.asarray(((measures - self.scale[0]) / self.scale[1] * varies).sum(axis=1), np.float32)

    def _measures(self, rows: Float32) -> Float32:
        along, across = self.weights[:-1], self.weights[-1]
        inner, inner_centres = rows @ self.within, self.centres @ self.within
        part = _squares(inner, inner_centres)
        whole = _squares(rows, self.centres)
        away = _squares(inner * np.sqrt(along), inner_centres * np.sqrt(along)) + np.maximum(whole - part, 0) * across
        seen = rows - self.mean
        length = (seen**2).sum(axis=1)
        outside = np.maximum(length - ((seen @ self.axes) ** 2).sum(axis=1), 0)
        return np.stack([np.sqrt(away.min(axis=1)), np.sqrt(outside / np.maximum(length, TINY))], axis=1)

    def arrays(self) -> dict[str, np.ndarray]:
        """Its parts by name; ``from_arrays`` makes the same of them."""
        small = ("mean", "axes", "centres", "within")
        return {n: getattr(self, n).astype(np.float16) if n in small else getattr(self, n) for n in NAMES}

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> Self | None:
        """None where they are missing, as in what older versions made."""
        if any(name not in arrays for name in NAMES):
            return None
        return cls(**{name: arrays[name].astype(np.float32) for name in NAMES})


def _kept(part: Float32) -> Float32:
    """As it is read again: it is kept in half the precision."""
    return part.astype(np.float16).astype(np.float32)


def sampled(n: int, n_clusters: int, seed: int = 0) -> Rows:
    """The rows of so many images, ascending, that ``learn`` needs."""
    wanted = min(n, MOST, max(SAMPLED, PER_CLUSTER * n_clusters))
    return np.sort(np.random.default_rng(seed).choice(n, wanted, replace=False))


def _squares(rows: Float32, others: Float32) -> Float32:
    """The squared distances float32 (n, k)."""
    near = (rows**2).sum(axis=1)[:, None] - 2 * rows @ others.T + (others**2).sum(axis=1)
    return np.asarray(np.maximum(near, 0), np.float32)


def _directions(rows: Float32, count: int) -> tuple[Float32, npt.NDArray[np.float64]]:
    """The directions of most variance (dim, count) of rows whose mean is 0, and their variances (count,)."""
    from scipy.linalg import eigh

    n, dim = rows.shape
    count = min(count, n, dim)
    if not count:
        return np.zeros((dim, 0), np.float32), np.zeros(0)
    product = rows @ rows.T if n < dim else rows.T @ rows
    with one_blas_thread():  # .05 s for 1,100 rows; with two it took .2 to 9: see moments.eigen
        values, vectors = eigh(product, subset_by_index=(len(product) - count, len(product) - 1))
    values = np.maximum(values, 0)
    if n < dim:
        vectors = rows.T @ vectors / np.sqrt(np.maximum(values, TINY))
        vectors[:, values < TINY] = 0
    return np.ascontiguousarray(vectors[:, ::-1], dtype=np.float32), values[::-1] / n


def _spread(rows: Float32, count: int) -> tuple[Float32, Float32]:
    """The directions (dim, count) of most spread of rows whose mean is 0, and what a square counts along each and
    across all others (count + 1,): one by the variance there, shrunk towards the mean variance by as much as Ledoit and
    Wolf (2004) found best."""
    from sklearn.covariance import ledoit_wolf_shrinkage

    dim = rows.shape[1]
    axes, variances = _directions(rows, count)
    mean = max(float((rows.astype(np.float64) ** 2).mean()), TINY)
    shrinkage = float(ledoit_wolf_shrinkage(rows, assume_centered=True))
    rest = max(dim * mean - float(variances.sum()), 0) / max(dim - len(variances), 1)
    shrunk = (1 - shrinkage) * np.append(variances, rest) + shrinkage * mean
    return axes, (1 / np.maximum(shrunk, TINY)).astype(np.float32)
