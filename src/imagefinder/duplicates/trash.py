"""Carries out a plan by moving files to a trash folder, and takes it back. Nothing is ever deleted.

trash/20261121-101500/journal.jsonl    what was about to be moved where, each line on disk before its file moves
trash/20261121-101500/0001-cat.jpg     the files, unless another trash folder was given
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagefinder._util.files import fitting_name
from imagefinder.duplicates.paths import is_below
from imagefinder.duplicates.plan import Plan, PlannedFile
from imagefinder.errors import IndexDamagedError, NotFoundError, StorageError
from imagefinder.images.ignore import IGNORE_FILE
from imagefinder.images.loader import is_url
from imagefinder.index.said import retire
from imagefinder.types import Skipped, image_id

if TYPE_CHECKING:
    from imagefinder.index.folder import Index

TRASH, JOURNAL = "trash", "journal.jsonl"
CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Moved:
    """What was moved, as (from, to), and what was not, and why. ``journal`` takes it back."""

    journal: Path
    files: tuple[tuple[str, str], ...]
    left: tuple[Skipped, ...]

    def to_dict(self) -> dict[str, Any]:
        return {
            "journal": str(self.journal),
            "moved": [{"from": a, "to": b} for a, b in self.files],
            "left": [s.to_dict() for s in self.left],
        }


def apply_plan(
    index: Index,
    plan: Plan,
    *,
    trash: Path | None = None,
    references: Sequence[str] = (),
    moved: Callable[[str], None] = lambda path: None,
) -> Moved:
    """Move what the plan removes to ``trash`` (by default in the index folder), telling ``moved`` of each file, and
    take it out of the index.

    A file moves only if it and the one kept for it still have the content of the plan, are two files, and it lies in
    no reference folder, of the plan or of ``references``. Raises StorageError; what has moved by then can be undone.
    """
    protected = (*plan.references, *(os.path.realpath(r) for r in references))
    files: list[tuple[str, str]] = []
    left: list[Skipped] = []
    target = trash or index.path / TRASH
    try:
        journal, target = _new_folders(index.path / TRASH, target)
        for keep, file in [(group.keep, file) for group in plan.groups for file in group.remove]:
            with index.writing:  # what is kept for this file is not thrown away meanwhile because this file is kept
                why = _reason_to_stay(file, keep, protected)
                if why is None:
                    place = target / fitting_name(f"{len(files) + 1:04d}-", Path(file.path).name)
                    _note(journal, {"from": file.path, "to": str(place), "content_hash": file.content_hash})
                    _move(Path(file.path), place)
            if why is not None:
                left.append(why)
                continue
            files.append((file.path, str(place)))
            moved(file.path)
    except OSError as error:
        raise StorageError(
            f"{error.filename or target}: {error.strerror or error}. {len(files)} files were moved before.",
            remedy="Take them back with: imagefinder duplicates undo",
        ) from error
    finally:
        with index.writing:
            retire(index, [image_id(source) for source, _ in files])
    return Moved(journal, tuple(files), tuple(left))


def _new_folders(home: Path, trash: Path) -> tuple[Path, Path]:
    """The journal and the folder of a run, both under a name that no other run has, of this index or of another with
    the same ``trash``. Raises OSError."""
    now = datetime.now().strftime("%Y%m%d-%H%M%S")
    for name in (now, *(f"{now}-{i}" for i in range(2, 10_000))):
        if all(_made(folder / name) for folder in dict.fromkeys((home, trash))):
            break
    else:
        raise OSError(errno.EEXIST, "No name is left for a folder", str(home / now))
    return home / name / JOURNAL, trash / name


def _made(folder: Path) -> bool:
    """Make a folder whose files are never indexed; False where there is one of this name."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir()
    except FileExistsError:
        return False
    (folder / IGNORE_FILE).write_text("*\n", "utf-8")
    return True


def _reason_to_stay(file: PlannedFile, keep: PlannedFile, protected: Sequence[str]) -> Skipped | None:
    """Why a file is not to be moved, if there is a reason; looked at right before it would be."""
    if (why := _changed(keep)) is not None:
        return Skipped(file.path, "nothing-kept", f"The file to keep, {keep.path}: {why}")
    if any(is_below(file.path, folder) for folder in protected):
        return Skipped(file.path, "reference", "It lies in a reference folder.")
    if (why := _changed(file)) is not None:
        return Skipped(file.path, "changed", why)
    if os.path.samefile(file.path, keep.path):
        return Skipped(file.path, "same-file", f"It is the same file as {keep.path}, by another name.")
    return None


def _changed(file: PlannedFile) -> str | None:
    """Why a file isn't what the plan says; None if it is."""
    if is_url(file.path):
        return "It is not a file on this machine."
    try:
        if os.stat(file.path).st_size == file.bytes and content_hash(Path(file.path)) == file.content_hash:
            return None
    except OSError as error:
        return f"It can't be read: {error.strerror}."
    return "It has changed since the plan was made."


def content_hash(path: Path) -> str:
    """Hex BLAKE2b-128 of a file, as in the index. Raises OSError."""
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _note(journal: Path, entry: dict[str, Any]) -> None:
    """A line of the journal, on the disk when this returns."""
    with journal.open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _move(source: Path, target: Path) -> None:
    """Rename, or to another drive: copy, check, then remove; the source is whole until the target is."""
    try:
        os.rename(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        partial = target.with_name(".imagefinder-move.part")
        shutil.copy2(source, partial)
        if content_hash(partial) != content_hash(source):
            raise OSError(errno.EIO, "The copy differs from the file", str(source)) from error
        os.replace(partial, target)
        os.unlink(source)


# --- taking it back -----------------------------------------------------------------------------------------------


def journals(home: Path) -> list[Path]:
    """The journals of the index in the folder ``home`` that have not been undone, the latest last."""
    found = sorted((home / TRASH).glob(f"*/{JOURNAL}")) if (home / TRASH).is_dir() else []
    return [j for j in found if not _is_undone(_entries(j))]


def _is_undone(entries: Sequence[dict[str, Any]]) -> bool:
    """Whether nothing was moved since the files were moved back."""
    return bool(entries) and "undone" in entries[-1]


def undo(index: Index, journal: Path | None = None) -> Moved:
    """Move back what a journal (by default the latest) says was moved; a file whose place is taken stays in the trash.

    Raises NotFoundError (there is nothing to undo), IndexDamagedError or StorageError; it can be run again.
    """
    with index.writing:  # no journal is undone twice at once, nor while it is being written
        return _undo(index.path, journal)


def _undo(home: Path, journal: Path | None) -> Moved:
    if journal is None:
        there = journals(home)
        if not there:
            raise NotFoundError("There is nothing to undo.")
        journal = there[-1]
    elif not journal.is_file():
        raise NotFoundError(f"There is no journal {journal}.")
    files: list[tuple[str, str]] = []
    left: list[Skipped] = []
    for entry in reversed([e for e in _entries(journal) if "from" in e]):
        source, target = Path(entry["to"]), Path(entry["from"])
        if not source.exists():  # the run was stopped before it moved, or it has been moved back already
            if not target.exists():
                left.append(Skipped(str(target), "gone", f"It is neither there nor in the trash ({source})."))
        elif target.exists():
            left.append(Skipped(str(target), "place-taken", f"Another file is there now; it stays at {source}."))
        else:
            _restore(source, target)
            files.append((str(source), str(target)))
    if not left:
        with suppress(OSError):  # the files are back; that the journal can't say so does no harm
            _note(journal, {"undone": datetime.now(UTC).isoformat(timespec="seconds")})
    return Moved(journal, tuple(files), tuple(left))


def _restore(source: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _move(source, target)
    except OSError as error:
        raise StorageError(
            f"{target} can't be written: {error.strerror or error}.", remedy="Then undo again."
        ) from error


def _entries(journal: Path) -> list[dict[str, Any]]:
    """The lines of a journal; a last one cut short by a crash was never acted upon."""
    lines = journal.read_text("utf-8").splitlines()
    entries = []
    for i, line in enumerate(lines):
        try:
            entries.append(json.loads(line))
        except ValueError as error:
            if i < len(lines) - 1:
                raise IndexDamagedError(f"{journal} is damaged in line {i + 1}.") from error
    return entries
