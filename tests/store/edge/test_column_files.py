"""Columns that were written when the store was closed are used by the next one, and only as long as they are right."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kept_columns import columns_read

from imagefinder.errors import StorageError
from imagefinder.store.base import Point, VectorParams
from imagefinder.store.edge import column_files, column_keeping, columns, filtered
from imagefinder.store.edge.column_files import HEAD, PREFIX
from imagefinder.store.edge.store import EdgeStore
from imagefinder.store.exact import ExactStore

VECTORS = {"space": VectorParams(4)}
FIELDS = ("id", "price", "tags", "mixed", "nothing")
Both = tuple[EdgeStore, ExactStore]


def point(i: int, rng: random.Random) -> Point:
    mixed = rng.choice([1, 1.0, True, "1", "", 0.0, [1, True], ["a", "b"], {"a": [1]}, "\U0001f600 é", None])
    payload = {"uri": f"/{i}.jpg", "price": rng.randrange(5), "tags": rng.choice([["x"], ["x", "y"], []])}
    payload |= {} if mixed is None else {"mixed": mixed}
    return Point(f"00000000-0000-4000-8000-{i:012x}", payload, {"space": np.ones(4, np.float32)})


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Both:
    """A store that was looked at and closed, opened again, and one with the same points."""
    for module in (column_keeping, filtered):
        monkeypatch.setattr(module, "KEPT_FROM", 10)
    rng = random.Random(3)
    points = [point(i * 7, rng) for i in range(200)]
    edge, exact = EdgeStore.create(tmp_path / "points", VECTORS), ExactStore.create()
    exact.start_over(VECTORS)
    for store in (edge, exact):
        store.upsert(points)
    edge.columns(FIELDS)
    edge.close()
    return EdgeStore.open(tmp_path / "points"), exact


def same(edge: EdgeStore, exact: ExactStore, *, reads: bool | None = False) -> None:
    """The columns are right, and all payloads were read for them, or not, or either."""
    found, read = columns_read(edge, FIELDS)
    wanted = exact.columns(FIELDS)
    assert repr(found) == repr(wanted)
    assert reads is None or read == reads


def again(edge: EdgeStore) -> EdgeStore:
    edge.close()
    return EdgeStore.open(edge._home)


def change(step: int, rng: random.Random, *stores: Any) -> None:
    ids = stores[0].columns(["id"])["id"]
    some, new = rng.sample(ids, 5), [point(1000 + step * 50 + i, rng) for i in range(6)]
    price = rng.choice([None, "new", 3])
    for store in stores:
        store.upsert(new)
        store.merge_payload(some, {"price": price, "tags": ["z"]})
        store.delete(some[:2])


def test_columns_are_there_after_opening(written: Both) -> None:
    edge, exact = written
    same(edge, exact)
    same(again(edge), exact)


@pytest.mark.parametrize("looked", [True, False])  # at the columns, after each opening
@pytest.mark.parametrize("since", [1000, 20])  # until all is written anew
def test_they_follow_what_is_written(written: Both, monkeypatch: pytest.MonkeyPatch, looked: bool, since: int) -> None:
    monkeypatch.setattr(column_files, "SINCE", since)
    edge, exact = written
    rng = random.Random(4)
    for step in range(6):
        if looked:
            same(edge, exact, reads=None if since == 20 else False)
        change(step, rng, exact, edge)
        if step % 2:
            edge.columns(["price"])
        edge = again(edge)
    same(edge, exact, reads=None if since == 20 else False)
    edge.close()


def test_another_field_is_added(written: Both) -> None:
    edge, exact = written
    assert edge.columns(["uri"]) == exact.columns(["uri"])
    before = {file.name for file in edge._home.glob(f"{PREFIX}*")} - {HEAD}
    edge = again(edge)
    assert before < {file.name for file in edge._home.glob(f"{PREFIX}*")}
    assert edge._kept.has(["uri", "price", "tags"])
    same(edge, exact)
    edge.close()


def test_of_many_points_one_look_reads_all_small_fields(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "MOST_FIELDS", 5)
    monkeypatch.setattr(columns, "MOST_BYTES_EACH", 20)
    points = [
        Point(f"00000000-0000-4000-8000-{i:012x}", {"a": i, "long": f"{i}" * 40, "late" if i > 150 else "b": f"{i}"})
        for i in range(2500)
    ]
    for few, kept in ((10**6, {"a"}), (10, {"a", "b", "late"})):
        monkeypatch.setattr(filtered, "KEPT_FROM", few)
        edge = EdgeStore.create(tmp_path / str(few), VECTORS)
        edge.upsert(points)
        assert edge.columns(["a"]) == {"a": list(range(2500))}
        assert set(edge._kept._columns) == kept
        wanted = [f"{i}" if i > 150 else None for i in range(2500)]
        assert edge.columns(["late", "long"]) == {"late": wanted, "long": [f"{i}" * 40 for i in range(2500)]}
        edge.close()


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-3])


def _flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def _empty(file: Path) -> None:
    file.write_bytes(b"")


@pytest.mark.parametrize("damage", [_cut, _flip, _empty, Path.unlink])
@pytest.mark.parametrize("which", [HEAD, "price", column_files.IDS])
def test_damaged_ones_are_not_used(written: Both, damage: Callable[[Path], None], which: str) -> None:
    edge, exact = written
    about = edge._kept._written
    assert about is not None
    edge.close()
    damage(edge._home / (which if which == HEAD else about.files[which][0]))
    edge = EdgeStore.open(edge._home)
    same(edge, exact, reads=True)
    edge = again(edge)
    same(edge, exact)
    edge.close()


def test_those_of_another_state_are_not_used(written: Both, tmp_path: Path) -> None:
    """As after a kill, or where an older version wrote to the store meanwhile."""
    edge, exact = written
    edge.close()
    shutil.copytree(edge._home, tmp_path / "former")
    edge = EdgeStore.open(edge._home)
    change(1, random.Random(5), exact, edge)
    edge._live.flush()  # type: ignore[union-attr]
    shutil.copytree(edge._home, tmp_path / "killed")
    edge.close()
    killed = EdgeStore.open(tmp_path / "killed")
    same(killed, exact, reads=True)
    killed.close()
    for file in edge._home.glob(f"{PREFIX}*"):
        file.unlink()
    for file in (tmp_path / "former").glob(f"{PREFIX}*"):
        shutil.copy(file, edge._home)
    edge = EdgeStore.open(edge._home)
    same(edge, exact, reads=True)
    edge.close()


def test_a_store_that_starts_over_has_none(written: Both) -> None:
    edge, exact = written
    for store in (edge, exact):
        store.start_over(VECTORS)
        store.upsert([point(3, random.Random(1))])
    edge = again(edge)
    same(edge, exact, reads=True)
    edge.close()


def test_a_full_disk_leaves_none(written: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    edge, exact = written
    edge.columns(["uri"])
    change(1, random.Random(7), exact, edge)
    monkeypatch.setattr(column_files, "SINCE", -100)  # all is written anew

    def full(home: Path, data: bytes) -> tuple[str, int]:
        raise StorageError("full")

    monkeypatch.setattr(column_files, "_write", full)
    edge = again(edge)
    monkeypatch.undo()
    same(edge, exact, reads=True)
    edge.close()
