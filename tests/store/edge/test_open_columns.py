"""Columns that are written while the store is open are right after a kill, whatever was written since."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import kept_columns
import numpy as np
import pytest

from imagefinder.errors import StorageError
from imagefinder.store.base import Point, VectorParams
from imagefinder.store.edge import column_files, column_keeping, column_log, filtered
from imagefinder.store.edge.column_files import HEAD, PREFIX
from imagefinder.store.edge.column_log import ColumnLog
from imagefinder.store.edge.store import EdgeStore
from imagefinder.store.exact import ExactStore

VECTORS = {"space": VectorParams(4)}
FIELDS = ("id", "price", "tags", "n")
sure = pytest.mark.skipif(not ColumnLog.is_sure(), reason="the system doesn't tell its runs apart")


def point(i: int, rng: random.Random) -> Point:
    payload = {"uri": f"/{i}.jpg", "price": rng.randrange(5), "tags": rng.choice([["x"], ["x", "y"], []]), "n": i}
    return Point(f"00000000-0000-4000-8000-{i:012x}", payload, {"space": np.ones(4, np.float32)})


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (column_keeping, filtered):
        monkeypatch.setattr(module, "KEPT_FROM", 10)


@pytest.fixture
def kept(tmp_path: Path) -> EdgeStore:
    """A store whose columns were written while it was open."""
    edge = EdgeStore.create(tmp_path / "points", VECTORS)
    edge.upsert([point(i, random.Random(i)) for i in range(120)])
    edge.columns(FIELDS)
    edge.keep_columns()
    return edge


def change(step: int, *stores: Any) -> None:
    rng = random.Random(step)
    ids = stores[0].columns(["id"])["id"]
    some, new = rng.sample(ids, 5), [point(1000 + step * 50 + i, random.Random(i)) for i in range(6)]
    for store in stores:
        store.upsert(new)
        store.merge_payload(some, {"price": rng.choice([None, "new", 3]), "tags": ["z"], "later": step})
        store.delete(some[:2])


def killed(edge: EdgeStore) -> EdgeStore:
    """The store as another process finds it after a kill: all the system was told is there."""
    edge._live.flush()  # type: ignore[union-attr]
    edge._live.close()  # type: ignore[union-attr]
    edge._live = None
    return EdgeStore.open(edge._home)


def right(edge: EdgeStore, *, reads: bool) -> None:
    """The columns are those of the payloads, and for them all payloads were read, or not."""
    found, read = kept_columns.columns_read(edge, FIELDS)
    wanted = {point.id: point.payload for points in edge.scroll() for point in points}
    assert found["id"] == list(wanted)
    for field in FIELDS[1:]:
        assert found[field] == [payload.get(field) for payload in wanted.values()]
    assert read == reads


@sure
@pytest.mark.parametrize("steps", [0, 1, 4])
def test_they_are_right_after_a_kill(kept: EdgeStore, steps: int) -> None:
    for _ in range(2):  # of the second process as well, which goes on with the log
        for step in range(steps):
            change(step, kept)
        kept = killed(kept)
        right(kept, reads=False)
    kept.close()
    again = EdgeStore.open(kept._home)
    right(again, reads=False)
    assert not list(again._home.glob(f"{column_log.PREFIX}*"))
    again.close()


@sure
def test_they_are_right_after_a_real_kill(kept: EdgeStore) -> None:
    kept.close()
    code = (
        "import sys, random; sys.path[:0] = sys.argv[2:]\n"
        "import test_open_columns as t\n"
        "t.column_keeping.KEPT_FROM = 10\n"
        "store = t.EdgeStore.open(t.Path(sys.argv[1]))\n"
        "for step in range(10**6):\n"
        "    t.change(step, store)\n"
        "    if step % 3 == 0: store.keep_columns()\n"
        "    print(step, flush=True)\n"
    )
    modules = [str(Path(file).parent) for file in (__file__, kept_columns.__file__)]
    command = [sys.executable, "-c", code, str(kept._home), *modules]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for _ in range(7):
            assert process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
    again = EdgeStore.open(kept._home)
    assert again.count() > 120
    right(again, reads=False)
    again.close()


@sure
def test_a_cut_log_is_used_up_to_its_last_whole_id(kept: EdgeStore) -> None:
    change(1, kept)
    log = next(kept._home.glob(f"{column_log.PREFIX}*"))
    with log.open("ab") as file:
        file.write(b"00000000-0000-4000-80")  # the write that it told of never happened
    kept = killed(kept)
    change(2, kept)
    kept = killed(kept)
    right(kept, reads=False)
    kept.close()


@sure
@pytest.mark.parametrize("how", ["boot", "copy", "older version", "log is gone"])
def test_of_another_run_or_place_they_are_not_used(
    kept: EdgeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    change(1, kept)
    home = kept._home
    if how == "boot":
        other = tmp_path / "boot"
        other.write_text("another")
        monkeypatch.setattr(column_log, "_BOOT", other)
    elif how == "log is gone":
        next(home.glob(f"{column_log.PREFIX}*")).unlink()
    elif how == "older version":  # wrote to the store after the kill, and was killed too
        from imagefinder.store.edge import seal as seals

        seal = seals.read_seal(home)
        assert seal and seal.columns
        seals.write_seal(home, seals.Seal(seal.points, False, seal.files))
    kept._live.flush()  # type: ignore[union-attr]
    kept._live.close()  # type: ignore[union-attr]
    kept._live = None
    if how == "copy":
        shutil.copytree(home, tmp_path / "copy")
        home = tmp_path / "copy"
    again = EdgeStore.open(home)
    right(again, reads=True)
    again.close()


@sure
def test_a_log_that_cannot_be_written_ends_the_columns(kept: EdgeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: ColumnLog, ids: Any) -> None:
        raise OSError("full")

    monkeypatch.setattr(ColumnLog, "add", full)
    change(1, kept)
    monkeypatch.undo()
    monkeypatch.setattr(column_keeping, "KEPT_FROM", 10)
    assert not (kept._home / HEAD).exists()
    change(2, kept)
    kept = killed(kept)
    right(kept, reads=True)
    kept.close()


def test_a_disk_too_full_for_them_changes_nothing(kept: EdgeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any) -> Any:
        raise StorageError("full")

    monkeypatch.setattr(column_files, "SINCE", 0)
    for step in range(3):
        change(step, kept)
    with monkeypatch.context() as patched:
        patched.setattr(column_files, "_write", full)
        kept.keep_columns()
    assert not list(kept._home.glob(f"{PREFIX}*"))
    change(3, kept)
    right(kept, reads=False)
    kept.keep_columns()
    kept.close()
    again = EdgeStore.open(kept._home)
    right(again, reads=False)
    again.close()


@sure
def test_what_changes_while_they_are_written_is_told(kept: EdgeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    before = column_files._write
    monkeypatch.setattr(column_files, "SINCE", 0)
    for step in range(3):
        change(step, kept)
    written: list[int] = []

    def slowly(home: Path, data: bytes) -> tuple[str, int]:
        written.append(1)
        change(10 + len(written), kept)
        return before(home, data)

    with monkeypatch.context() as patched:
        patched.setattr(column_files, "_write", slowly)
        kept.keep_columns()
    assert len(written) > 3
    kept = killed(kept)
    right(kept, reads=False)
    kept.close()


def test_starting_over_ends_them(kept: EdgeStore) -> None:
    change(1, kept)
    kept.start_over(VECTORS)
    kept.upsert([point(3, random.Random(1))])
    kept = killed(kept)
    right(kept, reads=True)
    kept.close()


@sure
def test_writing_reading_and_keeping_at_once(kept: EdgeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(column_files, "SINCE", 3)
    stop = threading.Event()
    failed: list[BaseException] = []

    def repeat(do: Any) -> None:
        try:
            while not stop.is_set():
                do()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=repeat, args=(do,)) for do in (kept.keep_columns, lambda: kept.columns(FIELDS))]
    for thread in threads:
        thread.start()
    for step in range(60):
        change(step, kept)
    stop.set()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert not failed
    kept.keep_columns()
    change(100, kept)
    kept = killed(kept)
    right(kept, reads=False)
    kept.close()


@pytest.mark.parametrize("looked", [True, False])
def test_an_opened_store_that_is_only_read_keeps_them(kept: EdgeStore, looked: bool) -> None:
    exact = ExactStore.create()
    exact.start_over(VECTORS)
    kept.close()
    for file in kept._home.glob(f"{PREFIX}*"):
        file.unlink()
    reading = EdgeStore.open(kept._home)
    if looked:
        reading.columns(FIELDS)
    reading.keep_columns()
    kept = killed(reading)
    right(kept, reads=not looked)
    kept.close()
