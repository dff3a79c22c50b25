"""Rows of a CSV or Parquet table: a path or URL and the other columns."""

from __future__ import annotations

import codecs
import csv
import json
import math
import re
from collections.abc import Iterator, Sequence
from io import StringIO
from itertools import chain, islice
from pathlib import Path
from typing import Any

from imagefinder._util.extras import require
from imagefinder.errors import InvalidTableError
from imagefinder.images.files import look, open_file
from imagefinder.types import DERIVED_FIELDS, RECORD_FIELDS

COLUMNS = (
    ("uri", "url", "image_url", "photo_image_url", "image_uri", "img_url", "image", "image_path", "img", "path")
    + ("filepath", "file_path", "file", "filename", "file_name", "photo", "link", "src")
)  # fmt: skip
MANIFEST = "manifest.csv"  # what download writes beside the images
SAMPLE = 1000  # rows looked at to tell the type of a CSV column
LONGEST_CELL = 1_000_000  # characters; a quotation mark that is never closed makes a longer cell
_SPECIAL = ("caption", "tags")
_TAKEN = (*RECORD_FIELDS, *DERIVED_FIELDS, "id")


def read_rows(path: Path, column: str | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
    """The path or URL in each row, and the other columns as numbers, true/false or text; empty cells are left out.

    ``column`` is the name of the column of paths or URLs, in upper or lower case; by default the first of the usual
    names that exists. A column with the name of a field of a record gets the prefix ``csv_``; a column of bytes is left
    out. Rows without a path are skipped. Raises InvalidTableError, and MissingExtraError for Parquet without pyarrow.
    """
    is_parquet = path.suffix.lower() in (".parquet", ".pq")
    names, rows = _parquet(path) if is_parquet else read_csv(path)
    key = _place_column(path, names, column)
    if not is_parquet:
        rows = _typed(rows, [n for n in names if n != key and n.strip().lower() not in _SPECIAL])
    for row in rows:
        place = _place(row.get(key))
        if place:
            yield place, _metadata({k: v for k, v in row.items() if k != key})


def _place(cell: Any) -> str:
    """The path or URL in a cell; in a pair of an image's bytes and its path, as data sets have it, the path."""
    if isinstance(cell, dict):
        cell = cell.get("path") or cell.get("url")
    return str(cell or "").strip()


def _place_column(path: Path, names: Sequence[str], column: str | None) -> str:
    lowered = {name.strip().lower(): name for name in reversed(names)}
    usual = ("file", *COLUMNS) if path.name == MANIFEST else COLUMNS  # its URLs are where the files came from
    for wanted in [column.strip().lower()] if column else usual:
        if wanted in lowered:
            return lowered[wanted]
    what = f"no column {column!r}" if column else "no column of paths or URLs"
    raise InvalidTableError(
        f"{path.name} has {what}; its columns are: {', '.join(names) or 'none'}.",
        remedy="Name the column that holds them with --column (column= in Python).",
    )


def _metadata(row: dict[str, Any]) -> dict[str, Any]:
    metadata: dict[str, Any] = {}
    for name, value in row.items():
        value = _plain(value)
        if value is None or value == "":
            continue
        lower = name.strip().lower()
        if lower == "tags" and not isinstance(value, list):
            value = [t.strip() for t in re.split(r"[,;|]", str(value)) if t.strip()]
        elif lower == "caption":
            value = " ".join(value) if isinstance(value, list) else str(value)
        key = (
            lower
            if lower in _SPECIAL
            else f"csv_{lower}"
            if lower in (*RECORD_FIELDS, *DERIVED_FIELDS, "id")
            else name.strip()
        )
        metadata[key] = value
    return metadata


def _plain(value: Any) -> Any:
    """A value the store can keep: text, number, true/false or a list of text; NaN is nothing."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, int) and abs(value) >= 2**63:
        return str(value)
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, (list, tuple)):
        return [str(v) for v in value if v is not None]
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def read_csv(path: Path) -> tuple[list[str], Iterator[dict[str, Any]]]:
    """The columns of a CSV file, and its rows as text. Raises InvalidTableError, also while the rows are read."""
    text = _text(path)
    if not text:
        raise InvalidTableError(f"{path.name} is empty.", remedy="A table needs a line of column names.")
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_CELL))  # of the whole process, so never made less
    # Not text.splitlines(), which also breaks at characters that may stand inside a cell.
    reader = csv.DictReader(StringIO(text, newline=""), delimiter=_delimiter(text))
    rows = _read(path, reader)
    first = next(rows, {})
    names = [n for n in reader.fieldnames or [] if n]
    return names, ({n: (row.get(n) or "").strip() for n in names} for row in chain([first] if first else [], rows))


def _read(path: Path, reader: csv.DictReader[str]) -> Iterator[dict[str, Any]]:
    try:
        yield from reader
    except csv.Error as error:
        raise InvalidTableError(
            f"{path.name}, line {reader.line_num}: {error}.", remedy="Look for a quotation mark that is never closed."
        ) from error


def _text(path: Path) -> str:
    """A table's text without blank lines above it: UTF-16 if it says so, else UTF-8, else Windows-1252."""
    try:
        with open_file(path) as file:
            data = file.read()
    except OSError as error:
        raise InvalidTableError(f"{path} can't be read: {error.strerror}.") from error
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = data.decode("utf-16", "replace")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252", "replace")
    return re.sub(r"\A(?:[ \t]*[\r\n])+", "", text.replace("\0", ""))


def _delimiter(text: str) -> str:
    """The most likely delimiter, from the first line outside quotation marks."""
    header = re.split(r"[\r\n]", re.sub(r'"(?:[^"]|"")*"', "", text[:65536]), maxsplit=1)[0]
    return max(",;\t|", key=lambda d: (header.count(d), d == ","))


def _typed(rows: Iterator[dict[str, Any]], names: list[str]) -> Iterator[dict[str, Any]]:
    """Rows with each of these columns in the one type that fits all of its first cells."""
    sample = list(islice(rows, SAMPLE))
    makers = {name: _maker([row[name] for row in sample]) for name in names}
    for row in chain(sample, rows):
        yield {**row, **{name: _made(maker, row[name]) for name, maker in makers.items()}}


def _maker(cells: Sequence[str]) -> Any:
    filled = [c for c in cells if c]
    for maker in (_int, _float, _bool):
        if filled and all(maker(c) is not None for c in filled):
            return maker
    return str


def _made(maker: Any, cell: str) -> Any:
    made = maker(cell) if cell else None
    return cell if made is None else made


def _int(cell: str) -> int | None:
    """A whole number; one with leading zeros is a code (an article number, a postcode) and stays text."""
    return int(cell) if re.fullmatch(r"-?(0|[1-9][0-9]{0,17})", cell) else None


def _float(cell: str) -> float | None:
    return float(cell) if re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?", cell) else None


def _bool(cell: str) -> bool | None:
    return {"true": True, "false": False}.get(cell.lower())


def _parquet(path: Path) -> tuple[list[str], Iterator[dict[str, Any]]]:
    require("parquet", what="A Parquet table")
    from pyarrow import parquet

    try:
        look(path)
        file = parquet.ParquetFile(path)
        schema = file.schema_arrow
        columns = {f.name: leaves for f in schema if (leaves := list(_leaves(f.name, f.type)))}
    except Exception as error:  # of a damaged file anything may be wrong
        raise InvalidTableError(f"{path.name} is not a Parquet file: {error}") from error
    return list(columns), _parquet_rows(path, file, [leaf for leaves in columns.values() for leaf in leaves])


def _leaves(name: str, kind: Any) -> Iterator[str]:
    """The parts of a column that are read: all except bytes, which may be the images themselves."""
    from pyarrow import types

    if types.is_struct(kind):
        for field in kind:
            yield from _leaves(f"{name}.{field.name}", field.type)
    elif "binary" not in str(kind):
        yield name


def _parquet_rows(path: Path, file: Any, columns: list[str]) -> Iterator[dict[str, Any]]:
    try:
        with file:
            for batch in file.iter_batches(4096, columns=columns):
                cells = [_cells(column) for column in batch.columns]
                yield from (dict(zip(batch.schema.names, row, strict=True)) for row in zip(*cells, strict=True))
    except Exception as error:  # of a damaged file anything may be wrong
        raise InvalidTableError(f"{path.name} is damaged: {error}") from error


def _cells(column: Any) -> list[Any]:
    try:
        return list(column.to_pylist())
    except (ValueError, OverflowError):  # a time that Python has no name for, to the nanosecond or of year 20000
        return list(column.cast("string").to_pylist())
