"""How well a space finds images of the same class, and the images that a text describes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from imagefinder.errors import InvalidInputError
from imagefinder.evaluation.measures import MEASURES, Rows, average_precision, measure, ranks_among
from imagefinder.types import OnProgress, Progress, ignore

if TYPE_CHECKING:
    from imagefinder.types import Float32

CUT = 100  # the largest R of ``map_at_r``
BLOCK = 256  # queries ranked at once


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
    ranked = rank_labels(vectors, labels)
    return label_scores(len(labels), ranked)


class RankedLabels(NamedTuple):
    """How well the others of its class are found by each image that is not alone in its class: the places of these
    images, their ``MEASURES`` float64 (queries, measures), and their average precision at R, R at most ``CUT``."""

    queries: npt.NDArray[np.intp]
    rows: Rows
    capped: Rows
    classes: int


def rank_labels(vectors: Float32, labels: Sequence[str], progress: OnProgress = ignore) -> RankedLabels:
    """Rank all images by each that has others of its class, leaving itself out. No ranking is kept, so the memory that
    is needed is that of ``BLOCK`` rows of scores. Raises InvalidInputError when the lengths differ or no class has two
    images."""
    if len(vectors) != len(labels):
        raise InvalidInputError(f"There are {len(vectors)} vectors and {len(labels)} labels.")
    names, classes = np.unique(np.asarray(labels, dtype=str), return_inverse=True)
    members = np.split(np.argsort(classes, kind="stable"), np.cumsum(np.bincount(classes, minlength=len(names)))[:-1])
    queries = np.flatnonzero(np.array([len(some) for some in members])[classes] > 1)
    if not len(queries):
        raise InvalidInputError("No label stands at two images or more.", remedy="Check the column of labels.")
    rows, capped = np.zeros((len(queries), len(MEASURES))), np.zeros(len(queries))
    for start in range(0, len(queries), BLOCK):
        progress(Progress("ranking", start, len(queries)))
        asking = queries[start : start + BLOCK]
        scores = vectors[asking] @ vectors.T
        scores[np.arange(len(asking)), asking] = -np.inf
        ascending = np.sort(scores, axis=1)
        for i, query in enumerate(asking):
            others = members[classes[query]]
            others = others[others != query]
            ranks, right = ranks_among(scores[i], ascending[i], others), np.ones(len(others))
            rows[start + i] = measure(ranks, right, right)
            capped[start + i] = average_precision(ranks, min(len(others), CUT))
    return RankedLabels(queries, rows, capped, len(names))


def label_scores(images: int, ranked: RankedLabels) -> LabelScores:
    """The two measures that trained models are compared by."""
    first = ranked.rows[:, MEASURES.index("hit@1")].mean()
    return LabelScores(
        images, ranked.classes, len(ranked.queries), round(float(first), 4), round(float(ranked.capped.mean()), 4)
    )


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
