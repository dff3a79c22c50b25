"""Rows of a CSV or Parquet table: a path or URL and the other columns."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

from imagefinder.errors import InvalidTableError
from imagefinder.types import RECORD_FIELDS

COLUMNS = (
    ("uri", "url", "image_url", "photo_image_url", "image_uri", "img_url", "image", "image_path", "img", "path")
    + ("filepath", "file_path", "file", "filename", "file_name", "photo", "link", "src")
)  # fmt: skip
SAMPLE = 1000  # rows looked at to tell the type of a CSV column
_SPECIAL = ("caption", "tags")


def read_rows(path: Path, column: str | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
    """The path or URL in each row, and the other columns as numbers, true/false or text; empty cells are left out.

    ``column`` names the column of paths or URLs, whatever its case; by default it is the first of the usual names
    that is there. A column named like a field of a record gets the prefix ``csv_``. Rows without a path are passed
    over. Raises InvalidTableError.
    """
    names, rows = _parquet(path) if path.suffix.lower() in (".parquet", ".pq") else _csv(path)
    key = _place_column(path, names, column)
    for row in rows:
        place = str(row.get(key) or "").strip()
        if place:
            yield place, _metadata({k: v for k, v in row.items() if k != key})


def _place_column(path: Path, names: Sequence[str], column: str | None) -> str:
    lowered = {name.strip().lower(): name for name in reversed(names)}
    for wanted in [column.strip().lower()] if column else COLUMNS:
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
        if lower == "tags":
            value = (
                value if isinstance(value, list) else [t.strip() for t in re.split(r"[,;|]", str(value)) if t.strip()]
            )
        key = lower if lower in _SPECIAL else f"csv_{lower}" if lower in (*RECORD_FIELDS, "id") else name.strip()
        metadata[key] = value
    return metadata


def _plain(value: Any) -> Any:
    """A value the store can keep: text, number, true/false or a list of text; NaN is nothing."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, (list, tuple)):
        return [str(v) for v in value if v is not None]
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _csv(path: Path) -> tuple[list[str], Iterator[dict[str, Any]]]:
    lines = _lines(path)
    head = list(islice(lines, 50))
    if not head:
        raise InvalidTableError(f"{path.name} is empty.", remedy="A table needs a line of column names.")
    reader = csv.DictReader(chain(head, lines), delimiter=_delimiter(head[0]))
    names = [n for n in reader.fieldnames or [] if n]
    return names, _typed(path, reader, names)


def _lines(path: Path) -> Iterator[str]:
    """The lines of a text file in UTF-8, or in Latin-1 if it isn't UTF-8."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InvalidTableError(f"{path} can't be read: {error.strerror}.") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return iter(text.replace("\0", "").splitlines(keepends=True))


def _delimiter(header: str) -> str:
    return max(",;\t|", key=lambda d: (header.count(d), d == ","))


def _typed(path: Path, reader: csv.DictReader[str], names: list[str]) -> Iterator[dict[str, Any]]:
    """Rows with each column in the one type that fits all of its first cells."""
    try:
        sample = list(islice(reader, SAMPLE))
        makers = {name: _maker([row.get(name) or "" for row in sample]) for name in names}
        for row in chain(sample, reader):
            yield {name: _made(makers[name], row.get(name) or "") for name in names}
    except csv.Error as error:
        raise InvalidTableError(f"{path.name}, line {reader.line_num}: {error}.") from error


def _maker(cells: Sequence[str]) -> Any:
    filled = [c.strip() for c in cells if c.strip()]
    for maker in (_int, _float, _bool):
        if filled and all(maker(c) is not None for c in filled):
            return maker
    return str


def _made(maker: Any, cell: str) -> Any:
    cell = cell.strip()
    made = maker(cell) if cell else None
    return cell if made is None else made


def _int(cell: str) -> int | None:
    """A whole number; one with leading zeros is a code (an article number, a postcode) and stays text."""
    return int(cell) if re.fullmatch(r"-?(0|[1-9]\d{0,17})", cell) else None


def _float(cell: str) -> float | None:
    return float(cell) if re.fullmatch(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", cell) else None


def _bool(cell: str) -> bool | None:
    return {"true": True, "false": False}.get(cell.lower())


def _parquet(path: Path) -> tuple[list[str], Iterator[dict[str, Any]]]:
    import pyarrow
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(path)
    except (OSError, pyarrow.ArrowException) as error:
        raise InvalidTableError(f"{path.name} is not a Parquet file: {error}") from error
    return file.schema_arrow.names, (row for batch in file.iter_batches(4096) for row in batch.to_pylist())
