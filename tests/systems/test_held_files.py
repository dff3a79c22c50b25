"""Files that are open: Windows lets nobody rename or remove them, and others hold ours for a moment."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from command import run_cli
from windows import locked_while_open

from imagefinder._util import lines, local_servers, private_copy, systems
from imagefinder._util.files import write_whole
from imagefinder._util.places import rename_folder
from imagefinder.duplicates.moving import move
from imagefinder.errors import IndexDamagedError, StorageError
from imagefinder.index.jsonfile import read_json, write_json

SAMPLES = Path(__file__).resolve().parents[2] / "examples" / "images"


def held(code: int = 32) -> PermissionError:
    error = PermissionError(errno.EACCES, "The process cannot access the file because it is being used")
    error.winerror = code  # type: ignore[attr-defined, unused-ignore]
    return error


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """As on Windows; the waits are counted and take no time."""
    taken: list[float] = []
    monkeypatch.setattr(systems, "WINDOWS", True)
    monkeypatch.setattr(systems.time, "sleep", taken.append)
    return taken


def refusing(monkeypatch: pytest.MonkeyPatch, name: str, times: int, code: int = 32) -> list[object]:
    """``os.NAME`` fails so many times as Windows does, and works then; the paths of all calls."""
    real, calls = getattr(os, name), []

    def call(*given: object, **options: object) -> object:
        calls.append(given)
        if len(calls) <= times:
            raise held(code)
        return real(*given, **options)

    monkeypatch.setattr(os, name, call)
    return calls


# --- what another program holds for a moment --------------------------------------------------------------------------


@pytest.mark.parametrize("code", [5, 32, 33])
def test_a_file_is_replaced_when_the_other_has_closed_it(
    code: int, tmp_path: Path, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "index.json").write_bytes(b"old")
    calls = refusing(monkeypatch, "replace", 4, code)
    write_whole(tmp_path / "index.json", b"new")
    assert (tmp_path / "index.json").read_bytes() == b"new" and len(calls) == 5
    assert waits == list(systems.WAITS_S[:4]) and list(tmp_path.iterdir()) == [tmp_path / "index.json"]


def test_one_that_never_closes_it_is_an_error_and_loses_nothing(
    tmp_path: Path, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "index.json").write_bytes(b"old")
    refusing(monkeypatch, "replace", 1000)
    with pytest.raises(StorageError, match="What was there before is untouched"):
        write_whole(tmp_path / "index.json", b"new")
    assert (tmp_path / "index.json").read_bytes() == b"old" and list(tmp_path.iterdir()) == [tmp_path / "index.json"]
    assert waits == list(systems.WAITS_S) and sum(waits) < 2


def test_other_refusals_are_not_waited_for(tmp_path: Path, waits: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    calls = refusing(monkeypatch, "replace", 1000, code=1314)  # a right that is missing
    with pytest.raises(StorageError):
        write_whole(tmp_path / "index.json", b"new")
    assert len(calls) == 1 and not waits


def test_elsewhere_nothing_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = refusing(monkeypatch, "replace", 1)
    with pytest.raises(StorageError):
        write_whole(tmp_path / "index.json", b"new")
    assert len(calls) == 1


def test_an_index_that_is_being_written_is_not_damaged(
    tmp_path: Path, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who reads while another replaces the file is refused for a moment."""
    write_json(tmp_path / "index.json", {"version": 1})
    refusing(monkeypatch, "open", 3)
    assert read_json(tmp_path / "index.json", {"version": int}, "") == {"version": 1} and len(waits) == 3
    refusing(monkeypatch, "open", 1000)
    with pytest.raises(IndexDamagedError):
        read_json(tmp_path / "index.json", {"version": int}, "")


def move_file(folder: Path) -> Path:
    move(folder / "a", folder / "b")
    return folder / "b"


def add_line(folder: Path) -> Path:
    lines.add_lines(folder / "a", b"more\n")
    return folder / "a"


def private(folder: Path) -> Path:
    local_servers.write_privately(folder / "a", "more\n")
    return folder / "a"


def renamed(folder: Path) -> Path:
    (folder / "folder").mkdir()
    return Path(str(rename_folder(folder / "folder", folder / "other")))


@pytest.mark.parametrize(
    ("call", "work"),
    [("rename", move_file), ("open", add_line), ("replace", private), ("rename", renamed)],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_all_that_is_renamed_or_opened_is_tried_again(
    call: str, work: Callable[[Path], Path], tmp_path: Path, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_bytes(b"line\n")
    if work is move_file:
        monkeypatch.setattr("imagefinder.duplicates.moving._rename", systems.rename_path)  # its branch of Windows
    refusing(monkeypatch, call, 2)
    assert work(tmp_path).exists() and len(waits) == 2


def test_no_module_renames_a_file_without_patience() -> None:
    """What is called on Linux only may: branches for POSIX, and those that a name reserves."""
    package = Path(systems.__file__).resolve().parents[1]
    may = {"_util/systems.py", "_util/files.py", "duplicates/moving.py"}
    bare = [
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if any(call in path.read_text("utf-8") for call in ("os.replace(", "os.rename("))
    ]
    assert {name.replace(os.sep, "/") for name in bare} <= may


def test_what_a_killed_process_left_is_removed_though_its_lock_lies_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = tmp_path / f"{private_copy.PREFIX}x"
    left.mkdir()
    (left / private_copy.ALIVE).touch()
    real, seen = shutil.rmtree, []

    def rmtree(path: Path, **options: object) -> None:
        seen.append(path)
        if len(seen) > 1:  # the first time the lock is held, which Windows does not remove
            real(path, ignore_errors=True)

    monkeypatch.setattr(private_copy.shutil, "rmtree", rmtree)
    private_copy._clear(tmp_path)
    assert not left.exists()


# --- what we hold ourselves -------------------------------------------------------------------------------------------

linux = pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="Linux tells what a process has open")


@linux
def test_the_play_of_windows_refuses_what_windows_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import mmap

    inside, mapped = tmp_path / "folder" / "inside", tmp_path / "mapped"
    inside.parent.mkdir()
    mapped.write_bytes(b"x" * 4096)
    with mapped.open("r+b") as file:
        view = mmap.mmap(file.fileno(), 0)
    with inside.open("wb"), locked_while_open(monkeypatch) as tried:
        for refused in (
            lambda: inside.unlink(),
            lambda: inside.parent.rename(tmp_path / "other"),
            lambda: os.replace(inside, tmp_path / "x"),
            lambda: mapped.unlink(),
            lambda: shutil.rmtree(inside.parent),
        ):
            with pytest.raises(PermissionError):
                refused()
    assert len(tried) == 5
    view.close()
    with locked_while_open(monkeypatch) as tried:
        shutil.rmtree(inside.parent)
        mapped.unlink()
    assert not tried


@linux
@pytest.mark.files
def test_nothing_is_renamed_or_removed_while_we_have_it_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The life of an index, from the first run to a rebuild."""
    pictures, home = tmp_path / "pictures", tmp_path / "index"
    pictures.mkdir()
    for i, path in enumerate(sorted((SAMPLES / "food").iterdir())[:6] + sorted((SAMPLES / "vehicles").iterdir())[:6]):
        shutil.copyfile(path, pictures / f"{i:02}.jpg")
    shutil.copyfile(pictures / "00.jpg", pictures / "copy.jpg")
    rows = "".join(f"{i:02}.jpg,{'food' if i < 6 else 'vehicles'}\n" for i in range(12))
    (tmp_path / "labels.csv").write_text(f"filename,label\n{rows}", "utf-8")
    with locked_while_open(monkeypatch) as tried:
        for words, code in (
            (("index", pictures, "--model", "fast"), 0),
            (("cluster", "-n", "2", "--method", "kmeans"), 0),
            (("cluster", "-n", "3", "--method", "kmeans"), 0),
            (("map", "--method", "pca", "--out", tmp_path / "map.html"), 0),
            (("map", "--method", "pca", "--out", tmp_path / "map.html"), 0),
            (("duplicates", "--plan", tmp_path / "plan.json"), 0),
            (("duplicates", "apply", tmp_path / "plan.json"), 0),
            (("duplicates", "undo"), 0),
            (("train", "classifier", "--labels", tmp_path / "labels.csv", "--name", "mine"), 0),
            (("spaces", "drop", "mine"), 0),
            (("backup", tmp_path / "index.tar"), 0),
            (("backup", tmp_path / "index.tar"), 0),
            (("restore", tmp_path / "index.tar", "--index", tmp_path / "restored"), 0),
            (("index", "--rebuild"), 0),
            (("index", "--rebuild"), 0),
            (("remove", pictures / "02.jpg"), 0),
        ):
            done = run_cli(*words, *(() if "--index" in words else ("--index", home)))
            assert done.returncode == code, (words, done.stdout, done.stderr)
            assert not tried, words
