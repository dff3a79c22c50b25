"""Mean and covariance of vectors, and the directions of most variance, in one pass over batches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from imagefinder._util.threads import one_blas_thread
from imagefinder.errors import InvalidInputError

if TYPE_CHECKING:
    import numpy.typing as npt

    from imagefinder.types import Float32

    Float64 = npt.NDArray[np.float64]

TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums over ``count`` rows of unit length, from which ``shift``, float64 (dim,), was subtracted: ``total`` (dim,),
    and ``scatter`` (dim, dim), the sum of their outer products, or None if it was not asked for."""

    count: int
    shift: Float64
    total: Float64
    scatter: Float64 | None

    @property
    def mean(self) -> Float64:
        """float64 (dim,); the shift where there are no rows."""
        return self.shift + self.total / max(self.count, 1)

    def principal_axes(self) -> tuple[Float64, Float64]:
        """PCA (Pearson 1901): variances float64 (dim,) and directions (dim, dim), most variance first. The largest
        part of each direction is positive, so that the same rows give the same."""
        if self.scatter is None:
            raise ValueError("The moments were taken without the scatter.")
        covariance = (self.scatter - np.outer(self.total, self.total) / max(self.count, 1)) / max(self.count - 1, 1)
        variances, axes = eigen(covariance)
        axes = axes[:, ::-1]
        signs = np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
        return np.maximum(variances[::-1], 0), axes * signs


def moments(batches: Iterable[Float32], *, shift: Float64 | None = None, scatter: bool = True) -> Moments:
    """The moments of the rows of float32 (n, dim) batches, scaled to unit length. Needs memory for a (dim, dim) matrix.

    ``shift`` is subtracted first, by default the mean of the first batch, because with a large mean small differences
    would be lost in rounding. Raises InvalidInputError for rows whose length is not that of the shift.
    """
    count, total, products = 0, np.zeros(0), np.zeros((0, 0))
    for batch in batches:
        rows = unit(batch, None if shift is None else len(shift)).astype(np.float64)
        if shift is None:
            shift = rows.mean(axis=0)
        if not count:
            total, products = np.zeros(len(shift)), np.zeros((len(shift),) * 2 if scatter else 0)
        rows -= shift
        count += len(rows)
        total += rows.sum(axis=0)
        if scatter:
            products += rows.T @ rows
    shift = np.zeros(0) if shift is None else shift
    total = total if count else np.zeros(len(shift))
    return Moments(count, shift, total, products if scatter else None)


def unit(rows: Float32, dim: int | None = None) -> Float32:
    """Rows scaled to unit length; a row of zeros stays as it is. Raises InvalidInputError if the rows don't have
    ``dim`` elements."""
    if dim is not None and (rows.ndim != 2 or rows.shape[1] != dim):
        raise InvalidInputError(f"Vectors must have the shape (n, {dim}), got {rows.shape}.")
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), TINY), dtype=np.float32)


def eigen(symmetric: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The eigenvalues, ascending, and the eigenvectors as columns, by NumPy on one thread: those of OpenBLAS wait for
    each other in busy loops, and take four to six times as long for 1,280 rows."""
    with one_blas_thread():
        return np.linalg.eigh(symmetric)
