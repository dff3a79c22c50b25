"""The one way of reading and writing JSON of an index, whose files may be damaged, or come from somebody else: whole or
not at all, with a checksum inside, and of the shape that it may have."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from imagefinder._util.files import write_whole
from imagefinder._util.lines import read_plain
from imagefinder._util.places import Place
from imagefinder._util.shapes import check_shape
from imagefinder._util.sums import with_sum, without_sum
from imagefinder.errors import IndexDamagedError

MOST_BYTES = 2**30  # of a file of JSON


def read_json(path: Place, shape: Any, remedy: str) -> dict[str, Any]:
    """The object in a file. Raises FileNotFoundError, and IndexDamagedError with the remedy for what can't be read, has
    another checksum than it tells, or another shape (see ``shapes``)."""
    try:
        return parse_json(read_plain(path, MOST_BYTES), shape)
    except (FileNotFoundError, NotADirectoryError):
        raise
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        raise damaged(path, error, remedy) from error


def parse_json(text: bytes, shape: Any) -> dict[str, Any]:
    """The object that a text is. Raises ValueError or RecursionError."""
    value = json.loads(text, parse_constant=_no_number)
    if not isinstance(value, dict):
        raise ValueError("it is no object")
    row = without_sum(value)
    check_shape(row, shape)
    return row


def write_json(path: Place, row: Mapping[str, Any], *, indent: int | None = 1) -> None:
    """Write an object, whole or not at all. Raises StorageError."""
    write_whole(path, json_text(row, indent=indent))


def json_text(row: Mapping[str, Any], *, indent: int | None = 1) -> bytes:
    """An object as the text of a file."""
    return (json.dumps(with_sum(row), indent=indent, ensure_ascii=False) + "\n").encode()


def line(row: Mapping[str, Any]) -> bytes:
    """An object as a line of a file of lines. Raises ValueError for what is no JSON."""
    return json.dumps(with_sum(row), ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode() + b"\n"


def read_lines(path: Place, shape: Any, *, begin: tuple[bytes, ...] = ()) -> tuple[list[dict[str, Any]], int]:
    """The rows of a file of lines, and how many lines can't be read or have another shape; a last one that was cut
    short is none. Only those that ``begin`` with one of these, if there are any. No rows where there is no file. Raises
    IndexDamagedError when the file can't be read."""
    try:
        lines = read_plain(path, MOST_BYTES).split(b"\n")
    except FileNotFoundError:
        return [], 0
    except (OSError, MemoryError) as error:
        raise damaged(path, error, "Allow reading it, or restore it from a backup.") from error
    rows, lost = [], 0
    for text in lines[:-1]:
        if begin and not text.startswith(begin):
            continue
        try:
            rows.append(parse_json(text, shape))
        except (ValueError, RecursionError):
            lost += bool(text.strip())
    return rows, lost


def damaged(path: Place, error: Exception, remedy: str) -> IndexDamagedError:
    said = getattr(error, "strerror", None) or error
    return IndexDamagedError(f"{path} is damaged: {said}.", remedy=remedy)


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")
