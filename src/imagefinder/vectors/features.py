"""Features for clustering: raw vectors of a model, reduced and scaled as asked, as plain arrays."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from imagefinder.errors import InvalidInputError
from imagefinder.vectors.moments import TINY, moments, unit

if TYPE_CHECKING:
    from imagefinder.types import Float32
    from imagefinder.vectors.transform import LinearTransform


@dataclass(frozen=True, slots=True)
class Features:
    """Turns raw vectors, float32 (n, dim_in), into features (n, dim_out): scale to unit length, subtract ``mean``,
    multiply with ``axes``, scale to unit length again, divide by ``scale``. Parts that are None are left out."""

    mean: Float32 | None = None
    axes: Float32 | None = None
    scale: Float32 | None = None

    def apply(self, raw: Float32) -> Float32:
        rows = raw
        if self.mean is not None:
            rows = unit(rows) - self.mean
            rows = unit(rows if self.axes is None else rows @ self.axes)
        if self.scale is not None:
            rows = rows / self.scale
        return np.ascontiguousarray(rows, dtype=np.float32)

    def arrays(self) -> dict[str, Float32]:
        """Those parts that are not None, by name. ``from_arrays`` makes the same features from them."""
        parts = {"mean": self.mean, "axes": self.axes, "scale": self.scale}
        return {name: array for name, array in parts.items() if array is not None}

    @classmethod
    def from_arrays(cls, arrays: dict[str, Float32]) -> Self:
        return cls(**{name: arrays[name] for name in ("mean", "axes", "scale") if name in arrays})


def make_features(
    text: str, scale: str, transform: LinearTransform, batches: Callable[[], Iterable[Float32]]
) -> Features:
    """Features from their description. What they need is fitted on ``batches`` of raw vectors (n, dim).

    ``text`` is "default" (the vectors that the index searches: centred, PCA to 256), "raw" (as the model gives them),
    "pca:N" (centred, the N directions of most variance) or "pca:0.X" (as many directions as keep that share of the
    variance). ``scale`` is "none", or "standard" for a variance of 1 in every dimension.
    """
    if text == "default":
        features = Features(transform.mean, transform.axes)
    elif text == "raw":
        features = Features()
    elif match := re.fullmatch(r"pca:(\d+|0?\.\d+)", text):
        features = _pca(match[1], batches)
    else:
        raise InvalidInputError(f"There are no features {text!r}.", remedy="Use default, raw, pca:256 or pca:0.95.")
    if scale not in ("none", "standard"):
        raise InvalidInputError(f"There is no scale {scale!r}; there are none and standard.")
    return features if scale == "none" else replace(features, scale=_deviation(features, batches()))


def _pca(wanted: str, batches: Callable[[], Iterable[Float32]]) -> Features:
    found = moments(batches())
    n, mean = found.count, found.mean.astype(np.float32)
    if not n:
        raise InvalidInputError("There are no images to fit a reduction on.")
    variances, axes = found.principal_axes()
    most = min(n - 1, len(mean))
    if "." in wanted:
        share = np.cumsum(variances) / max(float(variances.sum()), TINY)
        dim = min(int(np.searchsorted(share, float(wanted) - 1e-9)) + 1, max(most, 1))
    else:
        dim = int(wanted)
        if not 1 <= dim <= most:
            raise InvalidInputError(
                f"A reduction to {dim} dimensions was asked for; {n} images of {len(mean)} dimensions have {most}.",
                remedy=f"Ask for pca:{max(most, 1)} or fewer, or for a share such as pca:0.95.",
            )
    return Features(mean, np.ascontiguousarray(axes[:, :dim], dtype=np.float32))


def _deviation(features: Features, batches: Iterable[Float32]) -> Float32:
    count, total, squares = 0, 0.0, 0.0
    for batch in batches:
        rows = features.apply(batch).astype(np.float64)
        count, total, squares = count + len(rows), total + rows.sum(axis=0), squares + (rows**2).sum(axis=0)
    variance = squares / max(count, 1) - (total / max(count, 1)) ** 2
    deviation = np.sqrt(np.maximum(variance, 0)).astype(np.float32)
    return np.where(deviation > 1e-6, deviation, np.float32(1))
