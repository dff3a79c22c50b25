"""A copy of a folder for this process alone, where there is room for it. It is removed in the end, or by the next one
after a kill."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from imagefinder._util.files import disk_use
from imagefinder._util.sums import data_from
from imagefinder.errors import StorageError

PREFIX = "imagefinder-copy-"
ALIVE = "alive"  # is locked while the process lives
BLOCK = 1 << 20
LARGE = 100_000_000  # bytes; such a copy is told of (``logging`` writes it to stderr), for it takes a while


@contextmanager
def private_copy(folder: Path, spare: int) -> Iterator[Path]:
    """A copy of ``folder`` that only this user can read, with ``spare`` bytes free beside it, until the end of the
    block. Copies of processes that were killed are removed first. A warning is logged before a large one is made.

    Raises:
        StorageError: no temporary folder has that room, or ``folder`` can't be read.
    """
    from filelock import FileLock

    wanted = disk_use(folder) + spare
    places = [place for place in _places() if place.is_dir() and os.access(place, os.W_OK)]
    for place in places:
        _clear(place)
    home = next((p for p in places if shutil.disk_usage(p).free >= wanted), None)
    if home is None:
        raise StorageError(
            f"{folder} can only be read as a copy, and no temporary folder has {wanted / 1e6:.0f} MB free.",
            remedy="Make room, or set TMPDIR to a folder that has it.",
        )
    if wanted - spare >= LARGE:
        import logging

        logging.getLogger("imagefinder").warning(
            "The index can't be locked where it is, so %.0f MB of it are copied to %s, for this process alone.",
            (wanted - spare) / 1e6,
            home,
        )
    mine = Path(tempfile.mkdtemp(prefix=PREFIX, dir=home))
    lock = FileLock(mine / ALIVE, is_singleton=False)
    lock.acquire()
    try:
        copy_folder(folder, mine / folder.name)
        yield mine / folder.name
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(f"{folder} can't be copied: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(mine, ignore_errors=True)
        lock.release()
        shutil.rmtree(mine, ignore_errors=True)


def _places() -> list[Path]:
    return [Path(tempfile.gettempdir()), Path("/dev/shm"), Path("/var/tmp")]


def _clear(place: Path) -> None:
    """Remove the copies whose process is dead: nothing holds their lock."""
    from filelock import FileLock, Timeout

    for left in place.glob(f"{PREFIX}*"):
        if (left / ALIVE).exists() and os.access(left, os.W_OK):
            with suppress(Timeout, OSError):
                with FileLock(left / ALIVE, timeout=0, is_singleton=False):
                    shutil.rmtree(left, ignore_errors=True)
                shutil.rmtree(left, ignore_errors=True)  # Windows keeps the file that was locked until here


def copy_folder(source: Path, target: Path) -> None:
    """Copy a folder to a name that is not there yet, without filling holes. Raises OSError."""
    target.mkdir()
    for entry in os.scandir(source):
        if entry.is_dir():
            copy_folder(Path(entry.path), target / entry.name)
        else:
            copy_file(Path(entry.path), target / entry.name)


def copy_file(source: Path, target: Path) -> None:
    """Copy a file without filling its holes, where the system tells where they are."""
    with source.open("rb") as file, target.open("xb") as copy:
        size = os.fstat(file.fileno()).st_size
        start = 0
        while start < size:
            start, end = data_from(file.fileno(), start, size)
            file.seek(start)
            copy.seek(start)
            while start < end:
                part = file.read(min(BLOCK, end - start))
                if not part:
                    break
                copy.write(part)
                start += len(part)
            start = end
        copy.truncate(size)
