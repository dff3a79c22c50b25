"""A vector that was rounded comes out as it was, also where a store makes its length 1 and rounds it once more."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from imagefinder.whole.unit import unrounded


def stored(rows: np.ndarray) -> np.ndarray:
    """What a store holds of vectors of which only the direction counts."""
    lengths = np.linalg.norm(rows.astype(np.float32), axis=1, keepdims=True)
    return (rows / np.where(lengths, lengths, 1)).astype(np.float16)


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 3, 4, 16, 256]), st.floats(0, 1))
def test_what_was_rounded_is_stored_as_it_is(seed: int, dim: int, sparse: float) -> None:
    chance = np.random.default_rng(seed)
    rows = chance.standard_normal((50, dim)).astype(np.float32) * (chance.random((50, dim)) >= sparse)
    once = stored(rows)
    again = stored(unrounded(once.astype(np.float32)))
    assert (again == once).all()


def test_one_that_changed_when_it_was_copied() -> None:
    row = np.array([[0, 0.6645508, -0.24597168, 0.7060547]], np.float32)
    assert (stored(row) != row).any(), "by the engine it is rounded to another number"
    assert (stored(unrounded(row)) == row).all()
