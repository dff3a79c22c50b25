"""Single pictures of Parquet tables, by their places."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from imagefinder.errors import ImageError, ImageFinderError
from imagefinder.images.files import check_within, look, unreadable
from imagefinder.images.inside import Inside
from imagefinder.images.parquet import ParquetTable
from imagefinder.types import Limits, SkipCode

KEPT_BYTES = 64_000_000  # of pictures near those that were asked for


class _Reader:
    """Reads single pictures of tables. Going through a table in its order reads each row once; what lies near is kept
    for whoever asks in another order."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[Any, int], list[bytes | None]] = OrderedDict()
        self._size = 0
        self._table: ParquetTable | None = None
        self._key: Any = None  # the table, as it was when it was opened, and the column
        self._group, self._next = -1, 0
        self._ahead: Iterator[list[list[bytes | None]]] = iter(())

    def cell(self, table: str, column: str, row: int, within: Sequence[str] | None) -> list[bytes | None]:
        """The pictures of a cell. Raises OSError, InvalidTableError, and LookupError for no such column or row."""
        check_within(table, within)
        found = look(table)
        key = (table, column, found.st_ino, found.st_size, found.st_mtime_ns)
        with self._lock:
            if (key, row) in self._kept:
                self._kept.move_to_end((key, row))
                return self._kept[key, row]
            try:
                return self._read(key, row, within)
            except BaseException:
                self._key = None  # whatever state it is in, it begins anew
                raise

    def _read(self, key: tuple[Any, ...], row: int, within: Sequence[str] | None) -> list[bytes | None]:
        if self._table is None or self._key != key:
            if self._table:
                self._table.close()
            self._table, self._key, self._group = ParquetTable(Path(key[0]), within), key, -1
        self._table.pictures[key[1]]
        group, start = self._table.group_of(row)
        if group != self._group or self._next > row:
            self._ahead, self._group, self._next = self._table.cells(key[1], group), group, start
        for cells in self._ahead:
            first, self._next = self._next, self._next + len(cells)
            for at, cell in enumerate(cells, first):
                self._keep((key, at), cell)
            if row < self._next:
                return cells[row - first]
        raise IndexError(row)

    def _keep(self, key: tuple[Any, int], cell: list[bytes | None]) -> None:
        self._size += _size(cell) - _size(self._kept.pop(key, []))
        self._kept[key] = cell
        while self._size > KEPT_BYTES:
            self._size -= _size(self._kept.popitem(last=False)[1])


def _size(cell: list[bytes | None]) -> int:
    return 100 + sum(len(data or b"") for data in cell) if cell else 0


_reader = _Reader()


def read_picture(place: Inside, limits: Limits, within: Sequence[str] | None = None) -> bytes:
    """The bytes of a picture inside a table, which must lie in one of the folders ``within``. Raises ImageError."""
    try:
        cell = _reader.cell(place.table, place.column, place.row, within)
        data = cell[place.part or 0]
    except OSError as error:
        raise unreadable(error) from error
    except LookupError as error:
        raise ImageError("The table has no such row or column any more.", code=SkipCode.NOT_FOUND) from error
    except ImageFinderError as error:
        raise ImageError(error.message, code=SkipCode.CORRUPT, remedy=error.remedy) from error
    if data is None:
        raise ImageError("The table has no picture there any more.", code=SkipCode.NOT_FOUND)
    if not data:
        raise ImageError("The cell of the table is empty.", code=SkipCode.EMPTY)
    if len(data) > limits.max_bytes:
        raise ImageError(
            f"The picture is larger than {limits.max_bytes:,} bytes.",
            code=SkipCode.TOO_MANY_BYTES,
            remedy="Raise Limits.max_bytes if it is to be trusted.",
        )
    return data
