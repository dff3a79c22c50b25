"""Corrections of clusters: what they touch, what a crash leaves, and many at once."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imagefinder import ImageFinder
from imagefinder.clusters import state
from imagefinder.clusters.join import assign_new
from imagefinder.clusters.labels import members_of
from imagefinder.errors import IndexDamagedError, NotFoundError
from imagefinder.index import runs
from imagefinder.index.jsonfile import read_json
from imagefinder.store.edge.store import EdgeStore

SAMPLES = Path(__file__).resolve().parents[2] / "examples" / "images"
K = 8


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of sample photos in eight clusters, never changed."""
    home = tmp_path_factory.mktemp("edits")
    (home / "photos").mkdir()
    for path in sorted(SAMPLES.rglob("*.jpg"))[::2][:40]:
        shutil.copy(path, home / "photos" / path.name)
    with ImageFinder.open(home / "index", model="fast") as finder:
        finder.add(home / "photos")
        finder.cluster(K, method="kmeans", stability=0)
    return home


@pytest.fixture
def home(original: Path, tmp_path: Path, copy_index: Callable[[Path, Path], Path]) -> Path:
    copy_index(original / "index", tmp_path / "index")
    return tmp_path


@pytest.fixture
def finder(home: Path) -> Iterator[ImageFinder]:
    with ImageFinder.open(home / "index") as finder:
        yield finder


def said(finder: ImageFinder) -> dict[str, tuple[Any, ...]]:
    """What each record says: label, name, pin."""
    return {r.id: tuple(r.extra.get(f"cluster{part}") for part in ("", "_name", "_pinned")) for r in finder.records()}


def check(finder: ImageFinder) -> None:
    """The records say what the clusters say."""
    names = finder.clusters.clustering.names()
    assert {row[:2] for row in said(finder).values()} == set(names.items())


def folders(finder: ImageFinder) -> list[Path]:
    return sorted((finder._collection.index.path / "runs" / "clusters").iterdir())


# --- what they touch ----------------------------------------------------------------------------------------------


@pytest.mark.files
def test_a_rename_reads_and_writes_the_members_alone(finder: ImageFinder, monkeypatch: pytest.MonkeyPatch) -> None:
    members = {r.id for r in finder.clusters.members(3)}
    members_of(finder._collection.index, 3)  # the column is read once, and kept
    read, written = [], []
    records, merge = EdgeStore._records, EdgeStore.merge_payload

    def reads(self: EdgeStore, *args: Any) -> Iterator[Any]:
        for batch in records(self, *args):
            read.extend(str(record.id) for record in batch)
            yield batch

    def writes(self: EdgeStore, ids: list[str], payload: Any) -> None:
        written.extend(ids)
        merge(self, ids, payload)

    def no_arrays(self: runs.Run) -> Any:
        raise AssertionError("the arrays of all images are read")

    monkeypatch.setattr(EdgeStore, "_records", reads)
    monkeypatch.setattr(EdgeStore, "merge_payload", writes)
    with monkeypatch.context() as here:
        here.setattr(runs.Run, "opened", no_arrays)
        finder.clusters.rename(3, "Renamed")
        assert set(read) <= set(written) == members and len(written) == len(members) < len(finder)
        finder.clusters.lock(4)
        finder.clusters.lock(4, False)
        assert len(written) == len(members) and set(read) <= members
        finder.clusters.undo()
        finder.clusters.undo()
        finder.clusters.undo()
        assert len(written) == 2 * len(members) and set(read) <= members
    check(finder)


@pytest.mark.files
def test_versions_share_their_arrays_and_each_is_whole(finder: ImageFinder) -> None:
    before = finder.clusters.clustering
    for i in range(25):
        finder.clusters.rename(i % K, f"name {i}")
    kept = folders(finder)
    assert len(kept) == state.KEPT + 1, "the version that all images were grouped by, too"
    assert len({(folder / "arrays.npz").stat().st_ino for folder in kept}) == 1, "one file"
    for folder in kept:
        with np.load(folder / "arrays.npz", allow_pickle=False) as arrays:
            assert arrays["labels"].tolist() == before.labels.tolist()
        facts = json.loads((folder / "run.json").read_text("utf-8"))
        assert (facts["placed_by"] or folder.name) == before.name and facts["n_images"] == len(finder)
    for i in range(24, 25 - state.KEPT, -1):
        assert finder.clusters.find(i % K).name == f"name {i}"
        finder.clusters.undo()
        check(finder)
    with pytest.raises(NotFoundError):
        finder.clusters.undo()
    assert before.labels.tolist() == finder.clusters.clustering.labels.tolist(), "also when its run is gone"


def test_the_version_to_go_back_to_is_kept_however_old(finder: ImageFinder) -> None:
    for i in range(state.KEPT):
        finder.clusters.rename(0, f"name {i}")
    for _ in range(state.KEPT - 1):
        finder.clusters.undo()
    finder.clusters.rename(1, "another way")
    assert finder.clusters.undo().find(0).name == "name 0"
    assert len(finder.clusters.clustering.labels) == len(finder), "the one in force stays whole"
    check(finder)


@pytest.mark.files
def test_without_hard_links_the_arrays_are_copied(finder: ImageFinder, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*args: Any) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refuses)
    finder.clusters.rename(0, "Copied")
    first, second = (folder / "arrays.npz" for folder in folders(finder))
    assert first.read_bytes() == second.read_bytes() and first.stat().st_ino != second.stat().st_ino
    (folders(finder)[1] / "arrays.npz").unlink()
    with pytest.raises(IndexDamagedError, match="missing"):
        finder.clusters.lock(0)
    assert not finder.clusters.find(0).locked and len(folders(finder)) == 2


@pytest.mark.files
def test_versions_of_before_are_read_and_undone(finder: ImageFinder) -> None:
    """A run as it was written before its arrays could be those of another one: without ``placed_by``."""
    finder.clusters.rename(0, "x")
    for folder in folders(finder):
        facts = json.loads((folder / "run.json").read_text("utf-8"))
        del facts["placed_by"], facts["sum"]
        (folder / "run.json").write_text(json.dumps(facts), "utf-8")
    finder._collection.index.results.clear()
    finder.clusters.rename(1, "y")
    before = said(finder)
    assert finder.clusters.clustering.placed_by == "0002"
    finder.clusters.undo()
    finder.clusters.undo()
    check(finder)
    assert finder.clusters.clustering.name == "0001" and said(finder) != before


def test_images_that_joined_since_are_renamed_too(home: Path, finder: ImageFinder) -> None:
    (home / "more").mkdir()
    for path in sorted(SAMPLES.rglob("*.jpg"))[1::2][:6]:
        shutil.copy(path, home / "more" / path.name)
    finder.add(home / "more")
    new = [r.id for r in finder.records() if str(home / "more") in r.uri]
    before = said(finder)
    assert len(new) == 6 and finder.clusters.sizes() == {
        c.label: len(finder.clusters.members(c.label)) for c in finder.clusters
    }
    for label in {before[id][0] for id in new}:
        finder.clusters.rename(label, f"{label} renamed")
    assert {said(finder)[id][1] for id in new} == {f"{before[id][0]} renamed" for id in new}
    for _ in {before[id][0] for id in new}:
        finder.clusters.undo()
    assert said(finder) == before


def test_images_not_assigned_yet_stay_to_be_assigned(finder: ImageFinder) -> None:
    """As in the middle of a run that takes in new images."""
    waiting = [r.id for r in finder.clusters.members(2)]
    finder._collection.index.store.merge_payload(waiting, {"cluster": None, "cluster_name": None})
    finder.clusters.merge(0, 1)
    finder.clusters.split(3, 2)
    finder.clusters.move(waiting[0], 4)
    row = said(finder)
    assert row[waiting[0]][0] == 4 and {row[id] for id in waiting[1:]} <= {(None, None, None)}
    assert {r["cluster"] for r in finder.clusters.rows() if r["name"] is None} <= {-1}
    with finder._collection.index.grouping:
        assign_new(finder._collection.index)
    assert None not in {label for label, _, _ in said(finder).values()}


# --- crashes ------------------------------------------------------------------------------------------------------


class Killed(BaseException):
    """Nothing catches it, as nothing catches a kill."""


def kill_at(monkeypatch: pytest.MonkeyPatch, step: int) -> list[str]:
    """Die before the write of this number; the list names what was written before."""
    done: list[str] = []

    def counted(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def write(*args: Any, **options: Any) -> Any:
            if len(done) == step:
                raise Killed
            done.append(name)
            return real(*args, **options)

        return write

    for owner, name in (
        (runs, "write_whole"),
        (state, "write_json"),
        (state, "note"),
        (os, "link"),
        (EdgeStore, "merge_payload"),
        (Path, "rename"),
    ):
        monkeypatch.setattr(owner, name, counted(name, getattr(owner, name)))
    return done


@pytest.mark.parametrize("step", range(7))
@pytest.mark.parametrize("change", ["rename", "lock", "undo", "merge"])
def test_a_kill_at_any_moment_leaves_the_former_or_the_new(
    home: Path, monkeypatch: pytest.MonkeyPatch, change: str, step: int
) -> None:
    with ImageFinder.open(home / "index") as finder:
        finder.clusters.rename(1, "Before")
        changes: dict[str, Callable[[], object]] = {
            "rename": lambda: finder.clusters.rename(1, "After"),
            "lock": lambda: finder.clusters.lock(1),
            "undo": finder.clusters.undo,
            "merge": lambda: finder.clusters.merge(1, 2),
        }
        with monkeypatch.context() as here:
            done = kill_at(here, step)
            try:
                changes[change]()
                assert len(done) <= step
            except Killed:
                assert len(done) == step
    with ImageFinder.open(home / "index") as finder:
        now = finder.clusters.clustering
        check(finder)
        assert len(now.labels) == len(finder) and sum(finder.clusters.sizes().values()) == len(finder)
        former = (now.find(1).name, now.find(1).locked, len(now.clusters)) == ("Before", False, K)
        reached = step >= len(done) and {"lock": now.find(1).locked, "merge": len(now.clusters) < K}.get(
            change, now.find(1).name != "Before"
        )
        assert former or reached
        finder.clusters.rename(5, "It goes on")
        check(finder)
        finder.clusters.undo()
        check(finder)


# --- many at once -------------------------------------------------------------------------------------------------


def test_changes_from_many_threads_are_all_kept(finder: ImageFinder) -> None:
    def work(label: int) -> None:
        for i in range(3):
            finder.clusters.rename(label, f"cluster {label}, {i}")
            finder.clusters.lock(label)
            finder.clusters.sizes()

    with ThreadPoolExecutor(K) as threads:
        list(threads.map(work, range(K)))
    assert [(c.name, c.locked) for c in finder.clusters] == [(f"cluster {label}, 2", True) for label in range(K)]
    check(finder)
    facts = read_json(finder._collection.index.documents / "groups.json", {}, "")
    assert facts["applied"] is True and facts["run"] == finder.clusters.clustering.name == f"{1 + 6 * K:04d}"


def test_counts_of_new_images_are_kept_beside_changes(finder: ImageFinder) -> None:
    """``groups.json`` is written by corrections and by indexing alike."""

    def count(_: int) -> None:
        state.count_assigned(finder._collection.index, 1, 1)

    def rename(i: int) -> None:
        finder.clusters.rename(i % K, f"name {i}")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda job: job[0](job[1]), [(do, i) for i in range(20) for do in (count, rename)]))
    facts = read_json(finder._collection.index.documents / "groups.json", {}, "")
    assert (facts["assigned"], facts["far"], facts["clustered"]) == (20, 20, 40)
    check(finder)
