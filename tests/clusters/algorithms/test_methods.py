"""Clustering of vectors: known groups are found, counts are kept, odd data gets a sensible answer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import DBSCAN, HDBSCAN, AgglomerativeClustering
from sklearn.datasets import make_blobs
from sklearn.metrics import adjusted_rand_score

from imagefinder.clusters.algorithms.leiden import join, with_count
from imagefinder.clusters.algorithms.methods import METHODS, Task
from imagefinder.clusters.algorithms.partition import by_size, communities, partition
from imagefinder.errors import InvalidInputError, NotFoundError
from imagefinder.vectors.neighbors import knn_graph

COUNTING = [name for name, method in METHODS.items() if method.counts]


def blobs(n: int = 300, k: int = 5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rows, labels = make_blobs(n, 12, centers=k, cluster_std=1.0, center_box=(-12, 12), random_state=seed)
    return rows.astype(np.float32), labels


def task(rows: np.ndarray, n_clusters: int | None = None, **settings: object) -> Task:
    return Task(rows, knn_graph(rows, 50), n_clusters, settings=settings)


@pytest.mark.parametrize("method", METHODS)
def test_clear_groups_are_found_without_being_told_how_many(method: str) -> None:
    rows, truth = blobs()
    labels, parameters = partition(task(rows), method)
    assert labels.dtype == np.int32 and isinstance(parameters, dict)
    kept = labels >= 0
    assert kept.mean() > 0.9
    assert adjusted_rand_score(truth[kept], labels[kept]) > 0.95


@pytest.mark.parametrize("method", COUNTING)
@pytest.mark.parametrize("k", [1, 2, 7, 40])
def test_as_many_clusters_as_asked_for(method: str, k: int) -> None:
    labels, _ = partition(task(blobs()[0], k), method)
    assert sorted(set(labels.tolist())) == list(range(k))
    sizes = np.bincount(labels)
    assert (np.diff(sizes) <= 0).all(), "the largest has the label 0"


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_gives_the_same_labels(method: str) -> None:
    rows, _ = blobs(seed=3)
    first, again = (partition(task(rows), method)[0] for _ in range(2))
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [2, 3, 6])
def test_few_images(method: str, n: int) -> None:
    labels, _ = partition(task(blobs(n, 2)[0]), method)
    assert len(labels) == n and labels.min() >= -1 and labels.max() < n


@pytest.mark.parametrize("method", METHODS)
def test_identical_images_are_one_cluster(method: str) -> None:
    labels, _ = partition(task(np.ones((30, 4), np.float32)), method)
    assert labels.tolist() == [0] * 30


@pytest.mark.parametrize("method", COUNTING)
def test_more_clusters_than_different_images_are_refused(method: str) -> None:
    rows = np.repeat(blobs(5, 2)[0], 4, axis=0)
    with pytest.raises(InvalidInputError, match="only 5 different"):
        partition(task(rows, 6), method)
    assert len(set(partition(task(rows, 5), method)[0].tolist())) == 5


@pytest.mark.parametrize("method", ["hdbscan", "dbscan"])
def test_density_methods_refuse_a_number(method: str) -> None:
    with pytest.raises(InvalidInputError, match="itself"):
        partition(task(blobs()[0], 3), method)


@pytest.mark.parametrize(
    ("method", "settings"),
    [("dbscan", {"eps": -1.0}), ("dbscan", {"min_samples": 0}), ("hdbscan", {"min_cluster_size": 1000}),
     ("kmeans", {"eps": 1.0}), ("leiden", {"n_init": 2})],
)  # fmt: skip
def test_bad_settings_are_refused(method: str, settings: dict[str, float]) -> None:
    with pytest.raises(InvalidInputError):
        partition(task(blobs()[0], **settings), method)


def test_an_unknown_method_is_named() -> None:
    with pytest.raises(NotFoundError, match="kmeans"):
        partition(task(blobs()[0]), "kmean")


def test_dbscan_agrees_with_scikit_learn_where_the_graph_holds_all_links() -> None:
    rows, _ = blobs(51, 3)
    labels, parameters = partition(task(rows, eps=4.0), "dbscan")
    expected = DBSCAN(eps=4.0, min_samples=5).fit_predict(rows)
    np.testing.assert_array_equal(labels, by_size(expected))
    assert parameters["eps"] == 4.0


def test_hdbscan_agrees_with_scikit_learn_where_the_graph_holds_all_links() -> None:
    rows, _ = blobs(51, 3)
    labels, _ = partition(task(rows, min_cluster_size=6), "hdbscan")
    expected = HDBSCAN(min_cluster_size=6, min_samples=5, copy=True).fit_predict(rows)
    assert adjusted_rand_score(expected, labels) > 0.95


def test_a_higher_resolution_gives_more_communities() -> None:
    rows = np.random.default_rng(0).random((400, 3)).astype(np.float32)
    few, many = (partition(task(rows, resolution=r), "leiden")[0].max() + 1 for r in (0.2, 5.0))
    assert few < communities(knn_graph(rows, 15)) < many


@given(st.lists(st.integers(-1, 5), min_size=1, max_size=40))
def test_numbering_by_size_keeps_the_clusters(values: list[int]) -> None:
    labels = np.array(values, np.int32)
    new = by_size(labels)
    assert ((labels < 0) == (new < 0)).all()
    assert len(set(zip(values, new.tolist(), strict=True))) == len(set(values)) == len(set(new.tolist()))
    sizes = np.bincount(new[new >= 0]) if (new >= 0).any() else np.array([])
    assert (np.diff(sizes) <= 0).all()


@settings(max_examples=20)
@given(k=st.integers(1, 9), seed=st.integers(0, 5))
def test_joining_only_ever_unites(k: int, seed: int) -> None:
    rows, labels = blobs(90, 9, seed)
    labels = np.unique(labels, return_inverse=True)[1].astype(np.int32)
    joined = join(rows, labels, k)
    assert len(set(joined.tolist())) == k
    assert len(set(zip(labels.tolist(), joined.tolist(), strict=True))) == 9


@settings(max_examples=10)
@given(k=st.integers(1, 20), seed=st.integers(0, 100))
def test_joining_is_that_of_ward(k: int, seed: int) -> None:
    rows = np.random.default_rng(seed).standard_normal((24, 3)).astype(np.float32)
    joined = join(rows, np.arange(24, dtype=np.int32), k)
    expected = AgglomerativeClustering(k, linkage="ward").fit_predict(rows)
    assert adjusted_rand_score(expected, joined) == 1


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 6), min_size=2, max_size=60), st.data())
def test_any_number_of_communities_is_reached_however_many_images_are_identical(
    values: list[int], data: st.DataObject
) -> None:
    rows = np.eye(7, dtype=np.float32)[values]
    k = data.draw(st.integers(1, len(rows)))
    labels, parameters = with_count(knn_graph(rows, 15), rows, k)
    assert sorted(set(labels.tolist())) == list(range(k)) and parameters["resolution"] >= 0
