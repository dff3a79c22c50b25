"""Columns of the payloads on the disk, beside the points: written when a store is closed, so that the next process need
not read all payloads. The head names the state of the store that they tell of, by its seal, and the points that
changed since they were written. Of a store in another state, as after a kill, they are not used, nor where one is
damaged: then the payloads are read."""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from imagefinder._util.files import write_whole
from imagefinder._util.lines import read_plain
from imagefinder._util.shapes import check_shape
from imagefinder._util.sums import with_sum, without_sum
from imagefinder.errors import StorageError
from imagefinder.store.coded import Coded
from imagefinder.store.edge.seal import Seal

PREFIX, HEAD = ".columns-", ".columns-head.json"  # a seal names no file that begins with a dot
KEPT_FROM = 20_000  # points; the payloads of fewer are read in less time than a person notices
SINCE, SINCE_PART = 1000, 50  # points that may have changed since, and one of so many of all: more are written anew
MOST_BYTES = 2**28
IDS = ""  # the name of the ids among the files; no field is called so
_SHAPE = {"state": str, "n": int, "since": [str], "files": {str: [(str, int)]}}


@dataclass(frozen=True)
class Written:
    """``n`` points of the store in ``state``; ``files`` are name and checksum by field."""

    home: Path
    state: str
    n: int
    since: tuple[str, ...]
    files: Mapping[str, tuple[str, int]]

    def ids(self) -> np.ndarray | None:
        """S36 (n) in ascending order; None where they are damaged."""
        data = self._read(IDS)
        return np.frombuffer(data, "S36") if data is not None and len(data) == 36 * self.n else None

    def column(self, field: str) -> Coded | None:
        """None where it isn't there, or damaged."""
        data = self._read(field)
        if data is None or len(data) < 4 * self.n:
            return None
        return Coded(np.frombuffer(data, "<i4", self.n), json.loads(data[4 * self.n :]))

    def without(self, fields: Collection[str]) -> Written:
        return replace(self, files={field: file for field, file in self.files.items() if field not in fields})

    def _read(self, field: str) -> bytes | None:
        name, told = self.files.get(field, ("", 0))
        try:
            data = read_plain(self.home / Path(name).name, MOST_BYTES) if name else b""
        except OSError:
            return None
        return data if name and zlib.crc32(data) == told else None


def state_of(seal: Seal) -> str:
    """The state of a store that was closed: the checksums of all its files tell it from any other."""
    text = json.dumps([seal.points, seal.closed, sorted(seal.files.items())])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def read_written(home: Path, seal: Seal | None) -> Written | None:
    """What was written of the store in this state."""
    if seal is None or not seal.closed:
        return None
    try:
        row = without_sum(json.loads(read_plain(home / HEAD, MOST_BYTES)))
        check_shape(row, _SHAPE)
        files = {field: (pair[0], pair[1]) for field, pair in row["files"].items()}
    except (OSError, ValueError, RecursionError, AttributeError, IndexError):
        return None
    return Written(home, row["state"], row["n"], tuple(row["since"]), files) if row["state"] == state_of(seal) else None


def is_much(since: Collection[str], n: int) -> bool:
    """Whether so many points have changed that the columns are better written anew."""
    return len(since) > SINCE + n // SINCE_PART


def write_columns(
    home: Path,
    state: str,
    ids: np.ndarray,
    columns: Mapping[str, Coded],
    since: Collection[str],
    before: Written | None,
) -> None:
    """Write these columns, beside those written ``before`` of the same ids if it is given. What can't be written is
    left out: it is read from the payloads again."""
    written = before or Written(home, state, len(ids), (), {})
    files = dict(written.files)
    try:
        if before is None:
            files[IDS] = _write(home, ids.tobytes())
        for field, column in columns.items():
            files[field] = _write(home, column.codes.astype("<i4").tobytes() + json.dumps(column.values).encode())
        write_head(replace(written, files=files), state, since)
    except StorageError:
        forget(home)


def write_head(written: Written, state: str, since: Collection[str]) -> None:
    """Name the state of the store that the columns tell of with these changes. Raises StorageError."""
    row = {"state": state, "n": written.n, "since": sorted(since), "files": written.files}
    write_whole(written.home / HEAD, json.dumps(with_sum(row)).encode())
    _remove(written.home, {HEAD, *(name for name, _ in written.files.values())})


def forget(home: Path) -> None:
    _remove(home, ())


def _remove(home: Path, but: Collection[str]) -> None:
    """Remove the files of columns, and what a kill left of one."""
    for file in [*home.glob(f"{PREFIX}*"), *home.glob(f".{PREFIX}*.tmp")]:
        if file.name not in but:
            with suppress(OSError):
                file.unlink()


def _write(home: Path, data: bytes) -> tuple[str, int]:
    name = f"{PREFIX}{os.urandom(8).hex()}"
    write_whole(home / name, data)
    return name, zlib.crc32(data)
