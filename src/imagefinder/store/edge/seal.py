"""What the engine's files were like when they were last known to be right: how many points there are, the size of each
file and its checksum. A file that was cut short, or changed on the disk, is found before the engine reads it: it would
take half of the points for all of them, or end the process.

It is written when a store is closed, and says so. While something is written, only what can't be otherwise is known:
files don't get shorter, what was flushed stays, and so many points at least are there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imagefinder._util.files import write_whole
from imagefinder._util.lines import read_plain
from imagefinder._util.shapes import check_shape
from imagefinder._util.sums import file_sum, json_sum, with_sum, without_sum
from imagefinder.errors import IndexDamagedError
from imagefinder.store.edge.engine import DAMAGED_REMEDY
from imagefinder.store.edge.live import POINTER, PREFIX

NAME = "sealed.json"
LOG = "wal"  # the folder of the engine's log, which has checksums of its own, and of which a power cut takes the end
MAPPINGS = "mutable_id_tracker.mappings"  # which id is which point: lines are added at its end
JSON = ".json"  # the ending of files whose keys the engine writes in another order each time; they have no size here
PASSING = "_journal.dat"  # files that the next opening removes
FROZEN = ("/matrix.dat", "/links_compressed.bin")  # vectors in a graph, and the graph: never written again
QUICK = 512 * 1024  # bytes on the disk: files that take no more are compared at each opening, the others when asked
MOST_BYTES = 2**24
_SHAPE = {"points": int, "closed": bool, "files": {str: [(int, None)]}, "columns?": str}


@dataclass(frozen=True)
class Seal:
    """``points`` there are, at least that many while not ``closed``; ``files`` are size and checksum by name, the
    latter None where it is not known. ``columns`` is the log of what has changed since columns were written beside an
    open store, if there is one, see ``column_log``."""

    points: int = 0
    closed: bool = False
    files: dict[str, tuple[int, int | None]] = field(default_factory=dict)
    columns: str = ""


def read_seal(path: Path) -> Seal | None:
    """The seal of the store in ``path``; None where there is none, as in one of an older version, or no right one."""
    try:
        row = without_sum(json.loads(read_plain(path / NAME, MOST_BYTES)))
        check_shape(row, _SHAPE)
        files = {name: (pair[0], pair[1]) for name, pair in row["files"].items()}
        return Seal(row["points"], row["closed"], files, row.get("columns", ""))
    except (OSError, ValueError, RecursionError, AttributeError, IndexError):
        return None


def write_seal(path: Path, seal: Seal) -> None:
    """Raises StorageError."""
    row: dict[str, Any] = {"points": seal.points, "closed": seal.closed, "files": seal.files}
    row |= {"columns": seal.columns} if seal.columns else {}
    write_whole(path / NAME, json.dumps(with_sum(row), separators=(",", ":")).encode())


def check_files(path: Path, seal: Seal, *, all: bool = False) -> None:
    """Compare the files with the seal, by their checksums only those that are small, unless ``all``. Raises
    IndexDamagedError, which names the file."""
    for name, (size, told) in seal.files.items():
        file = path / name
        try:
            found = os.lstat(file)
        except OSError:
            if name.endswith(PASSING):
                continue
            raise _damaged(file, "it is missing") from None
        if size >= 0 and (found.st_size < size or (seal.closed and found.st_size != size)):
            raise _damaged(file, f"it has {found.st_size:,} bytes instead of {size:,}")
        if told is None or not (all or getattr(found, "st_blocks", 0) * 512 <= QUICK or name.endswith(MAPPINGS)):
            continue
        try:
            right = _sum(file, size) == told
        except (OSError, ValueError, RecursionError) as error:
            raise _damaged(file, f"it can't be read: {getattr(error, 'strerror', None) or error}") from error
        if not right:
            raise _damaged(file, "its checksum is another")


def check_count(path: Path, seal: Seal, *counts: Callable[[], int]) -> None:
    """Compare the number of points with the seal; ``counts`` are ways to count them, the cheapest first, of which the
    last one is exact. Raises IndexDamagedError."""
    for count in counts:
        found = count()
        if found == seal.points or (found > seal.points and not seal.closed):
            return
    raise _damaged(path, f"it has {found:,} images instead of {seal.points:,}")


def _damaged(path: Path, what: str) -> IndexDamagedError:
    return IndexDamagedError(f"{path} is damaged: {what}.", remedy=DAMAGED_REMEDY)


def opened(path: Path, points: int) -> Seal:
    """The seal of a store in which something is about to be written: of all that is flushed."""
    files: dict[str, tuple[int, int | None]] = {}
    for name, found in _files(path):
        if name.endswith((JSON, PASSING)):
            continue
        prefix = file_sum(path / name, found.st_size) if name.endswith(MAPPINGS) else None
        files[name] = (found.st_size, prefix)
    return Seal(points, False, files)


def closed(path: Path, points: int, before: Seal | None, payloads_only: bool) -> Seal:
    """The seal of a store that is closed. With ``payloads_only``, nothing else was written since ``before``: the
    checksums of vectors, which are most of the bytes, stay. Where there is a graph only those in it do: a point whose
    payload is changed leaves it, and the engine writes its vectors to a part that is compared one by one."""
    files: dict[str, tuple[int, int | None]] = {}
    known = before.files if before and before.closed and payloads_only else {}
    stays = FROZEN if any(name.endswith(FROZEN) for name in known) else ("",)
    for name, found in _files(path):
        size = -1 if name.endswith(JSON) else found.st_size
        before_size, told = known.get(name, (-1, None))
        keep = told is not None and size == before_size and "/vector_" in name and name.endswith(stays)
        files[name] = (size, told if keep else _sum(path / name, size))
    return Seal(points, True, files)


def _sum(file: Path, size: int) -> int:
    """Raises OSError or ValueError."""
    return file_sum(file, size) if size >= 0 else json_sum(json.loads(file.read_bytes()))


def _files(path: Path) -> Iterator[tuple[str, os.stat_result]]:
    """The engine's files, by their names below the folder, with what the system says of them."""
    for place, folders, names in os.walk(path):
        top = place == str(path)
        folders[:] = sorted(name for name in folders if not (top and (name == LOG or name.startswith(PREFIX))))
        for name in sorted(names):
            if name not in (NAME, POINTER) and not name.startswith("."):
                with suppress(FileNotFoundError):
                    whole = os.path.join(place, name)
                    yield os.path.relpath(whole, path).replace(os.sep, "/"), os.lstat(whole)
