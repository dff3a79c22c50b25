"""What the pages of a Parquet table unpack to, by what each says of itself before its data.

That is a ``PageHeader`` of parquet.thrift, in the compact protocol of Apache Thrift. PyArrow takes the memory that a
header names and shows no headers, so they are read here before it does.
"""

from __future__ import annotations

from typing import Any, BinaryIO, NamedTuple

FIRST, MOST = 1024, 16_000_000  # bytes of a header that are read at once; the latter is PyArrow's own limit
PAGES = 100_000  # of a column in a group of rows
DICTIONARY = 2  # the type of a page
KIND, UNPACKED, PACKED, DATA, DATA_V2 = 1, 2, 3, 5, 8  # fields of a PageHeader
VALUES = 1  # the field of both kinds of data
BOOLEANS, BYTE, INTEGERS, DOUBLE, BINARY, LISTS, MAP, STRUCT = (1, 2), 3, (4, 5, 6), 7, 8, (9, 10), 11, 12
LEVELS = 8  # of structs and lists in each other


class _Page(NamedTuple):
    header: int  # bytes
    packed: int
    unpacked: int
    values: int
    is_dictionary: bool


def memory_of(file: BinaryIO, chunk: Any) -> int:
    """The bytes that one page of a column takes beside the dictionary, at most; ``chunk`` is what the foot of the file
    says of the column in a group of rows. Raises ValueError for pages that are no pages, or unpack to more than the
    foot says."""
    place = chunk.data_page_offset
    if chunk.has_dictionary_page and chunk.dictionary_page_offset:
        place = min(place, chunk.dictionary_page_offset)
    end, values, dictionary, most = place + chunk.total_compressed_size, 0, 0, 0
    for _ in range(PAGES):
        if place >= end or values >= chunk.num_values:
            return dictionary + most
        page = _read(file, place)
        if page.unpacked > chunk.total_uncompressed_size:
            raise ValueError(f"a page of {page.unpacked:,} bytes in a column of {chunk.total_uncompressed_size:,}")
        if page.is_dictionary:
            dictionary = max(dictionary, page.unpacked)
        else:
            most = max(most, page.unpacked)
        values += page.values
        place += page.header + page.packed
    raise ValueError(f"more than {PAGES:,} pages in a column")


def _read(file: BinaryIO, place: int) -> _Page:
    size = FIRST
    while True:
        file.seek(place)
        data = file.read(size)
        try:
            reader = _Compact(data)
            found = reader.struct(0)
        except IndexError:
            if len(data) < size or size >= MOST:
                raise ValueError("a page without a whole header") from None
            size *= 16
            continue
        values = [part.get(VALUES, 0) for name in (DATA, DATA_V2) if isinstance(part := found.get(name), dict)]
        numbers = [found.get(UNPACKED), found.get(PACKED), *values]
        if not all(isinstance(n, int) and n >= 0 for n in numbers):
            raise ValueError("a page of no size")
        return _Page(reader.at, found[PACKED], found[UNPACKED], sum(values), found.get(KIND) == DICTIONARY)


class _Compact:
    """Reads values of the compact protocol; of texts and lists only their lengths matter here. Raises IndexError where
    the data ends too early, and ValueError for what is no such data."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def struct(self, level: int) -> dict[int, Any]:
        found: dict[int, Any] = {}
        name = 0
        while head := self._byte():
            name = name + (head >> 4) if head >> 4 else self._integer()
            kind = head & 15
            found[name] = kind == BOOLEANS[0] if kind in BOOLEANS else self._value(kind, level + 1)
        return found

    def _value(self, kind: int, level: int) -> Any:
        if level > LEVELS:
            raise ValueError("a header of too many levels")
        if kind in INTEGERS:
            return self._integer()
        if kind == STRUCT:
            return self.struct(level)
        if kind == BINARY:
            self._skip(self._varint())
        elif kind in (BYTE, *BOOLEANS):
            self._skip(1)
        elif kind == DOUBLE:
            self._skip(8)
        elif kind in LISTS:
            head = self._byte()
            self._values(head >> 4 if head >> 4 != 15 else self._varint(), (head & 15,), level)
        elif kind == MAP and (size := self._varint()):
            head = self._byte()
            self._values(size, (head >> 4, head & 15), level)
        elif kind != MAP:
            raise ValueError(f"a header with a value of kind {kind}")
        return None

    def _values(self, size: int, kinds: tuple[int, ...], level: int) -> None:
        for _ in range(size):
            for kind in kinds:
                self._value(kind, level + 1)

    def _byte(self) -> int:
        self.at += 1
        return self._data[self.at - 1]

    def _skip(self, size: int) -> None:
        self.at += size
        if self.at > len(self._data):
            raise IndexError(self.at)

    def _varint(self) -> int:
        value = 0
        for shift in range(0, 70, 7):
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
        raise ValueError("a number of too many bytes")

    def _integer(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
