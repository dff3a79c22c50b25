"""The kind of value of each field of a record, so that stores can index it and filters can read it correctly.

A column of a user's table is not listed: its values may be of any kind, even mixed.
"""

from __future__ import annotations

from enum import Enum
from types import MappingProxyType


class Kind(Enum):
    """``TEXT``: a string or a list of strings. ``NUMBER``: a whole number. ``DATE``: an ISO 8601 string."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"


FIELD_KINDS = MappingProxyType(
    {
        "uri": Kind.TEXT,
        "folder": Kind.TEXT,
        "source": Kind.TEXT,
        "content_hash": Kind.TEXT,
        "format": Kind.TEXT,
        "caption": Kind.TEXT,
        "tags": Kind.TEXT,
        "colours": Kind.TEXT,
        "bytes": Kind.NUMBER,
        "size": Kind.NUMBER,
        "width": Kind.NUMBER,
        "height": Kind.NUMBER,
        "mtime_ns": Kind.NUMBER,
        "cluster": Kind.NUMBER,
        "cluster_name": Kind.TEXT,
        "mtime": Kind.DATE,
        "taken_at": Kind.DATE,
        "taken_guess": Kind.DATE,
        "taken_from": Kind.TEXT,
        "albums": Kind.TEXT,
    }
)

INDEXED = ("folder", "source", "tags", "colours", "content_hash", "cluster")  # that filters often ask for equality


def json_path(field: str) -> str | None:
    """The name of a field as a path of Qdrant's, whatever characters it has; None where that can't name it."""
    return None if '"' in field or "\\" in field else f'"{field}"'
