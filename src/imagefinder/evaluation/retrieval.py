"""How well a space finds images of the same class, and the images that a text describes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from imagefinder.errors import InvalidInputError

if TYPE_CHECKING:
    from imagefinder.types import Float32

CUT = 100  # ranks looked at
BLOCK = 1024  # queries ranked at once


@dataclass(frozen=True, slots=True)
class LabelScores:
    """Leave-one-out retrieval: every image whose class has at least two images is a query for the others of its class.

    ``recall_at_1``: the share of queries whose nearest neighbour has the same label. ``map_at_r``: mean average
    precision at R (Musgrave et al. 2020, "A Metric Learning Reality Check"), where R is the number of other images of
    the class, at most 100.
    """

    images: int
    classes: int
    queries: int
    recall_at_1: float
    map_at_r: float

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class WordScores:
    """The share of texts with a right image among the first 1, 5 and 10. A text may have several right images."""

    images: int
    texts: int
    recall_at_1: float
    recall_at_5: float
    recall_at_10: float

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def score_labels(vectors: Float32, labels: Sequence[str]) -> LabelScores:
    """Scores of ``vectors``, float32 (n, dim) with rows of unit length, one label each.

    Raises InvalidInputError when the lengths differ or no class has two images.
    """
    if len(vectors) != len(labels):
        raise InvalidInputError(f"There are {len(vectors)} vectors and {len(labels)} labels.")
    names, classes = np.unique(np.asarray(labels, dtype=str), return_inverse=True)
    sizes = np.bincount(classes, minlength=len(names))
    queries = np.flatnonzero(sizes[classes] > 1)
    if not len(queries):
        raise InvalidInputError("No label stands at two images or more.", remedy="Check the column of labels.")
    first, average = 0.0, 0.0
    for rows, ranked in _ranked(vectors, queries):
        right = classes[ranked] == classes[rows][:, None]
        first += right[:, 0].sum()
        average += _average_precision(right, np.minimum(sizes[classes[rows]] - 1, CUT)).sum()
    n = len(queries)
    return LabelScores(len(vectors), len(names), n, round(first / n, 4), round(average / n, 4))


def _average_precision(right: npt.NDArray[np.bool_], r: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """AP@R of each row of ``right`` (queries, ranks), where ``r`` (queries,) is the number of relevant images."""
    ranks = np.arange(1, right.shape[1] + 1)
    counted = right & (ranks <= r[:, None])
    precision = np.cumsum(counted, axis=1) / ranks
    return np.asarray((precision * counted).sum(axis=1) / r)


def _ranked(
    vectors: Float32, queries: npt.NDArray[np.intp]
) -> Iterator[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """Blocks of queries, and for each query the rows nearest to it, the best first, without the query itself."""
    keep = min(CUT, len(vectors) - 1)
    for start in range(0, len(queries), BLOCK):
        rows = queries[start : start + BLOCK]
        scores = vectors[rows] @ vectors.T
        scores[np.arange(len(rows)), rows] = -np.inf
        yield rows, np.argsort(-scores, axis=1, kind="stable")[:, :keep]


def score_words(texts: Float32, images: Float32, right: Sequence[Sequence[int]]) -> WordScores:
    """Scores of ``texts`` float32 (m, dim) against ``images`` float32 (n, dim), all rows of unit length.

    ``right`` gives for each text the rows of the images it describes. Raises InvalidInputError.
    """
    if len(texts) != len(right) or not all(right):
        raise InvalidInputError("Each text needs at least one image that it describes.")
    ranks = np.concatenate(
        [_best_ranks(texts[i : i + BLOCK] @ images.T, right[i : i + BLOCK]) for i in range(0, len(texts), BLOCK)]
    )
    shares = [round(float((ranks < k).mean()), 4) for k in (1, 5, 10)]
    return WordScores(len(images), len(texts), *shares)


def _best_ranks(scores: Float32, right: Sequence[Sequence[int]]) -> npt.NDArray[np.int64]:
    """For each row, how many images score higher than the best right one. Images with equal scores count as higher."""
    best = np.array([row[list(rows)].max() for row, rows in zip(scores, right, strict=True)])
    hits = np.array([(row[list(rows)] >= b).sum() for row, rows, b in zip(scores, right, best, strict=True)])
    return np.asarray((scores >= best[:, None]).sum(axis=1) - hits)
