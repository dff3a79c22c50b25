"""What is said of clusters: facts, stability, tree, names."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import make_blobs

from imagefinder.clusters.algorithms.describe import describe, stabilities
from imagefinder.clusters.algorithms.hierarchy import cut, reading_order, tree_of
from imagefinder.clusters.algorithms.methods import Task
from imagefinder.clusters.algorithms.naming import distinct_names, words_for_clusters
from imagefinder.clusters.algorithms.partition import partition
from imagefinder.errors import InvalidInputError
from imagefinder.vectors.neighbors import knn_graph


def blobs(k: int = 4, spread: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    rows, labels = make_blobs(240, 8, centers=k, cluster_std=spread, random_state=4)
    return rows.astype(np.float32), labels.astype(np.int32)


def test_facts_follow_from_their_definitions() -> None:
    rows, labels = blobs()
    labels = np.where(np.arange(240) % 50 == 0, -1, labels).astype(np.int32)
    facts, centres = describe(rows, labels)
    assert [f.label for f in facts] == [0, 1, 2, 3] and centres.shape == (4, 8)
    for fact in facts:
        members = np.flatnonzero(labels == fact.label)
        away = np.linalg.norm(rows[members] - rows[members].mean(axis=0), axis=1)
        assert fact.size == len(members)
        assert fact.medoid == members[away.argmin()] == fact.representatives[0]
        assert fact.radius == pytest.approx(np.quantile(away, 0.99), rel=1e-3)
        assert set(fact.representatives) <= set(members.tolist()) and len(set(fact.representatives)) == 6
        centre = centres[fact.label] / np.linalg.norm(centres[fact.label])
        cosines = rows[members] @ centre / np.linalg.norm(rows[members], axis=1)
        assert fact.tightness == pytest.approx(cosines.mean(), rel=1e-3)
        others = np.delete(centres, fact.label, axis=0)
        margin = np.linalg.norm(rows[members, None] - others, axis=2).min(axis=1) - away
        assert fact.borderline[0] == members[margin.argmin()]
        assert fact.silhouette > 0.3
    assert [f.label for f in describe(rows, labels, only=[2])[0]] == [2]


def test_a_cluster_of_one_and_none_at_all() -> None:
    facts, _ = describe(np.eye(3, dtype=np.float32), np.array([0, 0, 1], np.int32))
    assert facts[1].size == 1 and facts[1].radius == 0 and facts[1].representatives == (2,)
    assert describe(np.eye(3, dtype=np.float32), np.full(3, -1, np.int32))[0] == []


def test_clear_clusters_are_stable_and_arbitrary_ones_are_not() -> None:
    rows, labels = blobs()
    clear = stabilities(Task(rows, None, 4), "kmeans", labels, runs=4, make_graph=knn_graph)
    assert min(s or 0 for s in clear) > 0.95
    noise = np.random.default_rng(0).standard_normal((240, 8)).astype(np.float32)
    task = Task(noise, knn_graph(noise, 15), 8)
    found, _ = partition(task, "kmeans")
    assert np.mean([s or 0 for s in stabilities(task, "kmeans", found, runs=4, make_graph=knn_graph)]) < 0.7
    assert stabilities(task, "kmeans", found, runs=0, make_graph=knn_graph) == [None] * 8


def test_the_tree_joins_what_is_near_and_can_be_cut_anywhere() -> None:
    centres = np.array([[1, 0, 0], [0.99, 0.1, 0], [0, 1, 0], [0, 0.99, 0.1]], np.float32)
    tree = tree_of(centres)
    assert cut(tree, 2).tolist() in ([0, 0, 1, 1], [1, 1, 0, 0])
    for n in range(1, 5):
        assert len(set(cut(tree, n).tolist())) == n
    assert sorted(reading_order(tree)) == [0, 1, 2, 3]
    for n in (0, 5):
        with pytest.raises(InvalidInputError):
            cut(tree, n)
    assert cut(tree_of(centres[:1]), 1).tolist() == [0] and reading_order(tree_of(centres[:1])) == [0]


def test_names_are_the_words_that_set_a_cluster_apart() -> None:
    words = ["dog", "cat", "hot dog", "car"] + [f"word{i}" for i in range(40)]
    vectors = np.eye(44, dtype=np.float32)
    rng = np.random.default_rng(0)
    images = rng.random((60, 44)).astype(np.float32) * 0.5
    images[:30, [0, 2]] += 1  # dogs
    images[30:, 3] += 1  # cars
    labels = np.repeat([0, 1], 30).astype(np.int32)
    none: list[list[int]] = [[] for _ in words]
    first, second, third = words_for_clusters(images, labels, words, vectors, none, 3)
    assert third == (), "no image of it is left"
    assert words_for_clusters(images[:0], labels[:0], words, vectors, none, 2) == [(), ()]
    assert first[0][0] in ("dog", "hot dog") and second[0][0] == "car"
    assert sum("dog" in word for word, _ in first) == 1, "a variant of a word is passed over"
    assert 0.5 < second[0][1] <= 1


def test_a_general_word_names_a_cluster_of_many_kinds() -> None:
    words = ["animal", "dog", "cat", "bird", "car"] + [f"word{i}" for i in range(20)]
    above = [[], [0], [0], [0], *([] for _ in range(21))]
    images = np.random.default_rng(1).random((90, 25)).astype(np.float32) * 0.1
    for i in range(45):
        images[i, 1 + i % 3] += 1
    images[45:, 4] += 1
    labels = np.repeat([0, 1], 45).astype(np.int32)
    first, second = words_for_clusters(images, labels, words, np.eye(25, dtype=np.float32), above, 2)
    assert first[0][0] == "animal"
    assert {word for word, _ in first[1:]} <= {"dog", "cat", "bird"} and second[0][0] == "car"


def test_names_are_distinct() -> None:
    found = [(("dog", 0.4), ("cat", 0.3)), (("dog", 0.5), ("car", 0.2)), (("bird", 0.2),), (), (("bird", 0.1),), ()]
    assert distinct_names(found) == ["cat", "dog", "bird", "group", "bird 2", "group 2"]
