"""The ids of points that change after the columns were written, in a file: after a kill they are read again. It counts
as long as the system runs: after a power cut its end may be missing, while what it tells of is there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from imagefinder._util.lines import read_plain

PREFIX = ".columns-since-"
_LENGTH = 36  # of an id
_NAME = re.compile(re.escape(PREFIX) + "[0-9a-f]{16}")
_BOOT = Path("/proc/sys/kernel/random/boot_id")
MOST_BYTES = 2**28


class ColumnLog:
    """``name`` is that of the file, ``state`` tells this file from any other, and this run of the system from any
    other; it is empty where the system tells neither, and then nobody trusts the file."""

    def __init__(self, path: Path, file: int) -> None:
        self.name, self.state, self._file = path.name, state_of_log(path), file

    @classmethod
    def create(cls, home: Path) -> ColumnLog:
        """Raises OSError."""
        path = home / f"{PREFIX}{os.urandom(8).hex()}"
        return cls(path, os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | _BINARY, 0o600))

    @classmethod
    def open(cls, path: Path) -> ColumnLog:
        """Go on with one, behind its last whole id. Raises OSError."""
        file = os.open(path, os.O_WRONLY | os.O_APPEND | _BINARY)
        os.ftruncate(file, os.fstat(file).st_size // _LENGTH * _LENGTH)
        return cls(path, file)

    @staticmethod
    def is_sure() -> bool:
        """Whether the system tells one of its runs from another."""
        return _BOOT.exists()

    def add(self, ids: Iterable[str]) -> None:
        """Before the points change. Raises OSError."""
        data = "".join(ids).encode()
        if os.write(self._file, data) != len(data):
            raise OSError("The disk is full.")

    def close(self) -> None:
        file, self._file = self._file, -1
        with suppress(OSError):
            os.close(file)


_BINARY = getattr(os, "O_BINARY", 0)


def state_of_log(path: Path) -> str:
    """Empty where there is no such file, or the system can't tell which run of it this is."""
    try:
        found, boot = os.lstat(path), _BOOT.read_text("ascii").strip()
    except (OSError, ValueError):
        return ""
    return f"{path.name} {found.st_dev} {found.st_ino} {boot}" if _NAME.fullmatch(path.name) else ""


def logged(path: Path) -> list[str]:
    """Raises OSError or ValueError."""
    data = read_plain(path, MOST_BYTES).decode("ascii")
    return [data[at : at + _LENGTH] for at in range(0, len(data) - _LENGTH + 1, _LENGTH)]
