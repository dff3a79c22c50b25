"""The lock of an index: one process at a time has it open, and a second one is told which."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from imagefinder.errors import IndexLockedError, StorageError

if TYPE_CHECKING:
    from filelock import BaseFileLock

LOCK_NAME = ".lock"
HOLDER_NAME = ".lock.json"
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
        """Take the lock, waiting ``timeout`` seconds at most.

        Raises:
            IndexLockedError: another holds it; the message names the holder.
            StorageError: the folder can't be written.
        """
        from filelock import FileLock, Timeout

        if self._lock is not None:
            raise IndexLockedError(f"The index {self._folder} is locked already, by this very lock.")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self._folder / LOCK_NAME, is_singleton=False)
            lock.acquire(timeout=timeout, poll_interval=_POLL_S)
        except Timeout:
            raise self._locked() from None
        except (OSError, NotImplementedError) as error:
            raise StorageError(
                f"The index {self._folder} can't be locked: {getattr(error, 'strerror', None) or error}.",
                remedy="It needs a folder you may write to, on a file system that has locks.",
            ) from error
        self._lock = lock
        self._write_holder()
        return self

    def release(self) -> None:
        """Give the lock back. Safe to call twice."""
        lock, self._lock = self._lock, None
        if lock is not None:
            with contextlib.suppress(OSError):
                (self._folder / HOLDER_NAME).unlink(missing_ok=True)
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
        }
        with contextlib.suppress(OSError):  # the lock holds without it; only the message would be poorer
            (self._folder / HOLDER_NAME).write_text(json.dumps(holder), "utf-8")

    def _locked(self) -> IndexLockedError:
        try:
            holder = json.loads((self._folder / HOLDER_NAME).read_text("utf-8"))
            pid, host, command, since = (holder[key] for key in ("pid", "host", "command", "since"))
            url = str(holder.get("url", ""))
        except (OSError, ValueError, KeyError, TypeError):
            return IndexLockedError(
                f"The index {self._folder} is in use by another process.", remedy="Wait for it to end, or stop it."
            )
        if pid == os.getpid() and host == socket.gethostname():
            return IndexLockedError(
                f"The index {self._folder} is open already in this process.", remedy="Close it first, or share it."
            )
        return IndexLockedError(
            f"The index {self._folder} is in use by {command!r} (process {pid} on {host}, since {since}).",
            remedy=f"It answers at {url} meanwhile; or stop it." if url else "Wait for it to end, or stop it.",
            url=url,
        )
