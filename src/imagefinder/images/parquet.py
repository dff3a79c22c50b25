"""Parquet tables: their rows, and the pictures inside them.

As data sets have them, such as those of the Hugging Face hub: a column of bytes, of structs of bytes and a path, or of
lists of these. Of a picture column only the rows that are asked for are read.
"""

from __future__ import annotations

import json
import os
import weakref
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

from imagefinder._util.extras import missing_modules, require
from imagefinder.errors import ImageFinderError, InvalidTableError
from imagefinder.images.files import open_file, opened_path
from imagefinder.images.inside import Inside
from imagefinder.images.parquet_pages import memory_of
from imagefinder.images.table_limits import BATCH, CELL, CHUNK, PAGES, TEXT, check_size, too_much

ENDINGS = (".parquet", ".pq")
ROWS = 4096  # read at once, of columns without pictures
NESTED_ROWS = 64  # the same of columns that hold lists, each of which may be long
VALUES = 5_000_000  # of a column of lists in a group of rows
GROUPS = 1_000_000  # groups of rows times columns
OBJECT = 40  # bytes of a value in Python beside its text
READ_BYTES = 8_000_000  # about so much of a column of pictures is read at once
NAMES = ("path", "filename", "file_name", "name")  # of the text beside the bytes in a struct
OUR_EXPORT = {"id", "uri", "x", "y"}  # columns of a table that ``plots.table`` wrote, with thumbnails


class Pictures(NamedTuple):
    """How a column holds pictures: the fields of the bytes and of the name in its structs, and whether its cells are
    lists."""

    field: str | None
    name: str | None
    listed: bool


class ParquetTable:
    """An open Parquet table. Raises InvalidTableError for a file that is none or is damaged, also while rows are read,
    or that is in none of the folders ``within`` (see ``files.open_file``), and MissingExtraError without pyarrow."""

    def __init__(self, path: Path, within: Sequence[str] | None = None) -> None:
        require("parquet", what="A Parquet table")
        self.path = path
        try:
            self._raw = open_file(path, within)
            weakref.finalize(self, self._raw.close)  # as PyArrow does with its own
            self._open()
        except InvalidTableError:
            raise
        except Exception as error:  # of a damaged file anything may be wrong
            raise InvalidTableError(f"{path.name} is not a Parquet file: {error}") from error

    def _open(self) -> None:
        from pyarrow import parquet

        path, options = opened_path(self._raw, self.path), {"pre_buffer": False, "buffer_size": 1 << 16}
        with parquet.ParquetFile(path, **options) as file:
            facts, self._schema = file.metadata, file.schema_arrow
            self._texts = frozenset(c.path for c in map(file.schema.column, range(facts.num_columns)) if _is_text(c))
        check_size(self.path, facts.num_rows, facts.num_columns)
        if facts.num_row_groups * facts.num_columns > GROUPS:
            raise too_much(self.path, facts.num_row_groups * facts.num_columns, GROUPS, "groups times columns")
        self._leaves = {f.name: list(_leaves(f.name, f.type)) for f in self._schema}
        self._read = 0  # bytes of cells, as they are once unpacked
        self._starts = [0, *accumulate(facts.row_group(g).num_rows for g in range(facts.num_row_groups))]
        self.pictures = {f.name: held for f in self._schema if (held := _pictures(f.type))}
        # Of a text that comes again and again, such a column holds one copy.
        self._file = parquet.ParquetFile(path, metadata=facts, read_dictionary=list(self._texts), **options)

    def close(self) -> None:
        self._file.close()
        self._raw.close()

    @property
    def names(self) -> list[str]:
        """The columns that can be read."""
        return [name for name, leaves in self._leaves.items() if leaves or name in self.pictures]

    def keep_pictures(self) -> None:
        """Leave in ``pictures`` only the columns whose bytes begin as pictures do: first those of structs, as the hub
        has them."""
        columns = sorted(self.pictures, key=lambda name: self.pictures[name].field is None)
        self.pictures = {name: self.pictures[name] for name in columns if self._shows(name)}

    def _shows(self, column: str) -> bool:
        from imagefinder.images.headers import format_of

        for group in range(len(self._starts) - 1):
            if self._filled(column, group) is not False:
                for cells in self.cells(column, group):
                    if first := [data for cell in cells for data in cell if data]:
                        return any(map(format_of, first))
        return False

    def _filled(self, column: str, group: int) -> bool | None:
        """Whether all rows of a group have bytes (True) or none has (False), if the table says so."""
        held = self.pictures[column]
        chunk = None if held.listed else self._chunk(column, group)
        facts = chunk.statistics if chunk else None
        if chunk is None or facts is None or not facts.has_null_count:
            return None
        return True if facts.null_count == 0 else False if facts.null_count == chunk.num_values else None

    def _chunk(self, column: str, group: int) -> Any:
        """What the table says of the bytes of a column in a group of rows."""
        found, held = self._file.metadata.row_group(group), self.pictures[column]
        end = f".{held.field}" if held.field else ""
        for chunk in map(found.column, range(found.num_columns)):
            path = chunk.path_in_schema
            if path == f"{column}{end}" or (held.listed and path.startswith(f"{column}.") and path.endswith(end)):
                return chunk
        return None

    def group_of(self, row: int) -> tuple[int, int]:
        """The row group that holds a row, and the row with which it begins. Raises IndexError."""
        group = bisect_right(self._starts, row) - 1
        if not 0 <= row < self._starts[-1]:
            raise IndexError(row)
        return group, self._starts[group]

    def cells(self, column: str, group: int) -> Iterator[list[list[bytes | None]]]:
        """The pictures of each row of a group, a few rows at a time; one that is not in a list is a list of one."""
        held = self.pictures[column]
        for batch in self._batches(group, [column], self._few(column, group)):
            yield [_bytes(held, cell) for cell in batch.column(0).to_pylist()]

    def _few(self, column: str, group: int) -> int:
        chunk, rows = self._chunk(column, group), self._starts[group + 1] - self._starts[group]
        whole = chunk.total_uncompressed_size if chunk else 0
        if whole > BATCH * max(rows, 1):
            raise too_much(self.path, whole / max(rows, 1), BATCH, "bytes in a cell")
        few = max(1, min(64, int(READ_BYTES * max(rows, 1) / max(whole, 1))))
        if chunk and chunk.has_dictionary_page:  # then one picture may stand in every row
            few = min(few, max(1, BATCH // 4 // max(whole, 1)))
        return few

    def rows(self, key: str | None = None) -> Iterator[dict[str, Any]]:
        """Each row, without bytes. In the column ``key`` stand the places of its pictures: inside this table where it
        has the bytes, else what its path says."""
        classes = self._classes()
        for group in range(len(self._starts) - 1):
            row = self._starts[group]
            for cells in self._group(group, key):
                for name in classes.keys() & cells.keys():
                    cells[name] = [_named(classes[name], value) for value in cells[name]]
                for values in zip(*cells.values(), strict=True):
                    found = dict(zip(cells, values, strict=True))
                    if key in self.pictures:
                        found[key or ""] = self._places(key or "", row, found[key or ""])
                    yield found
                    row += 1

    def _group(self, group: int, key: str | None) -> Iterator[dict[str, list[Any]]]:
        """The columns of some rows of a group. A picture whose bytes are there, but were not read, is True."""
        held = self.pictures.get(key or "")
        filled = self._filled(key or "", group) if held else None
        wanted = [leaf for name, leaves in self._leaves.items() if name != key or not held for leaf in leaves]
        if held and filled is None:
            wanted.append(key or "")
        elif held:
            wanted += [f"{key}.{held.name}"] if held.name else []
        nested = any(_is_nested(self._schema.field(name).type) for name in self._leaves)
        n = self._few(key or "", group) if held and filled is None else NESTED_ROWS if nested else ROWS
        self._check_values(group, wanted)
        for batch in self._batches(group, wanted, n):
            self._weigh(batch)
            cells = {name: _cells(column) for name, column in zip(batch.schema.names, batch.columns, strict=True)}
            if held and filled is not None:
                beside = cells.get(key or "", [None] * batch.num_rows)
                cells[key or ""] = [{**(cell or {}), held.field or "": filled or None} for cell in beside]
            yield cells

    def _batches(self, group: int, columns: list[str], n: int) -> Iterator[Any]:
        try:
            if (size := sum(memory_of(self._raw, chunk) for chunk in self._chunks(group, columns))) > PAGES:
                raise too_much(self.path, size, PAGES, "bytes in pages that are unpacked at once")
            yield from self._file.iter_batches(n, row_groups=[group], columns=columns, use_threads=False)
        except ImageFinderError:
            raise
        except Exception as error:  # of a damaged file anything may be wrong
            raise InvalidTableError(f"{self.path.name} is damaged: {error}", remedy="Write it again.") from error

    def _chunks(self, group: int, columns: list[str]) -> Iterator[Any]:
        """What the table says of the columns that are stored for these, in a group of rows."""
        found, wanted = self._file.metadata.row_group(group), set(columns)
        for chunk in map(found.column, range(found.num_columns)):
            if not wanted.isdisjoint(accumulate(chunk.path_in_schema.split("."), "{}.{}".format)):
                yield chunk

    def _check_values(self, group: int, columns: list[str]) -> None:
        """Refuse lists of more elements, and texts of more bytes, than may be in memory."""
        rows = self._file.metadata.row_group(group).num_rows
        for chunk in self._chunks(group, columns):
            name = chunk.path_in_schema
            size, of = chunk.total_uncompressed_size, f"in the column {name.partition('.')[0]}"
            most = min(CHUNK, 2 * CELL * max(chunk.num_values, 1))
            if size > most and name in self._texts:
                raise too_much(self.path, size, most, f"bytes {of}")
            if chunk.num_values > rows + VALUES:
                raise too_much(self.path, chunk.num_values, VALUES, f"values {of}")

    def _weigh(self, batch: Any) -> None:
        """Refuse rows that would take too much memory, and a table that would take too much room."""
        size = sum(map(_weight, batch.columns))
        self._read += size
        if size > BATCH:
            raise too_much(self.path, size, BATCH, f"bytes in {batch.num_rows:,} rows")
        if self._read > TEXT:
            raise too_much(self.path, self._read, TEXT, "bytes and more in its cells")

    def _places(self, column: str, row: int, cell: Any) -> list[str]:
        held, table = self.pictures[column], os.path.abspath(self.path)
        places = []
        for part, one in enumerate(cell or () if held.listed else [cell]):
            data, name = (one.get(held.field or ""), one.get(held.name)) if isinstance(one, dict) else (one, None)
            name = name if isinstance(name, str) else ""
            if data is not None:
                places.append(Inside(table, column, row, part if held.listed else None, name).uri)
            elif name:
                places.append(name)
        return places

    def _classes(self) -> dict[str, list[str]]:
        """The names of the classes that columns of numbers stand for, as data sets of the hub say it."""
        try:
            told = json.loads((self._schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
            return {
                name: kind["names"]
                for name, kind in told.items()
                if isinstance(kind, dict) and kind.get("_type") == "ClassLabel" and isinstance(kind["names"], list)
            }
        except (ValueError, TypeError, LookupError, AttributeError):
            return {}


def _pictures(kind: Any) -> Pictures | None:
    """How a column of this type may hold pictures; None if it has no bytes, or several."""
    from pyarrow import types

    listed = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
    one = kind.value_type if listed else kind
    if _is_bytes(one):
        return Pictures(None, None, listed)
    if not types.is_struct(one):
        return None
    fields = [f.name for f in one if _is_bytes(f.type)]
    texts = {f.name for f in one if types.is_string(f.type) or types.is_large_string(f.type)}
    return Pictures(fields[0], next((n for n in NAMES if n in texts), None), listed) if len(fields) == 1 else None


def _is_bytes(kind: Any) -> bool:
    return str(kind) in ("binary", "large_binary", "binary_view")


def _leaves(name: str, kind: Any) -> Iterator[str]:
    """The parts of a column that are read: all except bytes, which may be the images themselves."""
    from pyarrow import types

    if types.is_struct(kind):
        for field in kind:
            yield from _leaves(f"{name}.{field.name}", field.type)
    elif "binary" not in str(kind):
        yield name


def _bytes(held: Pictures, cell: Any) -> list[bytes | None]:
    ones = (cell or []) if held.listed else [cell]
    return [one.get(held.field or "") if isinstance(one, dict) else one for one in ones]


def _is_nested(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_nested(kind)) and not (types.is_struct(kind) and not any(_is_nested(f.type) for f in kind))


def _is_text(column: Any) -> bool:
    return column.physical_type == "BYTE_ARRAY" and column.logical_type.type in ("STRING", "ENUM", "JSON")


def _weight(column: Any) -> int:
    """About the bytes that the values of a column take in Python."""
    from pyarrow import compute, types

    kind, size = column.type, OBJECT * len(column)
    if types.is_dictionary(kind):
        lengths = compute.take(compute.binary_length(column.dictionary), column.indices)
        return size + int(compute.sum(lengths).as_py() or 0)
    if types.is_struct(kind):
        return size + sum(_weight(column.field(i)) for i in range(kind.num_fields))
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind) or types.is_map(kind):
        parts = [column.keys, column.items] if types.is_map(kind) else [column.flatten()]
        return size + sum(map(_weight, parts))
    return size + int(column.nbytes)


def _cells(column: Any) -> list[Any]:
    from pyarrow import types

    if types.is_dictionary(column.type):  # each text once, however often it comes
        used = column.indices.unique().drop_null()
        texts = dict(zip(used.to_pylist(), column.dictionary.take(used).to_pylist(), strict=True))
        return [texts.get(i) for i in column.indices.to_pylist()]
    try:
        return list(column.to_pylist())
    except (ValueError, OverflowError):  # a time that Python has no name for, to the nanosecond or of year 20000
        return list(column.cast("string").to_pylist())


def _named(names: list[str], value: Any) -> Any:
    known = isinstance(value, int) and 0 <= value < len(names)
    return str(names[value]) if known else value


def has_pictures(path: Path, within: Sequence[str] | None = None) -> bool:
    """Whether a table that lies in a folder is one of pictures, and not one that ImageFinder wrote itself. Raises
    InvalidTableError, and MissingExtraError for what looks like one of the hub where pyarrow is missing."""
    if missing_modules("parquet") and not _like_the_hub(path):
        return False
    table = ParquetTable(path, within)
    try:
        table.keep_pictures()
        return bool(table.pictures) and not set(table.names) >= OUR_EXPORT
    finally:
        table.close()


def _like_the_hub(path: Path) -> bool:
    """Whether the foot of a table names fields ``bytes`` and ``path``, as the pictures of the hub have."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - 8, 0))
            length = int.from_bytes(file.read(4), "little")
            file.seek(max(size - 8 - length, 0))
            foot = file.read(length)
    except OSError:
        return False
    return b"\x05bytes" in foot and b"\x04path" in foot
