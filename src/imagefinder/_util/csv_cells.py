"""CSV that we write. Text that a spreadsheet would take for a formula is marked as text, as spreadsheets do it: by an
apostrophe before it. Whoever needs the bare text takes JSON or Parquet, or has it read back here.

Source: OWASP, CSV Injection. Numbers stay numbers, and what begins with apostrophes gets one more, so that nothing is
lost.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

OURS = (  # how the tables begin that we write
    ["rank", "id", "uri", "score"],
    ["id", "uri", "x", "y"],
    ["uri", "cluster", "name", "distance"],
    ["file", "url"],
)
_FORMULA = re.compile(r"'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)


def write_rows(
    file: TextIO, names: Sequence[str], rows: Iterable[Mapping[str, Any]], *, line_end: str = "\n", quote: bool = True
) -> None:
    """Write a header and rows; ``quote`` puts all text in quotation marks."""
    quoting: Any = csv.QUOTE_NONNUMERIC if quote else csv.QUOTE_MINIMAL
    writer = csv.writer(file, lineterminator=line_end, quoting=quoting)
    writer.writerow([marked(name) for name in names])
    writer.writerows([marked(row.get(name)) for name in names] for row in rows)


def marked(cell: Any) -> Any:
    """A cell that no spreadsheet takes for a formula; what is no text, or spells a number, stays as it is."""
    risky = isinstance(cell, str) and _FORMULA.match(cell) and not _NUMBER.fullmatch(cell)
    return f"'{cell}" if risky else cell


def unmarked(cell: str) -> str:
    """The text that ``marked`` made this of."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def is_ours(names: Sequence[str]) -> bool:
    """Whether a table with these columns is one that we wrote."""
    return any(list(names[: len(first)]) == first for first in OURS)
