"""Files are moved without ever overwriting one, and a kill at any moment leaves each of them whole."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from imagefinder.duplicates import journal, moving, taking_back, trash
from imagefinder.duplicates.journal import journals
from imagefinder.duplicates.plan import Plan, PlannedFile, PlannedGroup
from imagefinder.index.folder import Index

PICTURE = os.urandom(1) * 100_000


class Killed(BaseException):
    """As a kill: nothing that catches errors catches it."""


def in_one_file_system(source: Path, target: Path) -> int:
    return real_rename(source, target)


def without_the_call(source: Path, target: Path) -> int:
    return errno.ENOSYS


def between_two(source: Path, target: Path) -> int:
    return real_rename(source, target) if source.parent == target.parent else errno.EXDEV


def between_two_without_the_call(source: Path, target: Path) -> int:
    return errno.EINVAL if source.parent == target.parent else errno.EXDEV


real_rename = moving._exclusively
WAYS = [in_one_file_system, without_the_call, between_two, between_two_without_the_call]


@pytest.fixture(params=[*WAYS, "no links"], ids=lambda way: getattr(way, "__name__", way))
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each way in which a file may have to be moved."""
    if request.param == "no links":

        def link(*args: Any, **kwargs: Any) -> None:
            raise OSError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(os, "link", link)
    chosen = without_the_call if request.param == "no links" else request.param
    monkeypatch.setattr(moving, "_exclusively", chosen)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / "x.jpg").write_bytes(PICTURE)
    return tmp_path / "a" / "x.jpg", tmp_path / "b" / "x.jpg"


@pytest.mark.usefixtures("way")
def test_a_file_is_moved_and_no_other_overwritten(files: tuple[Path, Path]) -> None:
    source, target = files
    moving.move(source, target)
    assert (source.exists(), target.read_bytes(), os.listdir(target.parent)) == (False, PICTURE, ["x.jpg"])
    source.write_bytes(b"another")
    with pytest.raises(FileExistsError):
        moving.move(source, target)
    assert (source.read_bytes(), target.read_bytes(), os.listdir(target.parent)) == (b"another", PICTURE, ["x.jpg"])


def killed_at(step: int, monkeypatch: pytest.MonkeyPatch, *, after: bool) -> None:
    """The process ends before, or after, the call of that number which changes anything on the disk."""
    calls = 0

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls > step or (calls == step and not after):
                raise Killed  # also to all that a kill would not let happen any more
            done = real(*args, **kwargs)
            if calls == step:
                raise Killed
            return done

        return call

    for name in ("open", "close", "rename", "link", "unlink", "fsync"):
        monkeypatch.setattr(os, name, counted(getattr(os, name)))
    monkeypatch.setattr(shutil, "copyfileobj", counted(shutil.copyfileobj))
    monkeypatch.setattr(shutil, "copystat", counted(shutil.copystat))
    monkeypatch.setattr(moving, "_exclusively", counted(moving._exclusively))


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("after", [False, True])
def test_a_kill_at_any_step_leaves_the_file_whole(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    source, target = files
    for step in range(1, 30):
        with monkeypatch.context() as patched:
            killed_at(step, patched, after=after)
            try:
                moving.move(source, target)
                ended = True
            except Killed:
                ended = False
        whole = [path for path in files if path.exists() and path.read_bytes() == PICTURE]
        assert whole, f"lost at step {step}"
        # What takes the file back afterwards, from whatever was left.
        if ended:
            break
        if source in whole:
            for left in target.parent.iterdir():
                left.unlink()
        else:
            target.rename(source)
    assert ended
    assert whole == [target]


def a_real_other_file_system(folder: Path) -> Path | None:
    for place in (Path("/dev/shm"), Path("/tmp"), Path("/var/tmp")):
        if place.is_dir() and os.access(place, os.W_OK) and place.stat().st_dev != folder.stat().st_dev:
            return place
    return None


@pytest.fixture
def other_drive(tmp_path: Path) -> Iterator[Path]:
    place = a_real_other_file_system(tmp_path)
    if place is None:
        pytest.skip("this machine has one file system only")
    folder = place / f"imagefinder-test-{os.urandom(6).hex()}"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


def test_a_file_is_moved_between_real_file_systems(files: tuple[Path, Path], other_drive: Path) -> None:
    source, far = files[0], other_drive / "x.jpg"
    os.utime(source, ns=(10**18, 10**18))
    moving.move(source, far)
    assert (source.exists(), far.read_bytes(), far.stat().st_mtime_ns) == (False, PICTURE, 10**18)
    source.write_bytes(b"new")
    with pytest.raises(FileExistsError):
        moving.move(far, source)
    assert (source.read_bytes(), os.listdir(other_drive)) == (b"new", ["x.jpg"])


# --- two indexes and one trash ------------------------------------------------------------------------------------


def planned(folder: Path, name: str, content: bytes) -> Plan:
    folder.mkdir(parents=True)
    for place in ("kept.jpg", name):
        (folder / place).write_bytes(content)
    digest = moving.content_hash(folder / name)
    keep, remove = (PlannedFile(str(folder / place), digest, len(content)) for place in ("kept.jpg", name))
    return Plan((PlannedGroup(keep, (remove,)),))


class OneMoment(journal.datetime):  # type: ignore[name-defined,misc]
    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return journal.datetime(2026, 10, 25, 2, 30, tzinfo=tz)


class AnHourBack(journal.datetime):  # type: ignore[name-defined,misc]
    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return super().now(tz) - timedelta(hours=1)


def test_two_indexes_share_a_trash_at_one_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "datetime", OneMoment)
    names, shared = [f"{i}" for i in range(6)], tmp_path / "trash"
    plans = {n: planned(tmp_path / "photos" / n, "IMG_1.jpg", n.encode() * 1000) for n in names}
    indexes = {n: Index(tmp_path / "indexes" / n, create=True) for n in names}
    start = threading.Barrier(len(names))

    def apply(name: str) -> None:
        start.wait()
        trash.apply_plan(indexes[name], plans[name], trash=shared)

    threads = [threading.Thread(target=apply, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(p.read_bytes() for p in shared.rglob("*.jpg")) == [n.encode() * 1000 for n in names]
    for name in names:
        taking_back.undo(indexes[name], anywhere=True)
        assert (tmp_path / "photos" / name / "IMG_1.jpg").read_bytes() == name.encode() * 1000
        indexes[name].close()
    assert not list(shared.rglob("*.jpg"))


def test_undo_brings_back_only_what_was_moved(tmp_path: Path) -> None:
    plan = planned(tmp_path / "photos", "IMG_1.jpg", b"mine" * 100)
    with Index(tmp_path / "index", create=True) as index:
        moved = trash.apply_plan(index, plan)
        Path(moved.files[0][1]).write_bytes(b"another's")
        assert [left.code for left in taking_back.undo(index, anywhere=True).left] == ["changed"]
        assert not (tmp_path / "photos" / "IMG_1.jpg").exists()


def test_a_clock_that_goes_back_changes_no_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Index(tmp_path / "index", create=True) as index:
        first = trash.apply_plan(index, planned(tmp_path / "a", "IMG_1.jpg", b"first" * 50))
        monkeypatch.setattr(journal, "datetime", AnHourBack)
        then = [trash.apply_plan(index, planned(tmp_path / n, "IMG_1.jpg", n.encode() * 50)) for n in "bc"]
        assert journal.journals(index.path) == [first.journal, *(m.journal for m in then)]


def test_a_line_that_a_crash_cut_short_gives_way_to_the_next(tmp_path: Path) -> None:
    with Index(tmp_path / "index", create=True) as index:
        earlier, last = (trash.apply_plan(index, planned(tmp_path / n, "IMG_1.jpg", n.encode() * 50)) for n in "ab")
        with last.journal.open("ab") as file:
            file.write('{"from": "/cut sh\u00f6'.encode()[:-1])
        assert len(taking_back.undo(index, anywhere=True).files) == 1
        assert journal.journals(index.path) == [earlier.journal]
        assert len(taking_back.undo(index, anywhere=True).files) == 1
        assert journal.journals(index.path) == []


def test_the_latest_run_is_undone_first_whatever_its_name(tmp_path: Path) -> None:
    with Index(tmp_path / "index", create=True) as index:
        moved = [trash.apply_plan(index, planned(tmp_path / n, "IMG_1.jpg", n.encode() * 50)) for n in "abc"]
        assert journals(index.path) == [m.journal for m in moved]
        for n in "cba":
            taking_back.undo(index, anywhere=True)
            assert (tmp_path / n / "IMG_1.jpg").exists()
