"""Measures of a ranking: worked by hand, and against scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, ndcg_score

from imagefinder.evaluation.measures import MEASURES, average_precision, measure, ranks_among


def measured(ranks: list[int], grades: list[float], right: list[float]) -> dict[str, float]:
    row = measure(np.array(ranks, np.int64), grades, right)
    return dict(zip(MEASURES, row.tolist(), strict=True))


def test_by_hand() -> None:
    """Four right images; three are found, at the ranks 1, 3 and 6."""
    found = measured([1, 3, 6], [1, 1, 1], [1, 1, 1, 1])
    ideal = 1 + 1 / math.log2(3) + 1 / 2 + 1 / math.log2(5)
    assert found == pytest.approx(
        {
            "hit@1": 1, "hit@5": 1, "hit@10": 1,
            "recall@1": 1 / 4, "recall@5": 2 / 4, "recall@10": 3 / 4,
            "precision@1": 1, "precision@5": 2 / 5, "precision@10": 3 / 10,
            "mAP": (1 / 1 + 2 / 3 + 3 / 6) / 4,
            "MAP@R": (1 / 1 + 2 / 3) / 4,
            "nDCG@10": (1 + 1 / 2 + 1 / math.log2(7)) / ideal,
        }
    )  # fmt: skip


def test_grades_count_in_ndcg_only() -> None:
    """The image of grade 1 comes before that of grade 3."""
    found = measured([1, 2], [1, 3], [3, 1])
    assert found["nDCG@10"] == pytest.approx((1 + 3 / math.log2(3)) / (3 + 1 / math.log2(3)))
    assert found["mAP"] == found["MAP@R"] == 1


def test_nothing_found_is_nothing() -> None:
    assert set(measured([], [], [1, 1]).values()) == {0.0}
    assert set(measured([11], [1], [1]).values()) == {0.0, 1 / 11}


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 60), st.integers(0, 10_000))
def test_as_scikit_learn_has_it(n: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    scores = random.permutation(n).astype(np.float32)
    grades = random.integers(0, 4, n).astype(np.float64)
    grades[random.integers(n)] = 2  # one is right at least
    right = np.flatnonzero(grades)
    ranks = ranks_among(scores, np.sort(scores), right)
    falling = right[np.argsort(-scores[right])]
    row = dict(zip(MEASURES, measure(ranks, grades[falling], grades[right]), strict=True))
    assert row["mAP"] == pytest.approx(average_precision_score(grades > 0, scores))
    if n > 1:
        assert row["nDCG@10"] == pytest.approx(ndcg_score([grades], [scores], k=10))
    first = np.argsort(-scores)[:5]
    assert row["recall@5"] == pytest.approx((grades[first] > 0).sum() / len(right))
    assert row["precision@5"] == pytest.approx((grades[first] > 0).sum() / 5)
    assert average_precision(ranks, len(right)) == pytest.approx(row["MAP@R"])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=30))
def test_of_equal_scores_the_wrong_ones_come_first(rows: list[tuple[int, bool]]) -> None:
    scores = np.array([score for score, _ in rows], np.float32)
    right = np.flatnonzero([is_right for _, is_right in rows])
    ordered = sorted(range(len(rows)), key=lambda i: (-rows[i][0], rows[i][1]))
    ranks = [rank for rank, i in enumerate(ordered, 1) if rows[i][1]]
    assert ranks_among(scores, np.sort(scores), right).tolist() == ranks
