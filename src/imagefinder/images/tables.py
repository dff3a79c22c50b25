"""Rows of a CSV or Parquet table: a path, a URL or a picture, and the other columns."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

from imagefinder._util.csv_cells import is_ours, unmarked
from imagefinder.errors import InvalidTableError
from imagefinder.images.csv_lines import HEAD, Lines
from imagefinder.images.parquet import ENDINGS, ParquetTable
from imagefinder.images.places import places
from imagefinder.images.table_limits import CELL, check_size
from imagefinder.types import DERIVED_FIELDS, RECORD_FIELDS, UNSHOWN_FIELDS

COLUMNS = (  # of several, the first is taken; names that say "image" go before those that may be a page's
    ("uri", "image_link", "image_src", "product_image_url", "image_url", "photo_image_url", "image_uri", "img_url")
    + ("url", "image", "image_path", "img", "path", "filepath", "file_path", "file", "filename", "file_name", "photo")
    + ("images", "image_urls", "picture", "picture_url", "photo_url", "base_image", "main_image", "main_image_url")
    + ("variant_image", "thumbnail", "thumbnail_url", "thumbnail_image", "link", "src")
)  # fmt: skip
MANIFEST = "manifest.csv"  # what download writes beside the images
SAMPLE = 1000  # rows looked at to tell the type of a CSV column
SAMPLED_CELLS = 500_000  # looked at for that at most
LONGEST_CELL = CELL  # a quotation mark that is never closed makes a longer one
COUNTED = 1000  # rows after which they are counted again
_PICTURE = re.compile(r"^https?://\S+$|\.(?:jpe?g|png|webp|gif|bmp|tiff?|avif|hei[cf])$", re.IGNORECASE)
_SPECIAL = ("caption", "tags")
_TAKEN = (*RECORD_FIELDS, *DERIVED_FIELDS, *UNSHOWN_FIELDS, "text_by", "id")


class NoPlacesError(InvalidTableError):
    """A table has no column of places."""


class Rows(NamedTuple):
    """An open table: its columns, the one of places, and its rows, in which lists of places may stand in that one."""

    names: list[str]
    key: str
    rows: Iterator[dict[str, Any]]


def read_rows(
    path: Path, column: str | None = None, within: Sequence[str] | None = None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each path or URL in each row, with the row's other columns as numbers, true/false or text, without empty cells.

    ``column`` is the name of the column of paths, URLs or pictures, in upper or lower case; by default the first of
    the usual names that exists. The place of a picture inside the table is that of ``images.inside``. A column with the
    name of a field of a record gets the prefix ``csv_``; a column of bytes is left out. Rows without a place are
    skipped. ``within`` are the folders that the table must lie in, see ``files.open_file``. Raises InvalidTableError,
    and MissingExtraError for Parquet without pyarrow.
    """
    names, key, rows = _open(path, column, within=within)
    if not is_parquet(path):
        rows = _typed(rows, [n for n in names if n != key and n.strip().lower() not in _SPECIAL])
    for row in rows:
        for place in places(row.get(key)):
            yield place, fields_of({k: v for k, v in row.items() if k != key})


def read_text_rows(path: Path, first: Sequence[str], last: Sequence[str], needs: str) -> Rows:
    """A table with all cells as text, a row of several pictures as several rows. ``first`` and ``last`` are names of
    the column of places that go before and after the usual ones; ``needs`` is what to say of a table without. Raises as
    ``read_rows`` does."""
    try:
        names, key, rows = _open(path, first=first, last=last)
    except NoPlacesError as error:
        raise InvalidTableError(error.message, remedy=needs) from None
    return Rows(names, key, _texts(rows, key))


def _texts(rows: Iterator[dict[str, Any]], key: str) -> Iterator[dict[str, str]]:
    for row in rows:
        for place in row[key] if isinstance(row[key], list) else [row[key]]:
            yield {k: "" if v is None else str(v) for k, v in {**row, key: place}.items()}


def is_parquet(path: Path) -> bool:
    return path.suffix.lower() in ENDINGS


def _open(
    path: Path,
    column: str | None = None,
    first: Sequence[str] = (),
    last: Sequence[str] = (),
    within: Sequence[str] | None = None,
) -> Rows:
    """Open a table. Of a Parquet table columns that hold pictures go before those of the usual names."""
    if not is_parquet(path):
        names, rows = read_csv(path, within=within)
        return Rows(names, place_column(path, names, column, first, last), rows)
    table = ParquetTable(path, within)
    if not column:
        table.keep_pictures()
        first = ["uri", *(bare(name) for name in table.pictures), *first] if table.pictures else first
    key = place_column(path, table.names, column, first, last)
    return Rows(table.names, key, table.rows(key))


def place_column(
    path: Path, names: Sequence[str], wanted: str | None = None, first: Sequence[str] = (), last: Sequence[str] = ()
) -> str:
    """The column of paths or URLs: the one ``wanted``, else one of the ``first``, of the usual ones, or of the
    ``last``.
    Case, spaces and signs in names don't count. Raises InvalidTableError."""
    found = {bare(name): name for name in reversed(names)}
    usual = (
        ("file", *COLUMNS) if path.name == MANIFEST else (*first, *COLUMNS, *last)
    )  # its URLs: where the files came from
    for name in [wanted] if wanted else usual:
        if bare(name) in found:
            return found[bare(name)]
    what = f"no column {wanted!r}" if wanted else "no column of paths, URLs or pictures"
    raise NoPlacesError(
        f"{path.name} has {what}; its columns are: {', '.join(names) or 'none'}.",
        remedy="Name the column that holds them with --column (column= in Python).",
    )


def bare(name: str) -> str:
    """The name of a column without what people write differently: image_link for "Image Link"."""
    return re.sub(r"[\W_]+", "", name).casefold() or name.strip().casefold()


def fields_of(row: dict[str, Any]) -> dict[str, Any]:
    """What a row says of its image, under names that a record can have, with values that an index can keep."""
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
        key = lower if lower in _SPECIAL else f"csv_{lower}" if lower in _TAKEN else name.strip()
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


def read_csv(
    path: Path, *, whole: bool = True, within: Sequence[str] | None = None
) -> tuple[list[str], Iterator[dict[str, Any]]]:
    """The columns of a CSV file, and its rows as text. Raises InvalidTableError, also while the rows are read: for a
    quotation mark that is never closed, and for a row with more cells than columns, with its line. With ``whole``
    false, such a row is made to fit. ``within``: see ``read_rows``."""
    lines = Lines(path, within)
    if not lines.head.strip():
        raise InvalidTableError(f"{path.name} is empty.", remedy="A table needs a line of column names.")
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_CELL))  # of the whole process, so never made less
    rows = _read(path, lines, lines.delimiter or _delimiter(lines.head))
    header = next(rows, (0, []))[1]
    check_size(path, 1, len(header))
    text_of = unmarked if is_ours(header) else str
    header = [text_of(name) for name in header]
    places = {name: i for i, name in reversed(list(enumerate(header))) if name}
    return [n for n in dict.fromkeys(header) if n], (
        {name: text_of(row[i].strip()) for name, i in places.items()} for row in _even(path, header, rows, whole)
    )


def _read(path: Path, lines: Lines, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The cells of each row that has any, with the number of the line on which it begins."""
    reader, above = csv.reader(lines, delimiter=delimiter, strict=True), lines.above
    line, width = above + 1, 0
    try:
        for row in reader:
            lines.begin_row()
            if any(cell.strip() for cell in row):
                width = width or len(row)
                if above + reader.line_num > line and _swallows(row, delimiter, width):
                    raise InvalidTableError(
                        f"{path.name}, line {line}: a quotation mark is never closed; a row after it stands in a cell.",
                        remedy='Close it, or double it where it belongs to the text: "13"" screen".',
                    )
                yield line, row
            line = above + reader.line_num + 1
    except csv.Error as error:
        raise InvalidTableError(
            f"{path.name}, line {line}: a quotation mark is never closed, or text follows a closed one ({error}).",
            remedy='Put cells with quotation marks in quotation marks, and double those inside: "13"" screen".',
        ) from error


def _swallows(row: Sequence[str], delimiter: str, width: int) -> bool:
    """Whether a cell of several lines holds other rows: the quotation mark that ends it was to begin another. A line of
    such a cell has cells itself, one of them a picture, in the column where this row has one, and one that is none."""
    ours = {i for i, cell in enumerate(row) if _is_picture(cell)}
    for place, cell in enumerate(row):
        lines = re.split(r"[\r\n]+", cell)
        for n, line in enumerate(lines if len(lines) > 1 else ()):
            cells = line.split(delimiter)
            start = 0 if n else place
            there = {start + i for i, c in enumerate(cells) if _is_picture(c.strip('"'))}
            other = any(c.strip() and not _is_picture(c) for c in cells)
            spaced = any(c.startswith(" ") for c in cells)  # as in a sentence
            if (there & ours if ours else there) and other and not spaced and start + len(cells) <= width:
                return True
    return False


def _is_picture(cell: str) -> bool:
    return "\n" not in cell and "\r" not in cell and bool(_PICTURE.search(cell.strip()))


def _even(path: Path, header: Sequence[str], rows: Iterator[tuple[int, list[str]]], whole: bool) -> Iterator[list[str]]:
    """The rows, each with as many cells as the header. Empty cells at the end may be more or fewer, as spreadsheets
    leave them out."""
    for number, (line, row) in enumerate(rows, 1):
        if number % COUNTED == 0:
            check_size(path, number, len(header))
        while len(row) > len(header) and not row[-1].strip():
            row.pop()
        if len(row) > len(header) and whole:
            raise InvalidTableError(
                f"{path.name}, line {line}: the row has {len(row)} cells, and the table has {len(header)} columns.",
                remedy="Put cells that hold the separator in quotation marks.",
            )
        yield row + [""] * (len(header) - len(row))


def _delimiter(text: str) -> str:
    """The most likely delimiter, from the first line outside quotation marks."""
    header = re.split(r"[\r\n]", re.sub(r'"(?:[^"]|"")*"', "", text[:HEAD].lstrip()), maxsplit=1)[0]
    return max(",;\t|", key=lambda d: (header.count(d), d == ","))


def _typed(rows: Iterator[dict[str, Any]], names: list[str]) -> Iterator[dict[str, Any]]:
    """Rows with each of these columns in the one type that fits all of its first cells."""
    sample = list(islice(rows, min(SAMPLE, max(20, SAMPLED_CELLS // max(len(names), 1)))))
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
