"""Which colour stands for which value of a field."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from imagefinder.plots.style import BLUE, PALETTE

if TYPE_CHECKING:
    import numpy.typing as npt

    from imagefinder.types import Float32

NONE_COLOUR = "#d4d6da"  # of no cluster, no value
CLUSTER_FIELDS = ("cluster", "label")  # whole numbers that name things instead of counting them
NO_CLUSTER = -1
# matplotlib's viridis at sixteenths, without its palest end: even to every eye, and readable on white.
RAMP = ("#440154", "#482475", "#414487", "#355f8d", "#2a788e", "#21918c", "#22a884", "#44bf70", "#7ad151", "#bddf26")


@dataclass(frozen=True, slots=True)
class Category:
    """One value of a field: its ``label``, colour and how many images have it. ``named`` is False for "no value"."""

    label: str
    colour: str
    count: int
    named: bool = True


@dataclass(frozen=True, slots=True)
class Colouring:
    """The colours of n points by the field ``name``.

    By category: ``codes`` int (n,) point into ``categories``: clusters by number, words from the most frequent to the
    rarest, "no value" last. By number: ``numbers`` float (n,), NaN for no value, and no categories.
    """

    name: str
    categories: tuple[Category, ...] = ()
    codes: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64), repr=False)
    numbers: npt.NDArray[np.float64] | None = field(default=None, repr=False)

    @property
    def limits(self) -> tuple[float, float]:
        """The numbers at the ends of the ramp: the 1st and 99th percentile, so that one giant doesn't dull the rest."""
        known = np.zeros(1) if self.numbers is None else self.numbers[np.isfinite(self.numbers)]
        low, high = np.percentile(known, [1, 99]) if len(known) else (0.0, 0.0)
        return float(low), float(high)


def colour_by(values: Sequence[Any], name: str) -> Colouring:
    """Choose the colours for the ``values`` of the field ``name``; None stands for no value.

    Numbers get a ramp, but in a field that holds clusters; all else are categories. A list counts as its first
    element. Clusters keep their order, so that a cluster has its colour on every map.
    """
    flat = [v[0] if isinstance(v, (list, tuple)) and v else v for v in values]
    flat = [None if isinstance(v, (str, list, tuple)) and not v else v for v in flat]
    known = [v for v in flat if v is not None]
    numeric = bool(known) and all(isinstance(v, Real) and not isinstance(v, bool) for v in known)
    if numeric and name not in CLUSTER_FIELDS:
        return Colouring(name, numbers=np.array([np.nan if v is None else v for v in flat], np.float64))
    return _categories([None if name in CLUSTER_FIELDS and v == NO_CLUSTER else v for v in flat], name, numeric)


def _categories(values: Sequence[Any], name: str, numeric: bool) -> Colouring:
    counts = Counter(v if numeric or v is None else str(v) for v in values)
    missing = counts.pop(None, 0)
    order = sorted(counts) if numeric else sorted(counts, key=lambda v: (-counts[v], v))
    categories = [Category(_text(v), PALETTE[i % len(PALETTE)], counts[v]) for i, v in enumerate(order)]
    if len(categories) == 1:
        categories = [Category(categories[0].label, BLUE, categories[0].count)]
    if missing:
        words = "no cluster" if name in CLUSTER_FIELDS else "no value"
        categories.append(Category(words, NONE_COLOUR, missing, named=False))
    codes = {v: i for i, v in enumerate(order)}
    where = [codes.get(v if numeric or v is None else str(v), len(order)) for v in values]
    return Colouring(name, tuple(categories), np.array(where, np.int64))


def _text(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def name_places(coordinates: Float32, colouring: Colouring) -> Float32:
    """Where the name of each category belongs, float32 (categories, 2): at a point of it, where it is dense.

    The median of two groups lies between them, so it is taken again of the half nearest to it, three times over.
    """
    spots = np.zeros((len(colouring.categories), 2), np.float32)
    for code in range(len(spots)):
        own = coordinates[colouring.codes == code]
        for _ in range(3):
            nearest = np.linalg.norm(own - np.median(own, axis=0), axis=1).argsort(kind="stable")
            own = own[nearest[: (len(own) + 1) // 2]]
        spots[code] = own[0]
    return spots
