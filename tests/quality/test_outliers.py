"""Outlier scores."""

from __future__ import annotations

import numpy as np
from sklearn.neighbors import NearestNeighbors

from imagefinder.quality.outliers import outlier_scores
from imagefinder.vectors.neighbors import knn_graph


def test_the_odd_one_has_the_highest_score() -> None:
    rows = np.random.default_rng(0).standard_normal((200, 4)).astype(np.float32)
    rows[17] = 30
    scores = outlier_scores(knn_graph(rows, 25))
    assert scores.argmax() == 17 and scores[17] > 10 and scores.dtype == np.float32
    assert abs(np.median(scores)) < 1e-6
    distance = NearestNeighbors(n_neighbors=20).fit(rows).kneighbors()[0].mean(axis=1)
    spread = 1.4826 * np.median(np.abs(distance - np.median(distance)))
    np.testing.assert_allclose(scores, (distance - np.median(distance)) / spread, rtol=1e-2, atol=1e-2)


def test_all_alike_means_no_outlier() -> None:
    assert outlier_scores(knn_graph(np.ones((9, 3), np.float32), 5)).tolist() == [0] * 9
