"""Files of lines to which lines are added: each is on the disk when that returns, and one cut short harms no other."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from imagefinder._util.places import Place
from imagefinder._util.systems import patiently, sync_file, sync_folder


def add_lines(path: Place, lines: bytes, *, sync: bool = True) -> int:
    """Add lines, which end in a newline, to a file; they take the place of one that a crash cut short. Without ``sync``
    a power cut may lose them, but no kill. The size of the file then. Never writes through a link. Raises OSError."""
    if not isinstance(path, Path):
        return path.add(lines)[0]
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with os.fdopen(patiently(lambda: os.open(path, flags, 0o666)), "r+b") as file:
        size = file.seek(0, os.SEEK_END)
        if size:
            file.seek(size - 1)
            if file.read(1) != b"\n":
                file.seek(0)
                file.truncate(file.read().rfind(b"\n") + 1)
            file.seek(0, os.SEEK_END)
        file.write(lines)
        file.flush()
        if sync:
            sync_file(file.fileno())
        whole = file.tell()
    if sync and not size:
        sync_folder(path.parent)
    return whole


def read_plain(path: Place, most: int) -> bytes:
    """The bytes of a regular file of ``most`` bytes at most; never waits, as for a pipe. Raises OSError."""
    if not isinstance(path, Path):
        return path.read()
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    handle = patiently(lambda: os.open(path, flags))
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(f"{path} is no file")
        if found.st_size > most:
            raise OSError(f"{path} has {found.st_size:,} bytes, more than {most:,}")
        return file.read()
