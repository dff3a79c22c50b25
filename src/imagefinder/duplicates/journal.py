"""The journals of the trash: what was about to move where, written down before it does."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from imagefinder._util.lines import add_lines
from imagefinder.errors import IndexDamagedError
from imagefinder.index.jsonfile import line, read_lines

TRASH, JOURNAL = "trash", "journal.jsonl"
SHAPE = ({"from": str, "to": str, "content_hash?": re.compile("[0-9a-f]{32}|")}, {"undone": str})


def note(journal: Path, entry: dict[str, Any]) -> None:
    """A line of the journal, on the disk when this returns. Raises OSError."""
    add_lines(journal, line(entry))


def journals(home: Path) -> list[Path]:
    """The journals of the index in the folder ``home`` that have not been undone, the latest last. Raises
    IndexDamagedError."""
    for folder in (home / TRASH).glob("*"):
        _check(folder)
    found = sorted((home / TRASH).glob(f"*/{JOURNAL}"), key=_begun) if (home / TRASH).is_dir() else []
    return [j for j in found if not _is_undone(entries(j))]


def _check(folder: Path) -> None:
    """Raise IndexDamagedError for a folder with moved files of which no journal says where from."""
    moved = next((path for path in folder.glob("[0-9][0-9][0-9][0-9]*-*")), None)
    if moved is not None and not ((folder / JOURNAL).is_file() and entries(folder / JOURNAL)):
        raise IndexDamagedError(
            f"{folder / JOURNAL} is missing or empty, and beside it lie files such as {moved.name}.",
            remedy=f"Move the files in {folder} back by hand, then remove it.",
        )


def _begun(journal: Path) -> tuple[datetime, int]:
    """When a run began, by the name of its folder: in UTC, or, without anything random, the local time as before."""
    name = journal.parent.name
    time = datetime.fromtimestamp(0, UTC)
    with suppress(ValueError, OverflowError):
        if name.count("-") == 3:
            time = datetime.strptime(f"{name[:22]}+0000", "%Y%m%d-%H%M%S-%f%z")
        else:
            time = datetime.strptime(name[:15], "%Y%m%d-%H%M%S").astimezone(UTC)
    return time, journal.stat().st_mtime_ns


def new_name(home: Path) -> str:
    """A name for a run that no other has. It sorts behind those of all runs before, also after the clock went back."""
    last = max((_begun(j)[0] for j in (home / TRASH).glob(f"*/{JOURNAL}")), default=datetime.fromtimestamp(0, UTC))
    time = max(datetime.now(UTC), last + timedelta(microseconds=1))
    return f"{time:%Y%m%d-%H%M%S-%f}-{os.urandom(4).hex()}"


def _is_undone(lines: Sequence[dict[str, Any]]) -> bool:
    """Whether nothing was moved since the files were moved back."""
    return bool(lines) and "undone" in lines[-1]


def moved_before(home: Path) -> dict[str, str]:
    """The files that the last run moved and that are still in the trash, by where they were: also those of a run that
    was killed, which could not tell the index."""
    there = journals(home)
    moves = [e for e in entries(there[-1]) if "from" in e] if there else []
    return {e["from"]: e["to"] for e in moves if os.path.lexists(e["to"]) and not os.path.lexists(e["from"])}


def entries(journal: Path) -> list[dict[str, Any]]:
    """The lines of a journal; a last one cut short by a crash was never acted upon. Raises IndexDamagedError where
    others can't be read, or say what no journal says."""
    rows, lost = read_lines(journal, SHAPE)
    if lost:
        raise IndexDamagedError(
            f"{journal} is damaged: {lost} of its lines can't be read.",
            remedy=f"Move the files in {journal.parent} back by hand; each line of the journal names where from.",
        )
    return rows
