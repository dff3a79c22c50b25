"""One process at a time works on an index; a second one is told which."""

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
    """The lock of the index in ``folder``: the system's own, so it ends with the process, however that ends.

    A file beside it names the holder for the message only; one left behind by a killed process is no obstacle. A
    second lock on the folder within one process is refused as well.
    """

    def __init__(self, folder: str | Path, command: str | None = None) -> None:
        """``command`` is what to call the holder in the message of another; by default, the command line."""
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
        """Note where the holder answers for the index, for those who find it locked."""
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
