"""Checksums: of JSON, kept inside it, and of sparse files."""

from __future__ import annotations

import errno
import json
import os
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

SUM = "sum"  # the key of the checksum
BLOCK = 64 * 1024
_ZEROS = bytes(BLOCK)


def with_sum(row: Mapping[str, Any]) -> dict[str, Any]:
    """JSON values with the checksum of them."""
    return {**row, SUM: _sum(row)}


def without_sum(row: Mapping[str, Any]) -> dict[str, Any]:
    """What was given to ``with_sum``; values without a checksum, as older versions wrote them, as they are. Raises
    ValueError where the checksum is another."""
    rest = {name: value for name, value in row.items() if name != SUM}
    if SUM in row and row[SUM] != _sum(rest):
        raise ValueError("its checksum is another")
    return rest


def _sum(row: Mapping[str, Any]) -> str:
    return f"{json_sum(row):08x}"


def json_sum(value: Any) -> int:
    """The CRC-32 of JSON values, whatever the order of the keys in objects."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return zlib.crc32(text.encode("utf-8", "surrogatepass"))


def file_sum(path: Path, end: int | None = None) -> int:
    """The CRC-32 of the first ``end`` bytes of a file, all by default. Blocks of zeros don't count, so that holes are
    not read, and copies have the same whether these were filled or not. Raises OSError."""
    found = 0
    with path.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        size = size if end is None else min(size, end)
        for start in _blocks(file.fileno(), size):
            file.seek(start)
            block = file.read(min(BLOCK, size - start))
            if block != _ZEROS[: len(block)]:
                found = zlib.crc32(block, zlib.crc32(start.to_bytes(8, "little"), found))
    return found


def _blocks(file: int, size: int) -> Iterator[int]:
    """Where the blocks begin that are not all hole."""
    start = 0
    while start < size:
        data, end = data_from(file, start, size)
        start = max(start, data - data % BLOCK)
        while start < min(end, size):
            yield start
            start += BLOCK


def data_from(file: int, start: int, size: int) -> tuple[int, int]:
    """Where the next bytes are that are not a hole, from ``start`` on; the size twice if there are none."""
    if not hasattr(os, "SEEK_DATA"):
        return start, size
    try:
        first = os.lseek(file, start, os.SEEK_DATA)
        return first, os.lseek(file, first, os.SEEK_HOLE)
    except OSError as error:
        return (size, size) if error.errno == errno.ENXIO else (start, size)
