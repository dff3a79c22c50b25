"""Columns of the payloads on the disk, beside the points: written when a store is closed, and now and then while it is
open, so that the next process need not read all payloads. The head names the state of the store that they tell of, by
its seal, and the points that changed since they were written; while the store is open, a log tells more of these. Of a
store in another state they are not used, nor where one is damaged: then the payloads are read."""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from imagefinder._util.files import write_whole
from imagefinder._util.lines import read_plain
from imagefinder._util.shapes import check_shape
from imagefinder._util.sums import with_sum, without_sum
from imagefinder.store.coded import Coded
from imagefinder.store.edge.column_log import logged, state_of_log
from imagefinder.store.edge.seal import Seal
from imagefinder.store.values import Mixed, Numbers, Texts

PREFIX, HEAD = ".columns-", ".columns-head.json"  # a seal names no file that begins with a dot
KEPT_FROM = 20_000  # points; the payloads of fewer are read in less time than a person notices
SINCE, SINCE_PART = 1000, 50  # points that may have changed since, and one of so many of all: more are written anew
MOST_BYTES = 2**33
IDS = ""  # the name of the ids among the files; no field is called so
FORMAT = 2  # of the files; others are not used
_SHAPE = {"format": int, "state": str, "n": int, "since": [str], "files": {str: [(str, int)]}}
_WORD = 8  # bytes; each part begins at a multiple of them
Files = Mapping[str, tuple[str, int]]


@dataclass(frozen=True)
class Written:
    """``n`` points of the store in ``state``; ``files`` are name and checksum by field."""

    home: Path
    state: str
    n: int
    since: tuple[str, ...]
    files: Files

    def ids(self) -> np.ndarray | None:
        """S36 (n) in ascending order; None where they are damaged."""
        data = self._read(IDS)
        return np.frombuffer(data, "S36") if data is not None and len(data) == 36 * self.n else None

    def column(self, field: str) -> Coded | None:
        """None where it isn't there, or damaged."""
        data = self._read(field)
        return None if data is None else unpacked(data)

    def without(self, fields: Collection[str]) -> Written:
        return replace(self, files={field: file for field, file in self.files.items() if field not in fields})

    def _read(self, field: str) -> bytes | None:
        name, told = self.files.get(field, ("", 0))
        try:
            data = read_plain(self.home / Path(name).name, MOST_BYTES) if name else b""
        except OSError:
            return None
        return data if name and zlib.crc32(data) == told else None


def state_of(seal: Seal, home: Path) -> str:
    """The state of a store. Of one that was closed, the checksums of all its files tell it from any other; of another
    the log of what changes."""
    if not seal.closed:
        return state_of_log(home / Path(seal.columns).name) if seal.columns else ""
    text = json.dumps([seal.points, seal.closed, sorted(seal.files.items())])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def read_written(home: Path, seal: Seal | None) -> Written | None:
    """What was written of the store in this state."""
    state = state_of(seal, home) if seal else ""
    if not seal or not state:
        return None
    try:
        row = without_sum(json.loads(read_plain(home / HEAD, MOST_BYTES)))
        check_shape(row, _SHAPE)
        files = {field: (pair[0], pair[1]) for field, pair in row["files"].items()}
        if (row["format"], row["state"]) != (FORMAT, state):
            return None
        since = [*row["since"], *([] if seal.closed else logged(home / Path(seal.columns).name))]
    except (OSError, ValueError, RecursionError, AttributeError, IndexError):
        return None
    return Written(home, state, row["n"], tuple(since), files)


def is_much(since: Collection[str], n: int) -> bool:
    """Whether so many points have changed that the columns are better written anew."""
    return len(since) > SINCE + n // SINCE_PART


def write_files(home: Path, ids: np.ndarray | None, columns: Mapping[str, Coded]) -> Files:
    """Write these columns, and the ids if they are given, to new files. Raises StorageError."""
    files = {} if ids is None else {IDS: _write(home, ids.tobytes())}
    return files | {field: _write(home, packed(column)) for field, column in columns.items()}


def write_head(written: Written, log: str = "") -> None:
    """Name the state of the store that the columns tell of, and remove all other files of columns but the ``log``.
    Raises StorageError."""
    row = {"format": FORMAT, "state": written.state, "n": written.n, "since": sorted(written.since)}
    write_whole(written.home / HEAD, json.dumps(with_sum({**row, "files": written.files})).encode())
    _remove(written.home, {HEAD, log, *(name for name, _ in written.files.values())})


def forget(home: Path) -> None:
    _remove(home, ())


def packed(column: Coded) -> bytes:
    """A column, and what was made of its values."""
    parts: list[bytes] = []
    head = json.dumps(_described(column, parts)).encode()
    whole = [len(head).to_bytes(_WORD, "little"), head, *parts]
    return b"".join(part + b"\0" * (-len(part) % _WORD) for part in whole)


def unpacked(data: bytes) -> Coded:
    size = int.from_bytes(data[:_WORD], "little")
    return _read_column(json.loads(data[_WORD : _WORD + size]), data, [_WORD + size + -size % _WORD])


def _described(column: Coded, parts: list[bytes]) -> dict[str, Any]:
    values = column.values
    if isinstance(values, Texts):
        kind, held = "texts", [values.ends.astype("<i8").tobytes(), values.data]
    elif isinstance(values, Numbers):
        kind = "<i8" if values.array.dtype.kind == "i" else "<f8"
        held = [values.array.astype(kind).tobytes()]
    else:
        kind, held = "json", [json.dumps(values).encode()]
    held.insert(0, column.codes.astype("<i4").tobytes())
    parts += held
    made = {name: _described(one, parts) for name, one in list(column.made.items())}
    return {"kind": kind, "sizes": [len(part) for part in held], "made": made}


def _read_column(told: Mapping[str, Any], data: bytes, at: list[int]) -> Coded:
    def part(size: int) -> bytes:
        start, at[0] = at[0], at[0] + size + -size % _WORD
        return data[start : start + size]  # a copy, so that not all is held for a part

    first, *sizes = told["sizes"]
    codes, kind = np.frombuffer(part(first), "<i4"), told["kind"]
    values: Any
    if kind == "texts":
        ends = np.frombuffer(part(sizes[0]), "<i8")
        values = Texts(part(sizes[1]), ends)
    else:
        held = part(sizes[0])
        values = Mixed(json.loads(held)) if kind == "json" else Numbers(np.frombuffer(held, kind))
    return Coded(codes, values, {name: _read_column(one, data, at) for name, one in told["made"].items()})


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
