"""Measures of one ranking: how early the right images come in it.

All of them follow from the ranks of the right images, so a ranking need not be kept to be measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from imagefinder.types import Float32

KS = (1, 5, 10)
GAINED = 10  # hits that nDCG looks at
MEASURES = (
    *(f"hit@{k}" for k in KS),
    *(f"recall@{k}" for k in KS),
    *(f"precision@{k}" for k in KS),
    "mAP",
    "MAP@R",
    f"nDCG@{GAINED}",
)
ABOUT = {
    "hit": "share of queries with a right image among the first k hits: recall@k, where one image is right",
    "recall": "share of a query's right images among its first k hits",
    "precision": "share of the first k hits that are right",
    "mAP": "mean over a query's right images of the precision at the rank of each; 0 for one that is not found",
    "MAP@R": "the same within the first R hits, R being the number of right images (Musgrave et al. 2020)",
    "nDCG": "how near the first k hits come to the best order of all, graded images counted by their grade "
    "(Järvelin and Kekäläinen 2002)",
}

Ranks = npt.NDArray[np.int64]
Rows = npt.NDArray[np.float64]


def measure(ranks: Ranks, grades: Sequence[float] | Rows, right: Sequence[float] | Rows) -> Rows:
    """The ``MEASURES`` of one query, float64 (len(MEASURES),), each from 0 to 1.

    ``ranks`` are those of the right images that were found, from 1 on and ascending, and ``grades`` how right each of
    them is, above 0. ``right`` are the grades of all right images, found or not, one at least.
    """
    count, nth = len(right), np.arange(1, len(ranks) + 1)
    precision = nth / ranks
    first = [int(np.searchsorted(ranks, k, side="right")) for k in KS]
    ideal = np.sort(np.asarray(right, np.float64))[::-1][:GAINED]
    best = float((ideal / np.log2(np.arange(2, len(ideal) + 2))).sum())
    early = ranks <= GAINED
    gained = float((np.asarray(grades, np.float64)[early] / np.log2(ranks[early] + 1)).sum())
    return np.array(
        [
            *(float(n > 0) for n in first),
            *(n / count for n in first),
            *(n / k for n, k in zip(first, KS, strict=True)),
            precision.sum() / count,
            average_precision(ranks, count),
            gained / best,
        ]
    )


def average_precision(ranks: Ranks, depth: int) -> float:
    """The average precision at ``depth``: the precisions at the ranks up to it, divided by it."""
    within = ranks[ranks <= depth]
    return float((np.arange(1, len(within) + 1) / within).sum() / depth)


def ranks_among(scores: Float32, ascending: Float32, right: npt.NDArray[np.intp]) -> Ranks:
    """The ranks of the images ``right`` (places in ``scores``, float32 (n,)), from 1 on and ascending. ``ascending``
    are the same scores, sorted. Of images with equal scores the wrong ones come first, so that scores that tell nothing
    apart find nothing."""
    own = np.sort(scores[right])
    falling = own[::-1]
    all_before = len(ascending) - np.searchsorted(ascending, falling, side="left")
    right_before = len(own) - np.searchsorted(own, falling, side="left")
    return np.asarray(all_before - right_before + np.arange(1, len(own) + 1), np.int64)
