"""The scores of a map, held against scikit-learn and brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.manifold import trustworthiness
from sklearn.neighbors import NearestNeighbors

from imagefinder.errors import InvalidInputError
from imagefinder.maps import scores as maps
from imagefinder.maps.scores import score_map


@settings(deadline=None)
@given(n=st.integers(3, 80), k=st.integers(1, 12), block=st.sampled_from([1, 10**7]))
def test_it_agrees_with_scikit_learn(n: int, k: int, block: int) -> None:
    random = np.random.default_rng(n)
    vectors, spots = random.standard_normal((n, 6)).astype(np.float32), random.standard_normal((n, 2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(maps, "BLOCK_BYTES", block)
        scores = score_map(vectors, spots.astype(np.float32), k=k)
    assert scores.k == min(k, (n - 1) // 2)
    expected = trustworthiness(vectors, spots, n_neighbors=scores.k)
    assert scores.trustworthiness == pytest.approx(expected, abs=2e-4)
    near, flat = (
        NearestNeighbors(n_neighbors=scores.k).fit(x).kneighbors(return_distance=False) for x in (vectors, spots)
    )
    kept = np.mean([len(set(a) & set(b)) / scores.k for a, b in zip(near, flat, strict=True)])
    assert scores.neighbors_kept == pytest.approx(kept, abs=1e-3)


def test_a_map_that_is_the_vectors_is_perfect_and_a_sample_says_so() -> None:
    spots = np.random.default_rng(0).standard_normal((500, 2)).astype(np.float32)
    scores = score_map(np.pad(spots, ((0, 0), (0, 3))), spots, sample=50)
    assert (scores.trustworthiness, scores.neighbors_kept, scores.sample) == (1, 1, 50)


def test_two_images_have_no_scores() -> None:
    with pytest.raises(InvalidInputError, match="three"):
        score_map(np.zeros((2, 3), np.float32), np.zeros((2, 2), np.float32))
