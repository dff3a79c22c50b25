"""Intervals and paired tests, against SciPy and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from imagefinder.evaluation.chance import intervals, p_values
from imagefinder.evaluation.comparison import compare
from imagefinder.evaluation.measures import MEASURES


def test_intervals_are_those_of_scipy() -> None:
    rows = np.random.default_rng(1).beta(2, 5, (300, 2))
    found = intervals(rows, seed=3)
    for column, interval in zip(rows.T, found, strict=True):
        oracle = stats.bootstrap(
            (column,), np.mean, method="percentile", n_resamples=4000, rng=np.random.default_rng(5)
        ).confidence_interval
        assert interval.mean == pytest.approx(column.mean())
        assert interval.low == pytest.approx(oracle.low, abs=0.004)
        assert interval.high == pytest.approx(oracle.high, abs=0.004)
    assert intervals(rows, seed=3) == found != intervals(rows, seed=4)


def test_columns_are_resampled_by_the_same_queries() -> None:
    """The difference of two columns that always differ by .1 has no width."""
    column = np.random.default_rng(2).random(50)
    (gap,) = intervals((column + 0.1 - column)[:, None])
    assert gap.low == pytest.approx(0.1) and gap.high == pytest.approx(0.1)
    a, b = intervals(np.stack([column, column + 0.1], axis=1))
    assert (b.low - a.low, b.high - a.high) == pytest.approx((0.1, 0.1))


def test_few_queries_are_shuffled_in_all_ways() -> None:
    """Of the 8 signs of three equal differences two give a mean as far from 0; of -1, 2, 3 four do: +-4 and +-6."""
    found = p_values(np.array([[1.0, -1.0], [1.0, 2.0], [1.0, 3.0]]))
    assert found.tolist() == [2 / 8, 4 / 8]
    assert p_values(np.zeros((5, 1))).tolist() == [1]


@pytest.mark.parametrize(("n", "shift"), [(9, 0.2), (60, 0.1), (60, 0.0)])
def test_chances_are_those_of_scipy(n: int, shift: float) -> None:
    random = np.random.default_rng(n)
    a = random.random(n)
    b = a + random.normal(shift, 0.3, n)
    oracle = stats.permutation_test(
        (a, b), lambda x, y, axis: (y - x).mean(axis=axis), permutation_type="samples", n_resamples=20_000,
        vectorized=True, rng=np.random.default_rng(1),
    ).pvalue  # fmt: skip
    (found,) = p_values((b - a)[:, None])
    assert found == pytest.approx(oracle, abs=0.015)


def test_a_comparison_says_what_it_means() -> None:
    random = np.random.default_rng(0)
    a = random.random((200, len(MEASURES))) * 0.5
    better = compare("labels", ("old", "new"), a, a + 0.2)
    assert better.says.startswith("new finds more than old (new: MAP@R ") and better.better == 200
    assert better.measures["mAP"].p < 0.001 and better.measures["mAP"].low == pytest.approx(0.2)
    worse = compare("labels", ("old", "new"), a + 0.2, a)
    assert worse.says.startswith("old finds more than new") and worse.worse == 200
    noise = a + random.normal(0, 0.2, a.shape)
    assert compare("queries", ("old", "new"), a, noise - (noise - a).mean(axis=0)).says.startswith(
        "No difference can be told"
    )
    same = compare("queries", ("old", "new"), a, a)
    assert same.says.startswith("Both find the same") and (same.better, same.worse) == (0, 0)
    assert "ask more" in compare("queries", ("old", "new"), a[:5], noise[:5]).says
