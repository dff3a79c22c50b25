"""Takes back what was moved to a trash.

The journal that says where from may have come with the index of somebody else. So only files in the folder of that run
move, to where pictures of this index may lie: in one of its sources, in no hidden folder, under the name of a picture
or of what belongs to one. Never over another file, and never through a link.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagefinder._util.files import fitting_name
from imagefinder.duplicates.companions import HEIF, JPEG, NOTES, OTHER, RAW, VIDEO, shot_of
from imagefinder.duplicates.journal import entries, journals, note
from imagefinder.duplicates.moving import content_hash, move
from imagefinder.duplicates.trash import Moved
from imagefinder.errors import ImageFinderError, NotFoundError, StorageError
from imagefinder.images.headers import format_of
from imagefinder.images.places import located
from imagefinder.images.tables import read_rows
from imagefinder.index.audit import Audit
from imagefinder.types import Skipped

if TYPE_CHECKING:
    from imagefinder.index.folder import Index

PICTURES = HEIF | JPEG | OTHER | RAW | VIDEO  # endings of files that may come back whatever is in them
_RUN = re.compile(r"\d{8}-\d{6}(-\d{6}-[0-9a-f]{8}|-\d+)?")  # the folder of a run, as ``journal.new_name`` calls it
_NUMBER = re.compile(r"\d{4,9}-")  # before the name that a file had
BACK = Skipped("", "", "")  # nothing to do: the file has not moved, or is back


def undo(index: Index, journal: Path | None = None, *, anywhere: bool = False) -> Moved:
    """Move back what a journal (by default the latest) says was moved; a file whose place is taken stays in the trash,
    and so does one that may not lie there, see above. ``anywhere``: the journal is one's own, so that what it names
    need be in no source, nor a picture.

    Raises NotFoundError (there is nothing to undo), IndexDamagedError or StorageError; it can be run again.
    """
    with index.writing:  # no journal is undone twice at once, nor while it is being written
        return _undo(index, journal, anywhere)


def _undo(index: Index, journal: Path | None, anywhere: bool) -> Moved:
    if journal is None:
        there = journals(index.path)
        if not there:
            raise NotFoundError(
                "There is nothing to undo.", remedy="Files are moved by: imagefinder duplicates apply PLAN"
            )
        journal = there[-1]
    elif not journal.is_file():
        raise NotFoundError(f"There is no journal {journal}.")
    files: list[tuple[str, str]] = []
    left: list[Skipped] = []
    rows = [row for row in entries(journal) if "from" in row]
    places = _Places(index, journal, rows, anywhere)
    for row in reversed(rows):
        source, target = Path(row["to"]), Path(row["from"])
        why = places.why_not(source, target)
        done = Skipped(str(target), "not-allowed", why, places.remedy(source)) if why else _take_back(source, row)
        if done is None:
            files.append((str(source), str(target)))
        elif done.code:
            left.append(done)
    if not left:
        with suppress(OSError):  # the files are back; that the journal can't say so does no harm
            note(journal, {"undone": datetime.now(UTC).isoformat(timespec="seconds")})
    if files:
        Audit(index.documents).add("restored", [target for _, target in files])
    return Moved(journal, tuple(files), tuple(left))


class _Places:
    """Where the files of a journal may come from, and go to."""

    def __init__(self, index: Index, journal: Path, rows: Sequence[dict[str, Any]], anywhere: bool) -> None:
        self._anywhere = anywhere
        self._journal = shlex.quote(str(journal))
        self._run = journal.absolute().parent.name
        self._sources = index.manifest.sources
        self._listed: set[str] | None = None
        self._shots = {shot for row in rows if (shot := _shot(row["from"], PICTURES)) is not None}

    def why_not(self, source: Path, target: Path) -> str:
        """Why a file may not be moved from ``source`` to ``target``; empty if it may."""
        for path in (source, target):
            if not path.is_absolute() or os.path.normpath(path) != str(path):
                return f"The journal names {path}, which is not a whole path."
        number = _NUMBER.match(source.name)
        if not _RUN.fullmatch(self._run) or source.parent.name != self._run or number is None:
            return f"{source} is not in the trash of this journal."
        if source.name != fitting_name(number[0], target.name):
            return f"{source} has another name than {target}."
        if os.path.islink(source) or os.path.islink(source.parent) or os.path.islink(source.parent.parent):
            return f"{source} is a link, or in one."
        if self._anywhere:
            return ""
        if not self._is_place(str(target)):
            return f"{target} is in no source of this index."
        if os.path.lexists(source) and not self._is_picture(source, target):
            return f"{source} is neither a picture nor what belongs to one."
        return ""

    def remedy(self, source: Path) -> str:
        return f"It stays at {source}. If the index is your own: imagefinder duplicates undo --anywhere {self._journal}"

    def _is_place(self, target: str) -> bool:
        for entry in self._sources:
            if entry.kind == "file" and entry.uri == target:
                return True
            root = entry.uri.rstrip(os.sep) + os.sep
            if entry.kind == "folder" and target.startswith(root):
                inside = target[len(root) :].split(os.sep)
                if not any(part.startswith(".") for part in inside) and _really_below(target, entry.uri):
                    return True
        return target in self._in_tables() and not any(part.startswith(".") for part in target.split(os.sep))

    def _in_tables(self) -> set[str]:
        """The files that tables of the index name."""
        if self._listed is None:
            self._listed = set()
            for entry in self._sources:
                if entry.kind == "table":
                    with suppress(ImageFinderError, OSError):
                        rows = read_rows(Path(entry.uri), entry.options.get("column"))
                        self._listed |= {located(place, os.path.dirname(entry.uri)) for place, _ in rows}
        return self._listed

    def _is_picture(self, source: Path, target: Path) -> bool:
        ending = target.suffix[1:].casefold()
        if ending in NOTES:
            return _shot(str(target), NOTES) in self._shots
        if ending in PICTURES:
            return True
        with source.open("rb") as file:
            return bool(format_of(file.read(4096)))


def _shot(path: str, endings: frozenset[str]) -> tuple[str, str] | None:
    """The folder of a file and what its name has in common with others of one shot; None for one of another kind."""
    folder, name = os.path.split(path)
    return (folder, shot_of(name)) if os.path.splitext(name)[1][1:].casefold() in endings else None


def _really_below(target: str, root: str) -> bool:
    """Whether links on the way lead out of the source."""
    real, place = os.path.realpath(root), os.path.realpath(os.path.dirname(target))
    return place == real or place.startswith(real.rstrip(os.sep) + os.sep)


def _take_back(source: Path, row: dict[str, Any]) -> Skipped | None:
    """Move a file back; None if it was moved, else why not. Raises StorageError."""
    target, digest = Path(row["from"]), row.get("content_hash", "")
    there = os.path.lexists(target)
    try:
        if not os.path.lexists(source):  # the run was stopped before it moved, or it has been moved back already
            return BACK if there else Skipped(str(target), "gone", f"It is neither there nor in the trash ({source}).")
        if os.path.isfile(target) and content_hash(target) == digest == content_hash(
            source
        ):  # stopped between the two places
            os.unlink(source)
            return BACK
        if there:
            return Skipped(str(target), "place-taken", f"Another file is there now; it stays at {source}.")
        if digest and content_hash(source) != digest:
            return Skipped(str(target), "changed", f"{source} is not the file that was moved there; it stays.")
        target.parent.mkdir(parents=True, exist_ok=True)
        move(source, target)
    except FileExistsError:
        return Skipped(str(target), "place-taken", f"Another file is there now; it stays at {source}.")
    except OSError as error:
        raise StorageError(
            f"{target} can't be written: {error.strerror or error}.", remedy="Then undo again."
        ) from error
    return None
