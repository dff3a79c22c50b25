"""A copy of an index that is not whole yet. A document in it says so; only who goes on with the copy opens it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from imagefinder._util.places import Place
from imagefinder.errors import IndexFolderError
from imagefinder.index.jsonfile import read_json, write_json

MARKER = "copying.json"
_SHAPE: dict[str, Any] = {"source": str, "created": str, "begun": str}


@dataclass(frozen=True, slots=True)
class Half:
    """Of which index it is a copy: where that is, for people, and when it was ``created``; and when the copy was
    ``begun``."""

    source: str
    created: str
    begun: str

    def is_of(self, other: Half) -> bool:
        """Whether both are copies of the same index."""
        return (self.source, self.created) == (other.source, other.created)


def half_at(documents: Place) -> Half | None:
    """What the copy in this place is one of, if it is not whole. Raises IndexDamagedError."""
    try:
        row = read_json(documents / MARKER, _SHAPE, f"Remove {documents}, then copy again.")
    except (FileNotFoundError, NotADirectoryError):
        return None
    return Half(row["source"], row["created"], row["begun"])


def mark_half(documents: Place, half: Half) -> None:
    """Say that a copy begins here. Raises StorageError."""
    write_json(documents / MARKER, asdict(half))


def refuse_half(documents: Place) -> None:
    """Raise IndexFolderError where there is a copy that is not whole."""
    half = half_at(documents)
    if half:
        raise IndexFolderError(
            f"{documents} is a copy of {half.source} that is not whole yet; it was begun {half.begun}.",
            remedy="Go on with: imagefinder copy FROM TO; or remove it.",
        )
