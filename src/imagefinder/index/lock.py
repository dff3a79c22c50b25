"""The lock of an index: one process at a time has it open, and a second one is told which."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from imagefinder._util.lines import read_plain
from imagefinder._util.processes import is_stopped
from imagefinder._util.shapes import check_shape
from imagefinder.errors import ImageFinderError, IndexLockedError, StorageError
from imagefinder.store.shared.address import is_address

if TYPE_CHECKING:
    from filelock import BaseFileLock

LOCK_NAME = ".lock"
HOLDER_NAME = ".lock.json"
DOOR_NAME = ".lock.door"  # where the holder answers, and the secret that it wants to hear; for this user only
TURN_NAME = ".lock.next"  # held by a writer that waits for the lock: no reader takes the lock before it
STOPPED = "That process is stopped, as by Ctrl-Z, and answers nobody."
RESUME = "Let it go on (`fg` in its terminal, or `kill -CONT {pid}`), or end it."
MOST_BYTES = 100_000  # of what is written about a lock
BUSY_S = 60.0  # for a holder that answers others, but has not yet: the machine may be busy
AGAIN_S = 2.0  # for asking it again
_POLL_S = 0.05


class IndexLock:
    """The lock of the index in ``folder``. It is a lock of the operating system, so it ends with the process in any
    case.

    A file beside it names the process that holds the lock, for the message only. If a killed process leaves this file
    behind, that does no harm. A second lock on the folder in the same process is refused too.
    """

    def __init__(self, folder: str | Path, command: str | None = None) -> None:
        """``command`` describes this process in the message to others; by default its command line."""
        self._folder = Path(folder)
        self._command = command or " ".join([Path(sys.argv[0] or "python").name, *sys.argv[1:]])
        self._lock: BaseFileLock | None = None

    def acquire(self, timeout: float = 2.0) -> Self:
        """Take the lock, waiting ``timeout`` seconds at most. A holder that only reads is asked to let go of it, and is
        given the time to do so.

        Raises:
            IndexLockedError: another holds it; the message names the holder.
            StorageError: the folder can't be written.
        """
        from filelock import FileLock, Timeout

        if self._lock is not None:
            raise IndexLockedError(f"The index {self._folder} is locked already, by this very lock.")
        end = time.monotonic() + timeout
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self._folder / LOCK_NAME, is_singleton=False)
            turn = FileLock(self._folder / TURN_NAME, is_singleton=False)
            with turn.acquire(timeout=timeout, poll_interval=_POLL_S):
                self._when_free(lock, end)
        except Timeout:
            raise self.locked() from None
        except (OSError, NotImplementedError) as error:
            raise self._cannot(error) from error
        self._lock = lock
        self._write_holder()
        return self

    def _when_free(self, lock: BaseFileLock, end: float) -> None:
        """Take ``lock`` until ``end``, having whoever holds it for reading only let go. Raises Timeout."""
        from filelock import Timeout

        asked: object = None
        latest = time.monotonic() + BUSY_S
        while True:
            try:
                lock.acquire(timeout=0)
                return
            except Timeout:
                if time.monotonic() >= end:
                    raise
            door = read_door(self._folder)
            if door and door != asked:
                if _ask_to_hand_over(door, BUSY_S):
                    asked = door
                elif not is_stopped(door["pid"]):  # it has ended, or is too busy to answer yet
                    end = max(end, min(latest, time.monotonic() + AGAIN_S))
            time.sleep(_POLL_S)

    def acquire_to_read(self) -> bool:
        """Take the lock if it is free and no writer waits for it; whether it was taken. Raises StorageError."""
        from filelock import FileLock, Timeout

        try:
            lock = FileLock(self._folder / LOCK_NAME, is_singleton=False)
            with FileLock(self._folder / TURN_NAME, is_singleton=False).acquire(timeout=0):
                lock.acquire(timeout=0)
        except Timeout:
            return False
        except (OSError, NotImplementedError) as error:
            raise self._cannot(error) from error
        self._lock = lock
        self._write_holder()
        return True

    def _cannot(self, error: Exception) -> StorageError:
        return StorageError(
            f"The index {self._folder} can't be locked: {getattr(error, 'strerror', None) or error}.",
            remedy="It needs a folder you may write to, on a file system that has locks.",
        )

    def show_door(self, door: Mapping[str, Any]) -> bool:
        """Tell other processes of this user where this one answers; whether that could be written."""
        path = self._folder / DOOR_NAME
        try:
            path.unlink(missing_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                told = {"host": socket.gethostname(), "pid": os.getpid(), "lock": _lock_file(self._folder)}
                json.dump({**told, **door}, file)
        except OSError:
            return False
        return True

    def release(self) -> None:
        """Give the lock back. Safe to call twice."""
        lock, self._lock = self._lock, None
        if lock is not None:
            for name in (HOLDER_NAME, DOOR_NAME):
                with contextlib.suppress(OSError):
                    (self._folder / name).unlink(missing_ok=True)
            lock.release()

    def __enter__(self) -> Self:
        return self if self._lock is not None else self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def serve_at(self, url: str) -> None:
        """Write down the URL at which the index is served, for processes that find it locked."""
        if self._lock is not None:
            self._write_holder(url)

    def _write_holder(self, url: str = "") -> None:
        holder = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "command": self._command,
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
            "url": url,
            "lock": _lock_file(self._folder),
        }
        with contextlib.suppress(OSError):  # the lock holds without it; only the message would be poorer
            (self._folder / HOLDER_NAME).write_text(json.dumps(holder), "utf-8")

    def locked(self) -> IndexLockedError:
        """The error that names the holder."""
        try:
            holder = _told(self._folder, HOLDER_NAME, _HOLDER)
            pid, host, command, since = (holder[key] for key in ("pid", "host", "command", "since"))
            url = holder["url"]
        except (OSError, ValueError):
            return IndexLockedError(
                f"The index {self._folder} is in use by another process.", remedy="Wait for it to end, or stop it."
            )
        if pid == os.getpid() and host == socket.gethostname():
            return IndexLockedError(
                f"The index {self._folder} is open already in this process.", remedy="Close it first, or share it."
            )
        message = f"The index {self._folder} is in use by '{command}' (process {pid} on {host}, since {since})."
        if host == socket.gethostname() and is_stopped(pid):
            return IndexLockedError(f"{message} {STOPPED}", remedy=RESUME.format(pid=pid))
        remedy = f"It answers at {url} meanwhile; or stop it." if url else "Wait for it to end, or stop it."
        return IndexLockedError(message, remedy=remedy, url=url)


_DOOR = {"host": str, "pid": int, "lock": str, "address": object, "secret": re.compile("[0-9a-f]{2,200}")}
_HOLDER = {"pid": int, "host": str, "command": str, "since": str, "url": str, "lock?": str}


def _lock_file(folder: Path) -> str:
    """Which file is locked: a copy of the folder, with all that was written about the lock, has another. Raises
    OSError."""
    found = os.stat(folder / LOCK_NAME)
    return f"{found.st_dev}:{found.st_ino}"


def _told(folder: Path, name: str, shape: Any) -> dict[str, Any]:
    """What is written about the lock of this very folder. Raises OSError or ValueError."""
    row = json.loads(read_plain(folder / name, MOST_BYTES))
    check_shape(row, shape)
    if row.get("lock") != _lock_file(folder):
        raise ValueError("it is about the lock of another folder, of which this is a copy")
    found: dict[str, Any] = row
    return found


def read_door(folder: Path) -> dict[str, Any] | None:
    """Where the holder of the index answers; None when there is none on this machine that this user may ask."""
    try:
        door = _told(folder, DOOR_NAME, _DOOR)
    except (OSError, ValueError, RecursionError):
        return None
    return door if door["host"] == socket.gethostname() and is_address(door["address"]) else None


def served_at(folder: Path) -> str:
    """The URL at which the holder of the index serves it, as it wrote it down; empty if nobody holds it."""
    from filelock import FileLock, Timeout

    try:
        with FileLock(folder / LOCK_NAME, timeout=0, is_singleton=False):
            return ""
    except (Timeout, OSError, NotImplementedError):
        pass
    try:
        return str(_told(folder, HOLDER_NAME, _HOLDER)["url"])
    except (OSError, ValueError, RecursionError):
        return ""


def _ask_to_hand_over(door: Mapping[str, Any], timeout: float) -> bool:
    """Whether the holder has answered; one that reads lets go of the index, one that writes says no."""
    from imagefinder.store.shared.ask import AskingStore
    from imagefinder.store.shared.line import HolderGoneError

    try:
        holder = AskingStore(door, timeout)
        try:
            holder.ask("hand_over")
        finally:
            holder.close()
    except HolderGoneError:
        return False
    except ImageFinderError:
        pass
    return True
