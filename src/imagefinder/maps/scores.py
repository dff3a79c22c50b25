"""How well a map shows which images are similar."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from imagefinder.errors import InvalidInputError

if TYPE_CHECKING:
    from imagefinder.types import Float32

BLOCK_BYTES = 128 * 1024**2  # of distances held at once
ROWS = 8192  # of points looked at at once


@dataclass(frozen=True, slots=True)
class MapScores:
    """Measured on ``sample`` images of the map, with ``k`` neighbours each; 1 is perfect.

    ``trustworthiness`` (Venna and Kaski 2001) is lower when images that are not similar are near each other on the map.
    ``neighbors_kept`` is the share of the k most similar images that are also among the k nearest on the map.
    """

    k: int
    sample: int
    trustworthiness: float
    neighbors_kept: float

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def score_map(vectors: Float32, coordinates: Float32, *, k: int = 10, sample: int = 2000, seed: int = 0) -> MapScores:
    """Compare ``coordinates``, float32 (n, 2), with their ``vectors``, float32 (n, dim).

    ``k`` is lowered to less than half of the images. Raises InvalidInputError for fewer than three.
    """
    n = len(vectors)
    if n < 3 or len(coordinates) != n:
        raise InvalidInputError(f"A map's scores need three images or more, each with its place; there are {n}.")
    k = min(k, (n - 1) // 2)
    rows = np.arange(n) if n <= sample else np.sort(np.random.default_rng(seed).choice(n, sample, replace=False))
    intruded, kept = 0.0, 0
    step = max(1, BLOCK_BYTES // (4 * n))
    there, flat_there = _Centred.of(vectors), _Centred.of(coordinates)
    for start in range(0, len(rows), step):
        block = rows[start : start + step]
        far, flat = there.distances(block), flat_there.distances(block)
        beside = np.argpartition(flat, k - 1, axis=1)[:, :k]
        ranks = _ranks(far, beside)
        intruded += np.maximum(ranks - k, 0).sum()
        kept += int((ranks <= k).sum())
    worst = k * (2 * n - 3 * k - 1) / 2
    m = len(rows)
    return MapScores(k, m, round(float(1 - intruded / (m * worst)), 4), round(kept / (m * k), 4))


class _Centred(NamedTuple):
    """Points about their ``mean``, so that no common offset swamps small differences, and the ``squares`` float32 (n,)
    of their lengths."""

    points: Float32
    mean: Float32
    squares: Float32

    @classmethod
    def of(cls, points: Float32) -> Self:
        mean = points.mean(axis=0, dtype=np.float64).astype(np.float32)
        blocks = (points[a : a + ROWS] - mean for a in range(0, len(points), ROWS))
        return cls(points, mean, np.concatenate([np.einsum("ij,ij->i", block, block) for block in blocks]))

    def distances(self, rows: npt.NDArray[np.intp]) -> Float32:
        """Squared distances of some rows from all rows, float32 (len(rows), n). The distance of a row from itself is
        infinite."""
        doubled = 2 * (self.points[rows] - self.mean)
        distances = self.squares + self.squares[rows, None]
        for a in range(0, len(self.points), ROWS):  # never a second copy of all points
            distances[:, a : a + ROWS] -= doubled @ (self.points[a : a + ROWS] - self.mean).T
        distances[np.arange(len(rows)), rows] = np.inf
        return distances


def _ranks(distances: npt.NDArray[np.float32], columns: npt.NDArray[np.intp]) -> npt.NDArray[np.int64]:
    """The rank of each row's ``columns`` by distance, from 1. Equal distances get the best of their ranks."""
    chosen = np.take_along_axis(distances, columns, axis=1)
    ranks = [(distances < chosen[:, i, None]).sum(axis=1) + 1 for i in range(columns.shape[1])]
    return np.stack(ranks, axis=1)
