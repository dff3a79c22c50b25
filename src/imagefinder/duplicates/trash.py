"""Carries out a plan by moving files to a trash folder, and takes it back. Nothing is ever deleted.

trash/20261121-101500-123456-5f0c9a2e/journal.jsonl    what is about to move where, on disk before it does
trash/20261121-101500-123456-5f0c9a2e/0001-cat.jpg     the files, unless another trash folder was given

The folder of a run has a name that no other run has: the time in UTC and something random.
"""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagefinder._util.files import fitting_name
from imagefinder._util.systems import sync_folder
from imagefinder.duplicates.companions import Companions
from imagefinder.duplicates.journal import JOURNAL, TRASH, moved_before, new_name, note
from imagefinder.duplicates.moving import content_hash, move
from imagefinder.duplicates.paths import is_below
from imagefinder.duplicates.plan import Plan, PlannedFile, goes_with
from imagefinder.errors import ImageFinderError, StorageError
from imagefinder.images.ignore import IGNORE_FILE
from imagefinder.images.inside import why_no_file
from imagefinder.index.said import retire
from imagefinder.types import Skipped, image_id

if TYPE_CHECKING:
    from imagefinder.index.folder import Index

ROOM = 16 * 1024**2  # bytes that are left free on the disk of the trash


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
    no reference folder, of the plan or of ``references``; with it move the files that are one picture with it. No file
    is ever overwritten. Raises StorageError: before anything has moved if there is too little room, else saying how
    many files have, and how to take them back.
    """
    protected = (*plan.references, *(os.path.realpath(r) for r in references))
    target = trash or index.path / TRASH
    run: _Run | None = None
    try:
        _want_room(index, plan, target)
        run = _Run(index, *new_folders(index.path, target), protected, moved)
        try:
            for group in plan.groups:
                for file in group.remove:
                    run.take(file, group.keep)
        finally:
            with index.writing:
                files = [source for source, _ in run.files]
                retire(index, [image_id(path) for path in (*run.before, *files)], "trashed", files)
    except (OSError, ImageFinderError) as error:
        raise _stopped(error, target, run) from error
    return Moved(run.journal, tuple(run.files), tuple(run.left))


class _Run:
    """One pass through a plan: what has moved so far, and what was left. ``before`` are the files that the run before
    moved: if it was killed, this one ends its work."""

    def __init__(
        self, index: Index, journal: Path, folder: Path, protected: Sequence[str], moved: Callable[[str], None]
    ) -> None:
        self.index, self.journal, self.folder = index, journal, folder
        self.files: list[tuple[str, str]] = []
        self.left: list[Skipped] = []
        self._protected, self._moved = protected, moved
        self._companions = Companions()
        self.before = moved_before(index.path)

    def take(self, file: PlannedFile, keep: PlannedFile) -> None:
        """Move a file, with those along with it, or say why it stays. Raises OSError."""
        with self.index.writing:  # what is kept for this file is not thrown away meanwhile because this file is kept
            why = self._reason_to_stay(file, keep)
            if why is not None:
                self.left.append(why)
                return
            rest = self._rest(file)
            for one in rest:
                place = self.folder / fitting_name(f"{len(self.files) + 1:04d}-", Path(one.path).name)
                note(self.journal, {"from": one.path, "to": str(place), "content_hash": one.content_hash})
                move(Path(one.path), place)
                self.files.append((one.path, str(place)))
        for one in rest:
            self._moved(one.path)

    def _rest(self, file: PlannedFile) -> list[PlannedFile]:
        """The file and those along with it, less what has been moved before."""
        return [one for one in file.all if one.path not in self.before]

    def _reason_to_stay(self, file: PlannedFile, keep: PlannedFile) -> Skipped | None:
        """Why a file is not to be moved, if there is a reason; looked at right before it would be."""
        rest = self._rest(file)
        if not rest:
            return Skipped(file.path, "moved-before", f"It is in the trash already, as {self.before[file.path]}.")
        for kept in keep.all:
            if (why := _changed(kept)) is not None:
                return Skipped(file.path, "nothing-kept", f"The file to keep, {kept.path}: {why}")
        if any(is_below(file.path, folder) for folder in self._protected):
            return Skipped(file.path, "reference", "It lies in a reference folder.")
        for one in rest:
            if (why := _changed(one)) is not None:
                return Skipped(file.path, "changed", why if one is file else f"{one.path}: {why}")
        return _another_name(rest, keep) or self._torn_apart(file, keep)

    def _torn_apart(self, file: PlannedFile, keep: PlannedFile) -> Skipped | None:
        """Whether the file is one picture with others, not all of which have a copy that stays."""
        along = {one.path for one in file.along}
        belonging = set(self._companions.of(file.path))
        alone = sorted(belonging - along) or sorted(along & {one.path for one in keep.all})
        if not alone and not goes_with(file, keep):
            kept = {one.content_hash for one in keep.along}
            alone = [one.path for one in file.along if one.content_hash not in kept]
        if not alone:
            return None
        return Skipped(
            file.path, "one-of-several", f"It is one picture with {alone[0]}, which has no copy beside the file kept."
        )


def _another_name(files: Sequence[PlannedFile], keep: PlannedFile) -> Skipped | None:
    """Whether a file is another name of the one kept, a link, or has other names: moving it would win nothing."""
    path = files[0].path
    for one in files:
        if any(os.path.samefile(one.path, kept.path) for kept in keep.all):
            return Skipped(path, "same-file", f"{one.path} is the same file as one that is kept, by another name.")
        if os.path.islink(one.path):
            return Skipped(path, "link", f"{one.path} is a link to {os.path.realpath(one.path)}.")
        if os.stat(one.path).st_nlink > 1:
            return Skipped(path, "link", f"{one.path} has another name on this disk; moving one frees no room.")
    return None


def _want_room(index: Index, plan: Plan, trash: Path) -> None:
    """Ask for what the index and the trash will take, before anything moves. Raises StorageError and OSError.

    A move within a file system takes nearly nothing; to another it takes the bytes of the file.
    """
    trash.mkdir(parents=True, exist_ok=True)
    there = os.stat(trash).st_dev
    coming = sum(f.bytes for g in plan.groups for r in g.remove for f in r.all if _device(f.path) not in (there, None))
    with_index = isinstance(index.documents, Path) and there == os.stat(index.path).st_dev
    index.store.want_room(coming if with_index else 0)
    free = shutil.disk_usage(trash).free
    if not with_index and coming and free < coming + ROOM:
        raise StorageError(
            f"The disk of {trash} has too little room: {free / 1e6:.0f} MB are free, "
            f"{(coming + ROOM) / 1e6:.0f} MB are needed."
        )


def _device(path: str) -> int | None:
    try:
        return os.stat(path).st_dev
    except OSError:
        return None


def _stopped(error: Exception, target: Path, run: _Run | None) -> StorageError:
    """The error to be raised: what went wrong, how many files had moved, and how to take them back."""
    if isinstance(error, ImageFinderError):
        what = error.message
    else:
        what = f"{getattr(error, 'filename', None) or target}: {getattr(error, 'strerror', None) or error}."
    if run is None or not run.files:
        return StorageError(f"{what} No file was moved.", remedy="Make room or allow writing there, then apply again.")
    command = shlex.join(["imagefinder", "duplicates", "undo", str(run.journal), "--index", str(run.index.documents)])
    return StorageError(
        f"{what} {len(run.files)} files were moved before, to {run.folder}.",
        remedy=f"Take them back with: {command}",
    )


def new_folders(home: Path, trash: Path) -> tuple[Path, Path]:
    """The journal and the folder of a run of the index in ``home``, both under a name that no other run has, of this
    index or of another with the same ``trash``. Raises OSError."""
    while True:
        name = new_name(home)
        if all(_made(folder / name) for folder in dict.fromkeys((home / TRASH, trash))):
            return home / TRASH / name / JOURNAL, trash / name


def _made(folder: Path) -> bool:
    """Make a folder whose files are never indexed; False where there is one of this name."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir()
    except FileExistsError:
        return False
    (folder / IGNORE_FILE).write_text("*\n", "utf-8")
    sync_folder(folder.parent)
    return True


def _changed(file: PlannedFile) -> str | None:
    """Why a file isn't what the plan says; None if it is."""
    if why := why_no_file(file.path):
        return why
    try:
        if os.stat(file.path).st_size == file.bytes and content_hash(Path(file.path)) == file.content_hash:
            return None
    except FileNotFoundError:
        return "It is not there any more."
    except OSError as error:
        return f"It can't be read: {error.strerror}."
    return "It has changed since the plan was made."
