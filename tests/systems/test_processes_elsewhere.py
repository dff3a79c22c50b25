"""Ports, signals, locks, and what the disk is told, where a system has others than Linux."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from filelock import SoftFileLock

from imagefinder import ImageFinder
from imagefinder._util import files, lines, memory, processes, systems
from imagefinder.errors import IndexLockedError, InvalidInputError
from imagefinder.images import apart
from imagefinder.index import reading
from imagefinder.index.lock import IndexLock
from imagefinder.server import connections, run, workers
from imagefinder.server.settings import ServerSettings

SAMPLES = Path(__file__).resolve().parents[2] / "examples" / "images"


# --- ports ------------------------------------------------------------------------------------------------------------


def test_a_port_of_another_program_is_not_taken_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """There SO_REUSEADDR would take it, and visitors would come to one or the other."""
    assert run._sharing() == socket.SO_REUSEADDR
    exclusive, set_options = -5, []
    monkeypatch.setattr(socket, "SO_EXCLUSIVEADDRUSE", exclusive, raising=False)

    class Listener:
        def __init__(self, *given: object) -> None: ...

        def setsockopt(self, level: int, option: int, value: int) -> None:
            set_options.append(option)

        def bind(self, address: tuple[str, int]) -> None:
            if address[1] == 8642:
                raise OSError(errno.EADDRINUSE, "Only one usage of each socket address is normally permitted")
            self.port = address[1]

        def listen(self, backlog: int) -> None: ...

        def close(self) -> None: ...

        def getsockname(self) -> tuple[str, int]:
            return "127.0.0.1", self.port

    monkeypatch.setattr(run.socket, "socket", Listener)
    _, settings = run.bind(ServerSettings(port=8642), any_port=True)
    assert settings.port == 8643 and set_options == [exclusive] * 2
    with pytest.raises(InvalidInputError, match="8642"):
        run.bind(ServerSettings(port=8642), any_port=False)


def test_a_port_that_is_taken_is_said_here_too() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(InvalidInputError, match=f"{port}"):
            run.bind(ServerSettings(port=port), any_port=False)


def test_windows_counts_no_open_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections.sys, "platform", "win32")
    monkeypatch.setitem(sys.modules, "resource", None)  # which isn't there
    assert connections.connections_allowed() == connections.MOST


# --- signals ----------------------------------------------------------------------------------------------------------


def test_workers_end_for_every_signal_that_the_system_has(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {signal.SIGINT, signal.SIGTERM} <= set(workers.ENDING)
    code = (
        "import signal; signal.SIGBREAK = 21\nfrom imagefinder.server.workers import ENDING; print(*map(int, ENDING))"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", env=env, check=True)
    assert said.stdout.split() == ["2", "15", "21"]


def test_a_console_ends_its_processes_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """On Windows ``os.kill`` would end a worker at once, in the middle of its work."""
    monkeypatch.setattr(workers, "os", SimpleNamespace(name="nt", kill=lambda *given: pytest.fail("killed")))
    workers._send(1, signal.SIGINT)


def test_a_decoder_is_ended_by_the_clock_on_the_wall_without_timers() -> None:
    """Windows has no timer of the processor: what hangs there is ended from outside, sooner."""
    code = (
        "import signal; del signal.setitimer\n"
        "from imagefinder.images import worker; worker._end_after(0.1); worker._bound_memory(10**6); print('goes on')"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", env=env, check=False)
    assert said.stdout == "goes on\n", said.stderr
    assert (12 if os.name == "posix" else 3) == apart.WAIT


def test_pipes_and_memory_are_left_alone_where_nothing_is_known_of_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with (tmp_path / "pipe").open("wb") as pipe:
        apart._widen(pipe)
    monkeypatch.setattr(memory.sys, "platform", "darwin")
    memory._glibc.cache_clear()
    memory.stay_small()
    memory.give_back()
    memory._glibc.cache_clear()


# --- processes --------------------------------------------------------------------------------------------------------


class Kernel:
    """What Windows says of processes."""

    def __init__(self, code: int | None, known: bool = True) -> None:
        self.closed: list[int] = []
        self.OpenProcess = Call(lambda right, inherit, pid: 77 if code is not None else 0)
        self.GetExitCodeProcess = Call(lambda handle, at: self._tell(handle, at, code, known))
        self.CloseHandle = Call(lambda handle: self.closed.append(handle.value))

    @staticmethod
    def _tell(handle: Any, at: Any, code: int | None, known: bool) -> bool:
        assert handle.value == 77
        at._obj.value = code
        return known


class Call:
    restype: Any = None

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def __call__(self, *given: Any) -> Any:
        return self._call(*given)


@pytest.mark.parametrize(
    ("kernel", "alive"),
    [(Kernel(259), True), (Kernel(0), False), (Kernel(None), False), (Kernel(0, known=False), True)],
    ids=["runs", "has ended", "never was", "is not told"],
)
def test_who_runs_on_windows(kernel: Kernel, alive: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "WinDLL", lambda name, use_last_error: kernel, raising=False)
    monkeypatch.setattr(processes.os, "kill", lambda *given: pytest.fail("os.kill ends a process there"))
    assert processes._is_alive_on_windows(4711) is alive
    assert kernel.closed == ([77] if kernel.OpenProcess(0, False, 1) else [])


# --- the disk ---------------------------------------------------------------------------------------------------------


def test_on_macos_the_drive_itself_is_told_to_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(systems, "MACOS", True)
    monkeypatch.setattr(fcntl, "fcntl", lambda handle, call: asked.append(call))
    monkeypatch.setattr(os, "fsync", lambda handle: None if os.path.isdir(f"/proc/self/fd/{handle}") else pytest.fail())
    files.write_whole(tmp_path / "a", b"x")
    lines.add_lines(tmp_path / "b", b"x\n")
    assert asked == [51, 51]


def test_on_macos_a_file_system_without_that_call_is_synced_as_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []

    def refuse(handle: int, call: int) -> None:
        raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr(systems, "MACOS", True)
    monkeypatch.setattr(fcntl, "fcntl", refuse)
    monkeypatch.setattr(os, "fsync", synced.append)
    files.write_whole(tmp_path / "a", b"x")
    assert len(synced) == 2  # the file, and its folder


@pytest.mark.parametrize(
    ("number", "fails"), [(errno.EINVAL, False), (errno.ENOTSUP, False), (errno.EIO, True), (errno.ENOSPC, True)]
)
def test_folders_that_can_not_be_synced(
    number: int, fails: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shares of other machines know no such thing, and what was written there is written; a full or broken disk is
    another matter."""
    real = os.fsync

    def fsync(handle: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{handle}"):
            raise OSError(number, os.strerror(number))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    if fails:
        with pytest.raises(OSError):
            systems.sync_folder(tmp_path)
    else:
        files.write_whole(tmp_path / "a", b"x")
        assert (tmp_path / "a").read_bytes() == b"x"


def test_names_are_given_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on FAT and many shares."""

    def refuse(*given: object, **options: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    (tmp_path / "a").write_bytes(b"x")
    files.rename_new(tmp_path / "a", tmp_path / "b")
    (tmp_path / "c").write_bytes(b"y")
    with pytest.raises(FileExistsError):
        files.rename_new(tmp_path / "c", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"x" and (tmp_path / "c").read_bytes() == b"y"


# --- locks ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def other_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks of another kind than those of Linux, and no fcntl: the index relies on the promise of a lock alone."""
    monkeypatch.setattr("filelock.FileLock", SoftFileLock)
    monkeypatch.setitem(sys.modules, "fcntl", None)


@pytest.mark.files
def test_one_writes_and_others_read_with_other_locks(other_locks: None, tmp_path: Path) -> None:
    home = tmp_path / "index"
    with ImageFinder.open(home, model="fast") as finder:
        finder.add(sorted((SAMPLES / "food").iterdir())[0])
        with pytest.raises(IndexLockedError):
            IndexLock(home).acquire(timeout=0.05)
    with ImageFinder.open(home, read_only=True) as reader:
        assert len(reader) == 1
    with IndexLock(home) as lock:
        assert lock is not None


def test_a_folder_that_can_not_be_locked_is_copied_without_fcntl(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with reading._no_writer(tmp_path, IndexLock(tmp_path)):
        pass
