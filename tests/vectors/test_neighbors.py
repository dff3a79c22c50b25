"""The neighbour graph, held against scikit-learn's brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from imagefinder.errors import InvalidInputError
from imagefinder.vectors import neighbors
from imagefinder.vectors.neighbors import knn_graph


def unit_rows(n: int, dim: int = 8, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@given(n=st.integers(2, 60), k=st.integers(1, 70), block=st.sampled_from([1, 1000, 10**6]))
def test_it_finds_what_brute_force_finds(n: int, k: int, block: int) -> None:
    rows = unit_rows(n, seed=n)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbors, "BLOCK_BYTES", block)
        graph = knn_graph(rows, k)
    expected = NearestNeighbors(n_neighbors=min(k, n - 1), algorithm="brute").fit(rows).kneighbors()
    assert graph.k == min(k, n - 1) and len(graph) == n
    np.testing.assert_allclose(graph.distances, expected[0], atol=1e-3)
    true = np.linalg.norm(rows[:, None] - rows[graph.indices], axis=2)  # near ties may come in either order
    np.testing.assert_allclose(graph.distances, true, atol=1e-3)
    assert all(len({i, *row}) == graph.k + 1 for i, row in enumerate(graph.indices.tolist()))


def test_queries_may_find_any_row() -> None:
    rows = unit_rows(20)
    graph = knn_graph(rows, 30, queries=rows[:5])
    assert graph.indices.shape == (5, 20)
    assert graph.indices[:, 0].tolist() == [0, 1, 2, 3, 4]


def test_identical_rows_keep_their_order_and_never_name_themselves() -> None:
    graph = knn_graph(np.ones((5, 3), np.float32), 4)
    assert graph.indices.tolist() == [[j for j in range(5) if j != i] for i in range(5)]
    assert not graph.distances.any()


def test_the_sparse_form_holds_the_same() -> None:
    graph = knn_graph(unit_rows(10), 3)
    sparse = graph.first(2).to_sparse()
    assert sparse.shape == (10, 10) and sparse.nnz == 20
    assert sparse[0, graph.indices[0, 0]] == graph.distances[0, 0]


@pytest.mark.parametrize("shape", [(1, 4), (0, 4), (4,)])
def test_too_little_to_compare_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInputError):
        knn_graph(np.zeros(shape, np.float32), 3)
