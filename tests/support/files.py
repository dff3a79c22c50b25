"""Where tests keep their files, and how they copy them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock

MEMORY = Path("/dev/shm")
NEEDED_BYTES = 8 * 2**30  # what the whole run holds at its peak, with as much again for the programs
ZEROS = bytes(256 * 1024)


def folder_in_memory() -> Path | None:
    """A folder in memory, where waiting for the disk costs nothing: the tests write little, but sync it 10,000 times.
    None where there is none, it has too little room, or programs can't be run from it (one test installs the wheel)."""
    try:
        room = os.statvfs(MEMORY)
        facts = dict(line.split(":") for line in Path("/proc/meminfo").read_text("utf-8").splitlines())
        left = int(facts["MemAvailable"].split()[0]) * 1024
    except (OSError, AttributeError, KeyError):
        return None
    fits = min(room.f_bavail * room.f_frsize, left) >= NEEDED_BYTES
    return MEMORY if fits and not room.f_flag & os.ST_NOEXEC and os.access(MEMORY, os.W_OK) else None


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """The folder ``name`` as ``make(folder)`` has filled it: once, for all processes that share the tests' work."""
    root = factory.getbasetemp()
    folder = (root.parent if "PYTEST_XDIST_WORKER" in os.environ else root) / name
    done = folder.with_name(f"{name}.done")
    with FileLock(folder.with_name(f"{name}.lock")):
        if not done.exists():
            folder.mkdir()
            make(folder)
            done.touch()
    return folder


def copy_with_holes(source: str, target: str) -> str:
    """Copy a file without reading the holes that the file system knows, nor writing blocks of zeros."""
    with open(source, "rb", buffering=0) as read, open(target, "wb") as write:
        for start, end in _data(read.fileno()):
            read.seek(start)
            write.seek(start)
            while start < end and (block := read.read(min(len(ZEROS), end - start))):
                start += len(block)
                if block == ZEROS[: len(block)]:
                    write.seek(start)
                else:
                    write.write(block)
        write.truncate(os.fstat(read.fileno()).st_size)
    return target


def _data(file: int) -> Iterator[tuple[int, int]]:
    """Where the data of a file begins and ends, hole by hole; all of it where the system can't tell."""
    size = os.fstat(file).st_size
    if not hasattr(os, "SEEK_DATA"):
        yield 0, size
        return
    end = 0
    while end < size:
        try:
            start = os.lseek(file, end, os.SEEK_DATA)
        except OSError:  # nothing but a hole is left
            return
        end = os.lseek(file, start, os.SEEK_HOLE)
        yield start, end
