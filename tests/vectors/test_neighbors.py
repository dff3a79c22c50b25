"""The neighbour graph, held against scikit-learn's brute force and, where arithmetic is exact, against NumPy's to the
bit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.neighbors import NearestNeighbors

from imagefinder._util.runner import Threads
from imagefinder.errors import InvalidInputError
from imagefinder.vectors import nearest, neighbors, shards
from imagefinder.vectors.neighbors import NeighborGraph, knn_graph
from imagefinder.vectors.shards import Shards


def unit_rows(n: int, dim: int = 8, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@contextmanager
def blocks(shard: int, rows: int, columns: int, span: int) -> Iterator[None]:
    """Meanwhile vectors are divided into parts and blocks of these sizes."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (shards, neighbors):
            patch.setattr(module, "SHARD", shard)
        for module in (nearest, neighbors):
            patch.setattr(module, "ROWS", rows)
        patch.setattr(nearest, "COLUMNS", columns)
        patch.setattr(neighbors, "SPAN", span)
        yield


SIZES = st.integers(1, 40)


def oracle(rows: np.ndarray, k: int, queries: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """By the definition: all distances, the nearest first, of equal ones the first row."""
    others = rows if queries is None else queries
    away = np.square(others[:, None].astype(np.float64) - rows).sum(axis=2)
    if queries is None:
        np.fill_diagonal(away, np.inf)
    order = np.argsort(away, axis=1, kind="stable")[:, :k]
    return order, np.sqrt(np.take_along_axis(away, order, axis=1)).astype(np.float32)


@settings(max_examples=150)
@given(
    rows=arrays(np.float32, st.tuples(st.integers(2, 50), st.integers(1, 4)), elements=st.integers(-2, 2)),
    k=st.integers(1, 60), asked=st.booleans(), sizes=st.tuples(SIZES, SIZES, SIZES, SIZES), workers=st.integers(1, 3),
)  # fmt: skip
def test_blocks_of_any_size_give_the_graph_of_the_definition(
    rows: np.ndarray, k: int, asked: bool, sizes: tuple[int, int, int, int], workers: int
) -> None:
    """With small whole numbers, whose distances are exact and often equal."""
    queries = rows[::-1] + 1 if asked else None
    with blocks(*sizes):
        graph = knn_graph(Shards.of(rows, Threads(workers)), k, queries=queries)
    indices, distances = oracle(rows, min(k, len(rows) - (not asked)), queries)
    np.testing.assert_array_equal(graph.indices, indices)
    np.testing.assert_array_equal(graph.distances, distances)
    assert graph.indices.dtype == np.int32 and graph.distances.dtype == np.float32


def test_neither_the_number_of_threads_nor_the_way_of_the_vectors_changes_a_bit() -> None:
    rows = unit_rows(1500, 37)
    with blocks(512, 64, 128, 1):
        graphs = [knn_graph(Shards.of(rows, Threads(workers)), 12) for workers in (1, 2, 5)]
        graphs.append(knn_graph(Shards.stream(np.array_split(rows, 7), Threads(2)), 12))
    assert {of.indices.tobytes() + of.distances.tobytes() for of in graphs} == {
        graphs[0].indices.tobytes() + graphs[0].distances.tobytes()
    }


def test_progress_counts_every_task_and_may_end_the_work() -> None:
    told: list[tuple[int, int | None]] = []
    with blocks(64, 32, 32, 1):
        knn_graph(unit_rows(200), 3, progress=lambda now: told.append((now.done, now.total)))
        assert told == [(i + 1, told[0][1]) for i in range(len(told))] and told[-1][0] == told[-1][1]

        def stop(now: object) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            knn_graph(unit_rows(200), 3, progress=stop)


@given(n=st.integers(2, 60), k=st.integers(1, 70), sizes=st.tuples(SIZES, SIZES, SIZES, SIZES))
def test_it_finds_what_brute_force_finds(n: int, k: int, sizes: tuple[int, int, int, int]) -> None:
    rows = unit_rows(n, seed=n)
    with blocks(*sizes):
        graph: NeighborGraph = knn_graph(rows, k)
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


@pytest.mark.parametrize("odd", [np.nan, np.inf, 1e30])
def test_what_is_no_number_is_refused_and_named(odd: float) -> None:
    rows = unit_rows(30)
    rows[17, 3] = odd
    with pytest.raises(InvalidInputError, match="vector 17"):
        knn_graph(rows, 3)
    with pytest.raises(InvalidInputError, match="vector 1 "):
        knn_graph(unit_rows(30), 3, queries=rows[16:19])


def test_vectors_of_other_dimensions_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="8 dimensions"):
        knn_graph(unit_rows(30), 3, queries=unit_rows(3, 5))
