"""Places of pictures that lie inside a table, which are no files of their own.

A picture in a Parquet table is known by ``TABLE.parquet#COLUMN/ROW/NAME``: rows count from 0, the name is the one that
the table gives, if any. Of several pictures in one cell, ``ROW.N`` says which, from 0.
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple

_PLACE = re.compile(r"(.+\.(?:parquet|pq))#([^/#]+)/(\d{1,18})(?:\.(\d{1,9}))?(?:/([^/]+))?", re.IGNORECASE | re.DOTALL)
_SIGNS = {"%": "%25", "/": "%2F", "#": "%23", "\\": "%5C"}  # that a column's name can't have here


def is_url(text: str) -> bool:
    return text.lower().startswith(("http://", "https://"))


class Inside(NamedTuple):
    """A picture in ``row`` of a table's ``column``: ``part`` is its number in a cell of several, else None."""

    table: str
    column: str
    row: int
    part: int | None = None
    name: str = ""

    @property
    def uri(self) -> str:
        column = "".join(_SIGNS.get(c, c) for c in self.column)
        part = "" if self.part is None else f".{self.part}"
        name = re.split(r"[/\\]", self.name)[-1]
        return f"{self.table}#{column}/{self.row}{part}" + (f"/{name}" if name else "")


def inside(uri: str) -> Inside | None:
    """The place in a table that ``uri`` names; None for a file and for a URL."""
    found = None if "#" not in uri or is_url(uri) else _PLACE.fullmatch(uri)
    if found is None:
        return None
    table, column, row, part, name = found.groups()
    for sign, written in reversed(_SIGNS.items()):
        column = column.replace(written, sign)
    return Inside(table, column, int(row), None if part is None else int(part), name or "")


def is_file(uri: str) -> bool:
    """Whether an image is a file of its own: neither at a URL nor inside a table."""
    return not why_no_file(uri)


def why_no_file(uri: str) -> str:
    """Why an image is no file of its own, that could be moved or linked to; empty if it is one."""
    if is_url(uri):
        return "It is at a URL."
    place = inside(uri)
    return f"It lies inside the table {os.path.basename(place.table)}, and is no file of its own." if place else ""


def file_of(uri: str) -> str:
    """The path of the file that holds an image: its own, or that of the table it lies in."""
    place = inside(uri)
    return place.table if place else uri


def is_there(uri: str) -> bool:
    """Whether the file that holds an image is on this machine; a URL always counts as there."""
    return is_url(uri) or os.path.lexists(file_of(uri))
