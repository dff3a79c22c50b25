"""A cluster of Ray with two nodes on this machine: it finds the graph and the means of one process to the bit, also
when workers and a node are killed in the middle."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import database
import numpy as np
import pytest

from imagefinder import ImageFinder
from imagefinder._util.ray_runner import runner_at
from imagefinder._util.runner import Runner, Threads
from imagefinder.clusters.algorithms.kmeans import kmeans
from imagefinder.duplicates.find import Options
from imagefinder.errors import InvalidInputError, StorageError
from imagefinder.index import parts
from imagefinder.index.parts import read_part, searched_shards
from imagefinder.types import Progress
from imagefinder.vectors import cells, neighbors, shards
from imagefinder.vectors.neighbors import NeighborGraph, knn_graph
from imagefinder.vectors.shards import Shards

pytestmark = [pytest.mark.alone, pytest.mark.files, pytest.mark.filterwarnings("ignore")]
MEMORY = 100 * 1024**2  # of the object store of a node


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    before = dict(os.environ)
    os.environ |= {"RAY_AUTH_TOKEN": "t" * 32, "RAY_BACKEND_LOG_LEVEL": "fatal"}
    node = {"num_cpus": 1, "object_store_memory": MEMORY, "include_dashboard": False}
    made = Cluster(initialize_head=True, head_node_args=node)
    try:
        made.add_node(num_cpus=1, object_store_memory=MEMORY)
        yield made
    finally:
        made.shutdown()
        os.environ.clear()
        os.environ |= before


@pytest.fixture(scope="module")
def runner(cluster: Any) -> Iterator[Runner]:
    with runner_at(cluster.address) as found:
        yield found


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small parts, so that there are many tasks."""
    for module in (shards, neighbors, cells):
        monkeypatch.setattr(module, "SHARD", 512)
    monkeypatch.setattr(neighbors, "SPAN", 1)


def some_vectors(dtype: type, n: int = 3000, dim: int = 37) -> np.ndarray:
    rows = np.random.default_rng(0).standard_normal((n, dim)).astype(dtype).astype(np.float32)
    rows[10:20] = rows[30]  # equally near to everything
    return rows


def same(graph: NeighborGraph, other: NeighborGraph) -> bool:
    return np.array_equal(graph.indices, other.indices) and np.array_equal(graph.distances, other.distances)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_it_finds_the_graph_and_the_means_of_one_process(runner: Runner, dtype: type) -> None:
    rows = some_vectors(dtype)
    there = Shards.of(rows, runner)
    assert same(knn_graph(there, 9), knn_graph(rows, 9))
    assert same(knn_graph(there, 9, queries=rows[:700] + 1), knn_graph(rows, 9, queries=rows[:700] + 1))
    with pytest.MonkeyPatch.context() as patch:  # as of many
        patch.setattr(neighbors, "EXACT", 0)
        assert same(knn_graph(there, 9), knn_graph(rows, 9))
    found, expected = kmeans(there, 12, n_init=1), kmeans(rows, 12, n_init=1)
    assert np.array_equal(found.centres, expected.centres) and np.array_equal(found.labels, expected.labels)
    assert (found.inertia, found.iterations) == (expected.inertia, expected.iterations)


def when(done: int, act: Callable[[], None]) -> tuple[Callable[[Progress], None], list[Progress]]:
    """A listener that acts once so many tasks are done, and what it heard."""
    told: list[Progress] = []

    def hear(progress: Progress) -> None:
        told.append(progress)
        if progress.done == done:
            act()

    return hear, told


def kill_workers(cluster: Any) -> None:
    """Whatever works on tasks, or waits for one; not the agents, without which a node ends itself."""
    import psutil

    found = []
    for node in cluster.list_all_nodes():
        raylet = psutil.Process(node.all_processes["raylet"][0].process.pid)
        found += [p for p in raylet.children(recursive=True) if p.name().startswith(("ray::IDLE", "ray::_do"))]
    assert found
    for process in found:
        process.send_signal(signal.SIGKILL)


def test_killed_workers_lose_only_what_they_were_doing(cluster: Any, runner: Runner) -> None:
    rows = some_vectors(np.float32)
    hear, told = when(3, lambda: kill_workers(cluster))
    found = knn_graph(Shards.of(rows, runner), 9, progress=hear)
    assert same(found, knn_graph(rows, 9))
    assert [progress.done for progress in told] == list(range(1, told[-1].total + 1))


@pytest.fixture(scope="module")
def far_index(sample_index: Any) -> Iterator[ImageFinder]:
    from imagefinder import copy_index

    with database.running() as server:
        address = server.address()
        copy_index(str(sample_index), address)
        with ImageFinder.open(address) as finder:
            yield finder


def test_parts_are_read_where_they_are_needed_and_again_after_a_node_is_lost(
    cluster: Any, runner: Runner, far_index: ImageFinder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (shards, neighbors, parts):
        monkeypatch.setattr(module, "SHARD", 8)
    index, space = far_index._collection.index, far_index._collection.view().image
    ids, here = searched_shards(index, space, Threads())
    far_ids, there = searched_shards(index, space, runner)
    assert far_ids == ids and there.held is None and len(there.parts) > 2
    np.testing.assert_array_equal(there.all(), here.all())
    marked = np.arange(len(ids)) % 3 > 0
    np.testing.assert_array_equal(there.only(marked).all(), here.all()[marked])
    node = next(n for n in cluster.list_all_nodes() if not n.is_head())
    hear, _ = when(2, lambda: cluster.remove_node(node, allow_graceful=False))
    found = knn_graph(there, 5, progress=hear)
    cluster.add_node(num_cpus=1, object_store_memory=MEMORY)
    assert same(found, knn_graph(here, 5))


def test_an_image_that_goes_meanwhile_is_said_as_its_task_said_it(
    runner: Runner, cluster: Any, far_index: ImageFinder
) -> None:
    index = far_index._collection.index
    entry = index.space(far_index._collection.view().image)
    assert index.address and index.address.startswith("postgresql://")
    ids = sorted([far_index.columns(["id"])["id"][0], "00000000-0000-5000-8000-000000000000"])
    with pytest.raises(StorageError, match="1 of the images went") as told, runner_at(cluster.address) as again:
        list(again.map(read_part, [(index.address, entry.vector, abs, ids)]))
    assert told.value.remedy == "Run it again."


@pytest.mark.parametrize("place", ["folder", "postgres"])
def test_an_index_gets_the_same_clusters_outliers_and_duplicates(
    place: str, cluster: Any, runner: Runner, far_index: ImageFinder, sample_index: Any, copy_index: Any, tmp_path: Any
) -> None:
    finder = far_index if place == "postgres" else ImageFinder.open(copy_index(sample_index, tmp_path / "index"))

    def results(ray: str | None) -> list[Any]:
        by_kmeans = finder.cluster(4, method="kmeans", fresh=True, stability=1, ray=ray)
        by_graph = finder.cluster(fresh=True, stability=1, ray=ray)
        groups = finder.duplicates(Options(ray=ray)).to_dict()["groups"]
        outliers = [o.to_dict() for o in finder.outliers(5, ray=ray)]
        facts = [(m.labels.tolist(), m.scores, [c.to_dict() for c in m.clusters]) for m in (by_kmeans, by_graph)]
        return [facts, groups, [(row["id"], row["score"], row["nearest"]) for row in outliers]]

    try:
        assert results(cluster.address) == results(None)
    finally:
        if finder is not far_index:
            finder.close()


def test_what_is_no_number_is_refused_there_too(runner: Runner) -> None:
    rows = some_vectors(np.float32)
    rows[700, 3] = np.nan
    with pytest.raises(InvalidInputError, match="vector 700 "):
        knn_graph(Shards.of(rows, runner), 3)
