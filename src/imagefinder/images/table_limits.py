"""What a table may hold. More is refused with a message that names the limit, before it is in memory."""

from __future__ import annotations

from pathlib import Path

from imagefinder.errors import InvalidTableError

ROWS = 5_000_000
COLUMNS = 2_000
CELLS = 100_000_000  # rows times columns
CELL = 1_000_000  # characters
LINE = 4_000_000  # characters of one row of a CSV file
LINES = 20_000_000  # of a CSV file
TEXT = 2_000_000_000  # bytes of all cells together, as they are once unpacked
BATCH = 300_000_000  # bytes of the rows of a Parquet table that are read at once
PAGES = 1_000_000_000  # bytes of the pages of a Parquet table that are unpacked at once
CHUNK = 500_000_000  # bytes of a column in a group of rows of a Parquet table, but for pictures


def too_much(path: Path, number: float, most: int, what: str) -> InvalidTableError:
    return InvalidTableError(
        f"{path.name} has {number:,.0f} {what}; {most:,} are allowed.",
        remedy="Make several tables of it, with only the columns that are needed.",
    )


def check_size(path: Path, rows: int, columns: int) -> None:
    """Raise InvalidTableError for a table of too many rows, columns or cells."""
    if columns > COLUMNS:
        raise too_much(path, columns, COLUMNS, "columns")
    if rows > ROWS:
        raise too_much(path, rows, ROWS, "rows")
    if rows * columns > CELLS:
        raise too_much(path, rows * columns, CELLS, "cells")
