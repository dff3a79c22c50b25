"""k-means by partial sums, held against scikit-learn's from the same centres, and against itself in other parts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs

from imagefinder._util.runner import Threads
from imagefinder.clusters.algorithms import kmeans as module
from imagefinder.clusters.algorithms.kmeans import kmeans, lloyd, partial_sums
from imagefinder.vectors import shards
from imagefinder.vectors.shards import Shards


def some_vectors(n: int = 2000, dim: int = 24, seed: int = 0) -> np.ndarray:
    return make_blobs(n, dim, centers=30, cluster_std=4.0, random_state=seed)[0].astype(np.float32)


def reference(rows: np.ndarray, centres: np.ndarray) -> KMeans:
    return KMeans(len(centres), init=centres, n_init=1, tol=0, max_iter=300).fit(rows)


@pytest.mark.parametrize("k", [1, 2, 30, 200])
@pytest.mark.parametrize("shard", [2000, 256, 77])
def test_from_the_same_centres_it_ends_where_scikit_learn_does(
    k: int, shard: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "SHARD", shard)
    monkeypatch.setattr(module, "SHARD", shard)
    rows = some_vectors()
    expected = reference(rows, rows[:k])
    found = lloyd(Shards.of(rows), rows[:k])
    np.testing.assert_array_equal(found.labels, expected.labels_)
    np.testing.assert_allclose(found.centres, expected.cluster_centers_, rtol=1e-4, atol=1e-3)
    assert found.inertia == pytest.approx(expected.inertia_, rel=1e-5)
    assert abs(found.iterations - expected.n_iter_) <= 1
    assert found.labels.dtype == np.int32 and found.centres.dtype == np.float32


@pytest.mark.parametrize("k", [3, 40])
def test_with_the_same_seed_it_is_scikit_learn_s_k_means(k: int) -> None:
    rows = some_vectors(seed=3)
    expected = KMeans(k, n_init=3, random_state=7).fit(rows)
    found = kmeans(rows, k, seed=7)
    assert (found.labels == expected.labels_).mean() > 0.999
    assert found.inertia == pytest.approx(expected.inertia_, rel=1e-5)


def test_clusters_that_become_empty_get_the_farthest_rows_as_in_scikit_learn() -> None:
    rows = some_vectors(500, 6)
    far = np.full((4, 6), 500, np.float32) + np.arange(4)[:, None] * 100  # nothing is near them
    centres = np.concatenate([rows[:5], far]).astype(np.float32)
    found, expected = lloyd(Shards.of(rows), centres), reference(rows, centres)
    assert sorted(set(found.labels.tolist())) == list(range(9))
    np.testing.assert_array_equal(found.labels, expected.labels_)


def test_more_centres_than_different_rows_leave_some_empty_and_end() -> None:
    rows = np.repeat(np.eye(3, dtype=np.float32), 5, axis=0)
    found = lloyd(Shards.of(rows), np.concatenate([rows[::5], rows[:2] + 9]))
    assert found.inertia == 0 and len(set(found.labels.tolist())) == 3


SIZES = st.integers(1, 40)


@given(
    rows=arrays(np.float32, st.tuples(st.integers(2, 40), st.integers(1, 3)), elements=st.integers(-3, 3)),
    k=st.sampled_from([1, 2, 4, 8]), shard=SIZES, groups=st.integers(1, 5),
)  # fmt: skip
def test_the_sums_of_any_parts_are_those_of_the_whole(rows: np.ndarray, k: int, shard: int, groups: int) -> None:
    """With small whole numbers and centres whose mean is exact, so that all sums are, and equals are equal."""
    centres = rows[np.arange(k) % len(rows)] + np.float32(0.5)
    with pytest.MonkeyPatch.context() as patch:
        whole = partial_sums(centres, rows)
        patch.setattr(shards, "SHARD", shard)
        patch.setattr(module, "GROUPS", groups)
        patch.setattr(module, "BLOCK_BYTES", 64)
        found = module._added(Shards.of(rows, Threads(2)), centres)
    np.testing.assert_array_equal(found.sums, whole.sums)
    np.testing.assert_array_equal(found.counts, whole.counts)
    assert found.inertia == whole.inertia
    near = np.square(rows[:, None] - centres).sum(axis=2)
    assert whole.inertia == near.min(axis=1).sum()
    np.testing.assert_array_equal(whole.counts, np.bincount(near.argmin(axis=1), minlength=k))


def test_neither_threads_nor_the_way_of_the_vectors_changes_a_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "SHARD", 128)
    monkeypatch.setattr(module, "GROUPS", 5)
    rows = some_vectors(3000, 19)
    found = [kmeans(Shards.of(rows, Threads(workers)), 25) for workers in (1, 2, 4)]
    found.append(kmeans(Shards.stream(np.array_split(rows, 11), Threads(2)), 25))
    assert len({(f.centres.tobytes(), f.labels.tobytes(), f.inertia) for f in found}) == 1


def test_starts_are_chosen_from_a_sample_of_many(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, truth = make_blobs(4000, 8, centers=12, cluster_std=0.5, center_box=(-20, 20), random_state=1)
    monkeypatch.setattr(module, "SEEDED", 300)
    found = kmeans(rows.astype(np.float32), 12)
    assert len({(a, b) for a, b in zip(found.labels.tolist(), truth.tolist(), strict=True)}) == 12


def test_a_mean_far_away_drowns_no_difference() -> None:
    rows = some_vectors()
    moved = kmeans(rows + np.float32(1000), 30)
    assert moved.inertia == pytest.approx(kmeans(rows, 30).inertia, rel=0.02)
