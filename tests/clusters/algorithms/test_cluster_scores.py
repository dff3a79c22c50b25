"""Measures of a clustering, held against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics
from sklearn.datasets import make_blobs

from imagefinder.clusters.algorithms import scores
from imagefinder.clusters.algorithms.choose_k import choose_k, elbow_of
from imagefinder.clusters.algorithms.scores import Distances
from imagefinder.errors import InvalidInputError
from imagefinder.vectors.neighbors import knn_graph


@pytest.fixture(scope="module")
def data() -> tuple[np.ndarray, np.ndarray]:
    rows, labels = make_blobs(200, 6, centers=5, cluster_std=3, random_state=1)
    return rows.astype(np.float32), labels.astype(np.int32)


def test_silhouettes(data: tuple[np.ndarray, np.ndarray]) -> None:
    rows, labels = data
    found = scores.silhouettes(Distances.of(rows, np.arange(200)), labels)
    np.testing.assert_allclose(found, metrics.silhouette_samples(rows, labels), atol=1e-3)
    some = np.array([3, 50, 199])
    np.testing.assert_allclose(scores.silhouettes(Distances.of(rows, some), labels), found[some], atol=1e-4)


def test_silhouettes_leave_noise_out(data: tuple[np.ndarray, np.ndarray]) -> None:
    rows, labels = data
    marked = np.where(np.arange(200) % 7 == 0, -1, labels).astype(np.int32)
    found = scores.silhouettes(Distances.of(rows, np.arange(200)), marked)
    assert np.isnan(found[marked < 0]).all()
    expected = metrics.silhouette_samples(rows[marked >= 0], marked[marked >= 0])
    np.testing.assert_allclose(found[marked >= 0], expected, atol=1e-3)


def test_one_cluster_or_one_image_in_it_has_no_silhouette(data: tuple[np.ndarray, np.ndarray]) -> None:
    rows = data[0][:4]
    assert np.isnan(scores.silhouettes(Distances.of(rows, np.arange(4)), np.zeros(4, np.int32))).all()
    alone = scores.silhouettes(Distances.of(rows, np.arange(4)), np.array([0, 0, 0, 1], np.int32))
    assert alone[3] == 0


def test_a_sample_tells_the_mean_within_its_error() -> None:
    rows, labels = make_blobs(3000, 4, centers=4, cluster_std=4, random_state=2)
    rows, labels = rows.astype(np.float32), labels.astype(np.int32)
    truth = metrics.silhouette_score(rows, labels)
    off = []
    for seed in range(10):
        values = scores.silhouettes(Distances.sample(rows, seed, 300), labels)
        mean, error = scores.mean_and_error(values, 3000)
        assert 0 < error < 0.05
        off.append((mean - truth) / error)
    assert np.sqrt(np.mean(np.square(off))) < 2
    assert scores.mean_and_error(values, 300)[1] == 0, "all were measured"


def test_the_other_measures(data: tuple[np.ndarray, np.ndarray]) -> None:
    rows, labels = data
    centres = scores.centres_of(rows, labels)
    np.testing.assert_allclose(centres, [rows[labels == c].mean(axis=0) for c in range(5)], rtol=1e-4)
    inertia = scores.inertia_of(rows, labels, centres)
    assert inertia == pytest.approx(sum(((rows[labels == c] - centres[c]) ** 2).sum() for c in range(5)), rel=1e-4)
    total = ((rows - rows.mean(axis=0)) ** 2).sum()
    expected = metrics.calinski_harabasz_score(rows, labels)
    assert scores.calinski_harabasz(total, inertia, 200, 5) == pytest.approx(expected, rel=1e-3)
    assert scores.davies_bouldin(rows, labels, centres) == pytest.approx(
        metrics.davies_bouldin_score(rows, labels), rel=1e-3
    )


def test_choosing_finds_clear_groups_and_says_why() -> None:
    rows, _ = make_blobs(600, 12, centers=6, cluster_std=1, center_box=(-12, 12), random_state=3)
    rows = rows.astype(np.float32)
    steps: list[tuple[int, int]] = []
    choice = choose_k(rows, knn_graph(rows, 15), max_k=20, progress=lambda now: steps.append((now.done, now.total)))
    assert choice.suggested == choice.best_silhouette == choice.elbow == choice.communities == 6
    assert "6 communities" in choice.reason and "±" not in choice.reason, "all images were measured: no error to tell"
    assert [s.n_clusters for s in choice.scores] == list(range(2, 21)) and steps[-1] == (19, 19)
    inertia = [s.inertia for s in choice.scores]
    assert inertia == sorted(inertia, reverse=True)
    assert choice.to_dict()["scores"][0]["n_clusters"] == 2


def test_the_inertia_is_about_that_of_fresh_runs() -> None:
    from sklearn.cluster import KMeans

    rows = np.random.default_rng(0).standard_normal((400, 16)).astype(np.float32)
    for s in choose_k(rows, knn_graph(rows, 15), max_k=16).scores[6::8]:
        fresh = KMeans(s.n_clusters, n_init=3, random_state=0).fit(rows).inertia_
        assert s.inertia == pytest.approx(fresh, rel=0.03)


def test_choosing_on_little_or_odd_data() -> None:
    rows = np.random.default_rng(0).standard_normal((5, 3)).astype(np.float32)
    assert [s.n_clusters for s in choose_k(rows, knn_graph(rows, 15), max_k=100).scores] == [2, 3, 4]
    with pytest.raises(InvalidInputError, match="3 different"):
        choose_k(np.ones((20, 3), np.float32), knn_graph(np.ones((20, 3), np.float32), 5))
    with pytest.raises(InvalidInputError, match="2 or more"):
        choose_k(rows, knn_graph(rows, 3), max_k=1)
    few = np.repeat(rows, 10, axis=0)
    assert choose_k(few, knn_graph(few, 15), max_k=50).scores[-1].n_clusters == 4


def test_the_elbow_of_a_known_curve() -> None:
    ks = list(range(2, 21))
    assert elbow_of(ks, [100 - 15 * min(k, 7) - 0.1 * k for k in ks]) == 7
    assert elbow_of([2, 3], [2.0, 1.0]) == 2


def test_an_error_is_told_where_it_shows() -> None:
    assert (
        scores.with_error(0.25, 0.0123) == "0.250 ± 0.012" and scores.with_error(-0.5, 0.00005, 4) == "-0.5000 ± 0.0001"
    )
    assert scores.with_error(0.25, 0.0) == "0.250" and scores.with_error(0.25, 0.0004) == "0.250"
