"""What was decided about pairs, kept in the index folder as ``decisions.json``."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from imagefinder._util.files import write_whole
from imagefinder.duplicates.decisions import Decided, Decision, Decisions
from imagefinder.errors import IndexDamagedError, InvalidInputError

FILE = "decisions.json"


def load_decisions(index: Path) -> Decisions:
    """The decisions of the index in this folder; none if there is no such file. Raises IndexDamagedError."""
    path = index / FILE
    if not path.exists():
        return Decisions()
    try:
        return read_decisions(path)
    except InvalidInputError as error:
        raise IndexDamagedError(
            error.message, remedy=f"Mend {path}, or move it away to start without decisions."
        ) from error


def save_decisions(index: Path, decisions: Decisions) -> None:
    """Replace the decisions of the index. Raises StorageError; what was there is then untouched."""
    write_decisions(index / FILE, decisions)


def read_decisions(path: Path) -> Decisions:
    """Decisions written by ``write_decisions``. Raises InvalidInputError."""
    try:
        return Decisions.from_dict(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError) as error:
        message = error.message if isinstance(error, InvalidInputError) else str(error)
        raise InvalidInputError(f"{path} can't be read: {message}") from error


def write_decisions(path: Path, decisions: Decisions) -> None:
    """Write decisions to a file that another index can take in. Raises StorageError."""
    write_whole(path, (json.dumps(decisions.to_dict(), indent=1, ensure_ascii=False) + "\n").encode())


def decide(decisions: Decisions, decision: Decision, images: list[tuple[str, str]]) -> Decisions:
    """The decision added for every pair of the images, given as (content hash, place)."""
    if len(images) < 2:
        raise InvalidInputError("A decision is about two images or more.")
    when = datetime.now(UTC).isoformat(timespec="seconds")
    for i, (first, first_name) in enumerate(images):
        for second, second_name in images[i + 1 :]:
            decisions = decisions.with_pair(first, second, Decided(decision, when, (first_name, second_name)))
    return decisions
