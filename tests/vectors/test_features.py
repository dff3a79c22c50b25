"""Features for clustering, held against scikit-learn's PCA and StandardScaler."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler, normalize

from imagefinder.errors import InvalidInputError
from imagefinder.vectors.features import Features, make_features
from imagefinder.vectors.moments import moments
from imagefinder.vectors.transform import LinearTransform

RAW = (np.random.default_rng(0).random((300, 20)) ** np.linspace(0.5, 4, 20)).astype(np.float32)
TRANSFORM = LinearTransform.fit([RAW], kind="pca", prior_mean=np.zeros(20, np.float32), dim=8)


def make(text: str, scale: str = "none", raw: np.ndarray = RAW) -> Features:
    return make_features(text, scale, TRANSFORM, lambda: (raw[i : i + 70] for i in range(0, len(raw), 70)))


def test_default_is_what_the_index_searches_and_raw_is_raw() -> None:
    np.testing.assert_allclose(make("default").apply(RAW), TRANSFORM.apply(RAW), atol=1e-6)
    np.testing.assert_array_equal(make("raw").apply(RAW), RAW)


def test_pca_is_scikit_learns() -> None:
    unit = normalize(RAW)
    expected = normalize(PCA(6).fit_transform(unit))
    found = make("pca:6").apply(RAW)
    signs = np.sign((found * expected).sum(axis=0))
    np.testing.assert_allclose(found * signs, expected, atol=1e-3)


def test_a_share_of_the_variance_takes_as_many_directions_as_it_needs() -> None:
    ratios = PCA().fit(normalize(RAW)).explained_variance_ratio_
    for share in (0.5, 0.95):
        needed = int(np.searchsorted(np.cumsum(ratios), share)) + 1
        assert make(f"pca:{share}").apply(RAW).shape == (300, needed)


def test_standard_scaling_is_scikit_learns_less_the_mean() -> None:
    raw = RAW + 0
    raw[:, 3] = 0.5  # a constant column is left alone
    found = make("raw", "standard", raw).apply(raw)
    expected = StandardScaler(with_mean=False).fit_transform(raw)
    np.testing.assert_allclose(found, expected, rtol=1e-3)


def test_features_survive_their_arrays() -> None:
    features = make("pca:4", "standard")
    again = Features.from_arrays(features.arrays())
    np.testing.assert_array_equal(again.apply(RAW), features.apply(RAW))


def test_variances_are_scikit_learns() -> None:
    found = moments(iter([normalize(RAW)[:100], normalize(RAW)[100:]]))
    variances, _ = found.principal_axes()
    assert found.count == 300
    np.testing.assert_allclose(variances, PCA().fit(normalize(RAW)).explained_variance_, rtol=1e-3, atol=1e-8)


@pytest.mark.parametrize(
    ("text", "scale", "word"),
    [("pca:21", "none", "have 20"), ("pca:0", "none", "fewer"), ("pca", "none", "pca:256"), ("pca:1.5", "none", "pca"),
     ("default", "minmax", "standard"), ("raw ", "none", "raw")],
)  # fmt: skip
def test_what_can_not_be_is_refused(text: str, scale: str, word: str) -> None:
    with pytest.raises(InvalidInputError, match=word):
        make(text, scale)


def test_a_reduction_larger_than_the_collection_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="5 images of 20 dimensions have 4"):
        make("pca:5", raw=RAW[:5])
    assert make("pca:4", raw=RAW[:5]).apply(RAW[:5]).shape == (5, 4)
