"""The linear transform from a model's vectors to those that are searched: centring, and PCA if there are enough
images."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

import numpy as np

from imagefinder._util.files import write_whole
from imagefinder._util.places import Place, opened
from imagefinder.errors import IndexDamagedError, InvalidInputError
from imagefinder.vectors.moments import moments, unit

if TYPE_CHECKING:
    from imagefinder.types import Float32

PRIOR_WEIGHT = 32.0  # how many images the model's prior mean counts for against the collection's own


@dataclass(frozen=True, slots=True)
class LinearTransform:
    """Subtract ``mean`` (dim_in,), project on ``axes`` (dim_in, dim_out) if there are any, scale to unit length."""

    mean: Float32
    axes: Float32 | None = None

    @property
    def dim_out(self) -> int:
        return int(self.mean.shape[0] if self.axes is None else self.axes.shape[1])

    @classmethod
    def fit(
        cls, batches: Iterable[Float32], *, kind: Literal["pca", "center", "none"], prior_mean: Float32, dim: int = 256
    ) -> Self:
        """Fit on float32 (n, dim_in) batches, in one pass. Needs memory for a (dim_in, dim_in) matrix.

        "center" subtracts the mean. "pca" also keeps the ``dim`` directions of most variance (Pearson 1901), if there
        are at least ``2 * dim`` images. The mean of a few images says little about the next image, so it is shrunk
        towards ``prior_mean``, which counts as ``PRIOR_WEIGHT`` images. The same rows in the same order give the same
        transform. "none" reads no batch and leaves the vectors as they are: in a space for both images and text,
        centring the images would change which image is nearest to a text.
        """
        if kind == "none":
            return cls(np.zeros_like(prior_mean, dtype=np.float32))
        if kind not in ("pca", "center"):
            raise InvalidInputError(f"There is no transform {kind!r}; there are pca, center and none.")
        found = moments(batches, shift=prior_mean.astype(np.float64), scatter=kind == "pca")
        mean = (found.shift + found.total / (found.count + PRIOR_WEIGHT)).astype(np.float32)
        if kind == "center" or found.count < 2 * dim:
            return cls(mean)
        return cls(mean, np.ascontiguousarray(found.principal_axes()[1][:, :dim], dtype=np.float32))

    def apply(self, vectors: Float32, *, centre: bool = True) -> Float32:
        """float32 (n, dim_in) to float32 (n, dim_out), rows of unit length; a row that becomes zero stays zero.

        ``centre=False`` is for other vectors in the same space, such as those of texts, whose mean is not that of the
        images.
        """
        rows = unit(vectors, len(self.mean))
        if centre:
            rows = rows - self.mean
        return unit(rows if self.axes is None else rows @ self.axes)

    def save(self, path: Place) -> None:
        """Write an NPZ; a crash leaves the old file or the new one. Raises StorageError."""
        arrays = {"mean": self.mean} if self.axes is None else {"mean": self.mean, "axes": self.axes}
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)  # type: ignore[arg-type]
        write_whole(path, buffer.getvalue())

    @classmethod
    def load(cls, path: Place) -> Self:
        """Read what ``save`` wrote. Raises IndexDamagedError."""
        try:
            with opened(path) as held, np.load(held, allow_pickle=False) as file:  # np.load leaks a bad file
                mean, axes = file["mean"], file["axes"] if "axes" in file.files else None
            if mean.ndim != 1 or (axes is not None and axes.shape[0] != mean.shape[0]):
                raise ValueError(f"shapes {mean.shape} and {None if axes is None else axes.shape}")
        except Exception as error:  # zipfile, zlib and NumPy each raise their own on damaged files
            raise IndexDamagedError(
                f"{path} is missing or damaged: {error}.", remedy="Run: imagefinder index --rebuild"
            ) from error
        return cls(mean, axes)
