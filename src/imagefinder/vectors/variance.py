"""How much of the variance of the images a number of dimensions keeps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from imagefinder.errors import InvalidInputError
from imagefinder.vectors.moments import moments

if TYPE_CHECKING:
    from imagefinder.types import Float32

SHARES = (0.80, 0.90, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class PcaReport:
    """The principal components of a space's raw vectors, scaled to unit length as the search does.

    ``variance``, float64 (components,), is the share of the total variance along each component, the largest first.
    ``searched`` is the number of dimensions that are searched (None: all), and ``searched_variance`` the share of the
    variance that they keep.
    """

    images: int
    dim: int
    variance: npt.NDArray[np.float64] = field(repr=False)
    searched: int | None = None

    @property
    def cumulative(self) -> npt.NDArray[np.float64]:
        """float64 (components,): the share kept by the first, the first two, ..."""
        return np.cumsum(self.variance)

    def components_for(self, share: float) -> int:
        """The smallest number of components that keep this share of the variance; 0 if there is no variance."""
        if not self.variance.any():
            return 0
        return int(np.searchsorted(self.cumulative, share - 1e-12) + 1)

    @property
    def searched_variance(self) -> float | None:
        return None if self.searched is None else float(self.variance[: self.searched].sum())

    def to_dict(self) -> dict[str, Any]:
        return {
            "images": self.images,
            "dim": self.dim,
            "components_for": {f"{share:.0%}": self.components_for(share) for share in SHARES},
            "searched_components": self.searched,
            "searched_variance": None if self.searched_variance is None else round(self.searched_variance, 4),
            "variance": [round(float(v), 6) for v in self.variance],
        }


def pca_report(batches: Iterable[Float32], *, searched: int | None = None) -> PcaReport:
    """The report on float32 (n, dim) batches, in one pass and memory of dim squared.

    With n images there are at most n - 1 components. Raises InvalidInputError for fewer than two images.
    """
    found = moments(batches)
    count = found.count
    if count < 2:
        raise InvalidInputError(f"A PCA report needs two images or more; there {'is one' if count else 'are none'}.")
    values, _ = found.principal_axes()
    dim = len(values)
    values = values[: count - 1]
    whole = values.sum()
    if whole < 1e-9:  # rounding: the images are all the same
        values, whole = np.zeros_like(values), 1.0
    return PcaReport(count, dim, values / whole, searched)
