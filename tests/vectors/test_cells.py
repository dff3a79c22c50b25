"""The neighbour graph of many images, made from cells: held against the exact one of the same vectors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from imagefinder._util.runner import Threads
from imagefinder.types import Progress
from imagefinder.vectors import cells, neighbors, shards
from imagefinder.vectors.keys import NONE, keys_of, least_keys, renumbered, unpacked
from imagefinder.vectors.neighbors import NeighborGraph, knn_graph
from imagefinder.vectors.shards import Shards


@contextmanager
def from_cells(**sizes: int) -> Iterator[None]:
    """Meanwhile graphs of any size are made from cells, and the numbers of ``cells`` are these."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbors, "EXACT", 0)
        for name, value in sizes.items():
            patch.setattr(cells, name, value)
        yield


def groups(n: int, dim: int = 16, seed: int = 0) -> np.ndarray:
    """Vectors in groups of about 20, as those of images are, float32 (n, dim) of unit length."""
    random = np.random.default_rng(seed)
    rows = random.standard_normal((n // 20, dim))[random.integers(0, n // 20, n)] + random.normal(0, 0.3, (n, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def found_share(graph: NeighborGraph, exact: NeighborGraph) -> float:
    """The share of the neighbours that are as near as the exact ones."""
    return float((graph.distances <= exact.distances[:, -1:] + 1e-4).mean())


def check_sound(graph: NeighborGraph, rows: np.ndarray, others: np.ndarray | None = None) -> None:
    """Each neighbour is there once, nearest first, with its true distance, and none is the row itself."""
    true = np.linalg.norm((rows if others is None else others)[:, None] - rows[graph.indices], axis=2)
    np.testing.assert_allclose(graph.distances, true, atol=2e-3)
    assert (np.diff(graph.distances, axis=1) >= 0).all()
    for i, near in enumerate(graph.indices.tolist()):
        assert len({*near, *([i] if others is None else [])}) == graph.k + (others is None)


@pytest.mark.parametrize("k", [5, 15, 40])
def test_it_finds_nearly_all_that_is_there_and_says_how_much(k: int) -> None:
    rows = groups(6000)
    exact = knn_graph(rows, k)
    with from_cells():
        graph = knn_graph(rows, k)
    check_sound(graph, rows)
    assert exact.recall == 1 and found_share(exact, exact) == 1
    assert found_share(graph, exact) >= 0.95
    assert graph.recall == pytest.approx(found_share(graph, exact), abs=0.02)


def test_what_it_says_is_what_it_found_also_where_that_is_little() -> None:
    """Of vectors without any structure, in as few cells as may be."""
    random = np.random.default_rng(1).standard_normal((4000, 64)).astype(np.float32)
    with from_cells(MOST_CELLS=2, SAMPLE=2000):
        graph = knn_graph(random, 10)
    assert graph.recall == pytest.approx(found_share(graph, knn_graph(random, 10)), abs=0.03)
    assert graph.recall < 0.7


def test_queries_find_rows_of_the_others() -> None:
    rows, asked = groups(4000), groups(4000, seed=0)[::7] + np.float32(0.01)
    with from_cells():
        graph = knn_graph(rows, 6, queries=asked)
    check_sound(graph, rows, asked)
    assert found_share(graph, knn_graph(rows, 6, queries=asked)) >= 0.95


def test_within_a_distance_counts_only_what_lies_there() -> None:
    """Pairs of copies among vectors without structure: each copy is found, and the recall is that of the copies."""
    random = np.random.default_rng(2)
    rows = random.standard_normal((3000, 32)).astype(np.float32)
    rows = np.concatenate([rows, rows + random.normal(0, 1e-3, rows.shape).astype(np.float32)])
    with from_cells(SAMPLE=600):
        graph = knn_graph(rows, 4, within=0.5)
    assert graph.recall > 0.99
    assert (graph.indices[:, 0] == np.roll(np.arange(6000), 3000)).mean() > 0.99


@settings(max_examples=60)
@given(
    rows=arrays(np.float32, st.tuples(st.integers(2, 60), st.integers(1, 4)), elements=st.integers(-2, 2)),
    k=st.integers(1, 70), asked=st.booleans(), sizes=st.tuples(*[st.integers(1, 40)] * 4),
)  # fmt: skip
def test_any_sizes_and_many_equal_vectors_give_a_sound_graph(
    rows: np.ndarray, k: int, asked: bool, sizes: tuple[int, int, int, int]
) -> None:
    queries = rows[::-1] + 1 if asked else None
    cell, largest, task, most = sizes
    with from_cells(CELL=cell, LARGEST=largest, TASK=task, MOST_CELLS=min(most, len(rows)), ROWS=max(1, task // 2)):
        graph = knn_graph(rows, k, queries=queries)
    assert graph.k == min(k, len(rows) - (not asked))
    check_sound(graph, rows, queries)


def test_neither_threads_nor_tasks_nor_the_way_of_the_vectors_change_a_bit() -> None:
    rows = groups(3000)
    with from_cells(), pytest.MonkeyPatch.context() as patch:
        for module in (shards, cells):
            patch.setattr(module, "SHARD", 512)
        graphs = [knn_graph(Shards.of(rows, Threads(workers)), 12) for workers in (1, 3)]
        graphs.append(knn_graph(Shards.stream(np.array_split(rows, 7), Threads(2)), 12))
    with from_cells(TASK=1000):
        graphs.append(knn_graph(rows, 12))
    assert len({graph.indices.tobytes() + graph.distances.tobytes() for graph in graphs}) == 1


def test_a_picture_a_thousandfold_is_compared_with_a_part_of_its_copies() -> None:
    rows = np.concatenate([np.ones((1500, 8), np.float32), groups(500, 8)])
    with from_cells(LARGEST=256):
        graph = knn_graph(rows, 9)
    check_sound(graph, rows)
    assert not graph.distances[:1500].any()


def test_progress_tells_of_every_stage_and_may_end_the_work() -> None:
    told: list[Progress] = []
    with from_cells(TASK=300):
        knn_graph(groups(2000), 5, progress=told.append)
        for stage in ("sorting images", "comparing images"):
            done = [(now.done, now.total) for now in told if now.stage == stage]
            assert done and done == [(i + 1, done[-1][1]) for i in range(done[-1][1])]

        def stop(now: Progress) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            knn_graph(groups(2000), 5, progress=stop)


def test_keys_order_by_distance_then_row_and_hold_each_row_once() -> None:
    near = np.array([[4, 1, np.inf, 1], [0, -1e-7, 9, 2]], np.float32)
    keys = keys_of(near, np.array([10, 20, 30, 40]), 3)
    found = least_keys(keys, keys_of(near, np.array([10, 20, 30, 40]), 4), 4)
    indices, values = unpacked(found)
    assert indices.tolist() == [[20, 40, 10, -1], [10, 20, 40, 30]]
    assert values.tolist() == [[1, 1, 4, np.inf], [0, 0, 2, 9]]
    assert renumbered(np.array([[np.uint64(1), NONE]]), np.array([7, 8]))[0].tolist() == [8, int(NONE)]
