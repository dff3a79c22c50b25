"""How good the end of the hits is, by hand and against every cut there is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagefinder.evaluation.cutting import Taken, best_cut, score_cut, score_surely


def asked(
    scores: list[float], right: list[int], wanted: int, taken: int | None = None, surely: int | None = None
) -> Taken:
    fits = np.array([i in right for i in range(len(scores))])
    return Taken(np.array(scores, np.float32), fits, wanted, taken, surely)


def test_by_hand() -> None:
    """One query of whose three hits taken two are right, of four; one of which nothing is taken; two that are empty."""
    rows = [
        asked([0.9, 0.8, 0.7, 0.1], [0, 2], 4, 3),
        asked([0.5, 0.4], [0], 1, 0),
        asked([0.3], [], 0, 0),
        asked([0.9], [], 0, 1),
    ]
    found = score_cut(rows, 0.6)
    assert found is not None
    assert found.precision == pytest.approx((2 / 3 + 1) / 2)
    assert found.recall == pytest.approx((2 / 4 + 0) / 2)
    assert found.f1 == pytest.approx((2 * 2 / (3 + 4) + 0) / 2)
    assert (found.queries, found.empty, found.nothing, found.wrongly_nothing) == (2, 2, 0.5, 0.5)
    assert score_cut([asked([0.5], [0], 1)], None) is None and score_surely(rows) is None


def test_what_surely_fits_is_scored_beside_what_maybe_does() -> None:
    rows = [asked([0.9, 0.8, 0.7], [0, 2], 2, 3, 1), asked([0.9], [], 0, 1, 0), asked([0.9], [0], 1)]
    sure, both = score_surely(rows), score_cut(rows, None)
    assert sure is not None and both is not None
    assert (sure.precision, sure.recall, sure.f1, sure.nothing) == (1, 0.5, pytest.approx(2 / 3), 1)
    assert (both.precision, both.recall, both.f1, both.nothing) == (pytest.approx(2 / 3), 1, 0.8, 0)
    assert (sure.by, both.by) == ("what surely fits", "what surely or maybe fits")


def test_the_best_cut_takes_just_the_right_ones() -> None:
    rows = [asked([0.9, 0.8, 0.3], [0, 1], 2), asked([0.85, 0.2, 0.1], [0], 1), asked([0.4, 0.1], [], 0)]
    best = best_cut(rows)
    assert best is not None
    at, found = best
    assert 0.4 < at <= 0.8 and (found.f1, found.nothing) == (1, 1)
    assert best_cut([]) is None


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_no_score_is_a_better_cut(seed: int) -> None:
    random = np.random.default_rng(seed)
    rows = []
    for _ in range(int(random.integers(1, 6))):
        n = int(random.integers(1, 12))
        scores = np.sort(random.random(n).astype(np.float32))[::-1]
        right = random.random(n) < 0.4
        rows.append(Taken(scores, right, int(right.sum()) + int(random.integers(2)), None))
    best = best_cut(rows)
    assert best is not None

    def f1(at: float) -> float:
        found = []
        for row in rows:
            taken = row.scores >= at
            hits = int((taken & row.right).sum())
            found.append(2 * hits / (taken.sum() + row.wanted) if row.wanted else float(not taken.any()))
        return float(np.mean(found))

    every = max(f1(float(score)) for row in rows for score in row.scores)
    assert f1(best[0]) == pytest.approx(every, abs=0.02)
