"""What stands for the rest of very many images; parts sent to other processes; what is refused before the work."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from command import run_cli
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from imagefinder import ImageFinder
from imagefinder._util.runner import Threads
from imagefinder.clusters import material
from imagefinder.clusters.material import described
from imagefinder.duplicates.find import Options
from imagefinder.errors import InvalidInputError
from imagefinder.vectors import shards
from imagefinder.vectors.shards import Shards


class Far(Threads):
    """Threads that get everything as another process would: as bytes."""

    far = True

    def put(self, value: Any) -> Any:
        return pickle.loads(pickle.dumps(value))

    def call(self, do: Any, *args: Any) -> Any:
        return self.put(do(*map(self.put, args)))


@pytest.fixture
def finder(sample_index: Any, copy_index: Any, tmp_path: Any) -> Iterator[ImageFinder]:
    with ImageFinder.open(copy_index(sample_index, tmp_path / "index")) as found:
        yield found


@given(
    rows=arrays(np.float32, st.tuples(st.integers(1, 40), st.integers(1, 3)), elements=st.integers(-2, 2)),
    shard=st.integers(1, 15), cuts=st.lists(st.integers(0, 40), max_size=4), data=st.data(),
)  # fmt: skip
def test_parts_are_the_vectors(rows: np.ndarray, shard: int, cuts: list[int], data: st.DataObject) -> None:
    marked = data.draw(arrays(np.bool_, len(rows)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "SHARD", shard)
        for runner in (Threads(2), Far(2)):
            there = Shards.stream(np.split(rows, sorted(cuts)), runner)
            assert len(there) == len(rows) and len(there.parts) == -(-len(rows) // shard)
            np.testing.assert_array_equal(there.all(), rows)
            np.testing.assert_array_equal(there[marked], rows[marked])
            np.testing.assert_array_equal(there[np.flatnonzero(marked)[::-1]], rows[marked][::-1])
            np.testing.assert_array_equal(there.only(marked).all(), rows[marked])
            assert there.different(10**9) == len(np.unique(rows, axis=0))


def test_numbers_that_half_the_precision_holds_are_sent_in_half() -> None:
    rows = np.random.default_rng(0).standard_normal((50, 4)).astype(np.float16).astype(np.float32)
    assert Shards.of(rows, Far()).parts[0].dtype == np.float16
    assert Shards.of(rows * np.float32(1.001), Far()).parts[0].dtype == np.float32
    assert Shards.of(rows * np.float32(1e6), Far()).parts[0].dtype == np.float32


@given(st.lists(st.integers(-1, 4), min_size=1, max_size=80), st.integers(1, 30), st.integers(1, 5))
def test_the_sample_has_some_of_each_cluster(labels: list[int], size: int, least: int) -> None:
    found = np.array(labels, np.int32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(material, "DESCRIBED", size)
        patch.setattr(material, "PER_CLUSTER", least)
        rows = described(found)
    if len(found) <= size:
        assert rows is None
        return
    assert rows is not None and len(rows) >= size and (np.diff(rows) > 0).all() and rows[-1] < len(found)
    for label, count in zip(*np.unique(found, return_counts=True), strict=True):
        assert (found[rows] == label).sum() >= min(count, least)


def test_clusters_described_from_a_sample_have_all_images(finder: ImageFinder, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = finder.cluster(3, method="kmeans", stability=0)
    monkeypatch.setattr(material, "DESCRIBED", len(finder) // 2)
    monkeypatch.setattr(material, "PER_CLUSTER", 2)
    part = finder.cluster(3, method="kmeans", stability=0, fresh=True)
    assert part.labels.tolist() == whole.labels.tolist()
    assert [c.size for c in part.clusters] == [c.size for c in whole.clusters]
    for cluster in part.clusters:
        members = {id for id, label in zip(part.ids, part.labels.tolist(), strict=True) if label == cluster.label}
        assert {cluster.medoid, *cluster.representatives} <= members
    assert part.scores["inertia"] == pytest.approx(whole.scores["inertia"], rel=0.35)


def test_numbers_of_clusters_are_tried_on_a_sample_that_is_named(
    finder: ImageFinder, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "sample of" not in finder.choose_k(4).reason
    monkeypatch.setattr(material, "CHOSEN", 12)
    choice = finder.choose_k(4)
    assert choice.reason.endswith(f"Measured on a sample of 12 of the {len(finder)} images.")
    assert [s.n_clusters for s in choice.scores] == [2, 3, 4]


def test_more_images_than_a_clustering_holds_are_refused_before_the_work(
    finder: ImageFinder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(material, "MOST_BYTES", 149 * 10)
    with pytest.raises(InvalidInputError, match="at most 10 images"):
        finder.cluster()


def test_a_wrong_address_of_a_cluster_is_refused_at_every_door(finder: ImageFinder, tmp_path: Any) -> None:
    for work in (
        lambda: finder.cluster(2, ray="no where"),
        lambda: finder.choose_k(3, ray="no where"),
        lambda: finder.outliers(3, ray="ray://host:1"),
        lambda: finder.map("pca", ray="no where"),
        lambda: finder.duplicates(Options(ray="no where")),
    ):
        with pytest.raises(InvalidInputError, match=r"no address of a cluster|clients of Ray"):
            work()
    finder.close()
    for command in (["cluster"], ["choose-k"], ["outliers"], ["map"], ["duplicates"]):
        done = run_cli(*command, "--index", tmp_path / "index", "--ray", "no where")
        assert done.returncode == 2 and "HOST:PORT" in done.stderr, (command, done.stderr)
