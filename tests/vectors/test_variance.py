"""The PCA report, held against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA

from imagefinder.errors import InvalidInputError
from imagefinder.vectors.variance import pca_report


def rows(n: int, dim: int = 12) -> np.ndarray:
    random = np.random.default_rng(0)
    return (random.standard_normal((n, dim)) * np.arange(1, dim + 1) + 20).astype(np.float32)


@pytest.mark.parametrize("n", [2, 9, 200])
def test_it_agrees_with_scikit_learn(n: int) -> None:
    vectors = rows(n)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    model = PCA(svd_solver="full").fit(unit.astype(np.float64))
    report = pca_report((vectors[i : i + 7] for i in range(0, n, 7)), searched=4)
    expected = model.explained_variance_ratio_[: n - 1]
    np.testing.assert_allclose(report.variance, expected, atol=1e-6)
    assert report.components_for(0.95) == np.searchsorted(np.cumsum(expected), 0.95) + 1
    assert report.searched_variance == pytest.approx(expected[:4].sum(), abs=1e-6)
    assert report.to_dict()["components_for"].keys() == {"80%", "90%", "95%", "99%"}


def test_identical_images_have_no_variance() -> None:
    report = pca_report([np.ones((5, 3), np.float32)])
    assert report.components_for(0.95) == 0 and not report.variance.any()


def test_one_image_has_no_report() -> None:
    with pytest.raises(InvalidInputError, match="two images"):
        pca_report([rows(1)])
