"""Places of pictures that lie inside a file, which are no files of their own.

A picture in a Parquet table is known by ``TABLE.parquet#COLUMN/ROW/NAME``: rows count from 0, the name is the one that
the table gives, if any. Of several pictures in one cell, ``ROW.N`` says which, from 0. A page of a PDF is known by
``FILE.pdf#page=3``, from 1; a frame of a video by the seconds from its beginning, ``FILE.mp4#t=12.5``.
"""

from __future__ import annotations

import os
import re
from typing import Any, NamedTuple

from imagefinder.images.formats import BY_ENDING, FORMATS
from imagefinder.images.remote.schemes import is_bucket as is_bucket
from imagefinder.images.remote.schemes import is_remote as is_remote
from imagefinder.images.remote.schemes import is_url as is_url

_PLACE = re.compile(r"(.+\.(?:parquet|pq))#([^/#]+)/(\d{1,18})(?:\.(\d{1,9}))?(?:/([^/]+))?", re.IGNORECASE | re.DOTALL)
_PARTS = {format.parts: "|".join(e[1:] for e in format.endings) for format in FORMATS if format.parts}
_PART = re.compile(
    rf"(.+\.(?:{_PARTS['page']}))#page=([1-9]\d{{0,6}})|(.+\.(?:{_PARTS['t']}))#t=(\d{{1,7}}(?:\.\d{{1,3}})?)",
    re.IGNORECASE | re.DOTALL,
)
ARCHIVES = (".tar", ".zip")
_MEMBER = re.compile(rf"(.+?(?:{'|'.join(map(re.escape, ARCHIVES))}))#(.+)", re.IGNORECASE | re.DOTALL)
_TABLE = re.compile(r"\.(?:parquet|pq)#", re.IGNORECASE)
_SIGNS = {"%": "%25", "/": "%2F", "#": "%23", "\\": "%5C"}  # that a column's name can't have here


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
    found = None if "#" not in uri or is_remote(uri) or member_of(uri) else _PLACE.fullmatch(uri)
    if found is None:
        return None
    table, column, row, part, name = found.groups()
    for sign, written in reversed(_SIGNS.items()):
        column = column.replace(written, sign)
    return Inside(table, column, int(row), None if part is None else int(part), name or "")


class Part(NamedTuple):
    """A page or frame of a ``file``: its number, or its time in seconds."""

    file: str
    page: int | None = None
    time: float | None = None

    @property
    def place(self) -> float:
        return float(self.page or self.time or 0)

    @property
    def uri(self) -> str:
        return (
            f"{self.file}#page={self.page}"
            if self.page
            else f"{self.file}#t={self.time or 0:.3f}".rstrip("0").rstrip(".")
        )

    def fields(self) -> dict[str, Any]:
        """What its record says of it, for filters."""
        place = {"page": self.page} if self.page else {"time": self.time}
        return {"parent": self.file, **place}

    def __str__(self) -> str:
        """What people call it: "page 3", "0:12"."""
        return f"page {self.page}" if self.page else clock(self.time or 0.0)


def clock(seconds: float) -> str:
    """A time in a video as players show it: 1:02:03, 0:12."""
    whole = int(seconds)
    minutes = f"{whole // 60 % 60}:{whole % 60:02d}"
    return f"{whole // 3600}:{minutes:0>5}" if whole >= 3600 else minutes


def part_of(uri: str) -> Part | None:
    """The page or frame that ``uri`` names; None for anything else."""
    found = None if "#" not in uri or is_remote(uri) or member_of(uri) else _PART.fullmatch(uri)
    if found is None:
        return None
    pdf, page, video, time = found.groups()
    return Part(pdf, page=int(page)) if pdf else Part(video, time=float(time))


def has_parts(path: str) -> bool:
    """Whether a file is one of several pictures, each of which is indexed, by its name."""
    format = BY_ENDING.get(os.path.splitext(path)[1].lower())
    return bool(format and format.parts) and not is_remote(path) and not member_of(path)


class MemberPlace(NamedTuple):
    """A member of an ``archive``, which is a path or an address, by its ``name`` in it."""

    archive: str
    name: str


def member_of(uri: str) -> MemberPlace | None:
    """The member of an archive that ``uri`` names; None for anything else."""
    found = _MEMBER.fullmatch(uri) if "#" in uri else None
    if found is None or _TABLE.search(found[1]):
        return None
    return MemberPlace(found[1], found[2])


def is_archive(uri: str) -> bool:
    """Whether a file, or what lies at an address, is an archive of images, by its name."""
    if not uri.lower().endswith(ARCHIVES):
        return False
    return "#" not in (uri if is_remote(uri) else uri.replace(os.sep, "/")).rpartition("/")[2]


def holder_of(uri: str) -> str:
    """The PDF, video or archive that an image is a page, frame or member of; any other image as it is."""
    member = member_of(uri)
    return member.archive if member else whole_of(uri)


def whole_of(uri: str) -> str:
    """The file of a page or frame; anything else as it is."""
    part = part_of(uri)
    return part.file if part else uri


def is_file(uri: str) -> bool:
    """Whether an image is a file of its own: not at a URL, and not inside a file."""
    return not why_no_file(uri)


def why_no_file(uri: str) -> str:
    """Why an image is no file of its own, that could be moved or linked to; empty if it is one."""
    if is_url(uri):
        return "It is at a URL."
    if is_bucket(uri):
        return "It is in a bucket."
    if member := member_of(uri):
        return f"It lies inside the archive {os.path.basename(member.archive)}, and is no file of its own."
    if part := part_of(uri):
        return f"It is a part of {os.path.basename(part.file)} ({part}), and no file of its own."
    place = inside(uri)
    return f"It lies inside the table {os.path.basename(place.table)}, and is no file of its own." if place else ""


def file_of(uri: str) -> str:
    """The path of the file that holds an image: its own, or that of the table, PDF, video or archive it lies in."""
    place = inside(uri)
    return place.table if place else holder_of(uri)


def is_there(uri: str) -> bool:
    """Whether the file that holds an image is on this machine; what is on another machine always counts
    as there."""
    return is_remote(uri) or os.path.lexists(file_of(uri))
