"""Puts the files of images into the trash of the index, where duplicates go too, and takes them out of the index. The
journal says where each was before it moves; nothing is ever deleted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from imagefinder._util.files import fitting_name
from imagefinder.catalog.changes import forget, keep
from imagefinder.duplicates.companions import Companions
from imagefinder.duplicates.journal import TRASH, note
from imagefinder.duplicates.moving import content_hash, move
from imagefinder.duplicates.trash import new_folders
from imagefinder.errors import StorageError
from imagefinder.index.said import retire
from imagefinder.organising.files import Placed, plain_file
from imagefinder.types import OnProgress, Progress, Record, Skipped, image_id

if TYPE_CHECKING:
    from imagefinder.index.folder import Index


def trash_files(index: Index, records: Sequence[Record], tell: OnProgress) -> Placed:
    """Move the files of images to the trash. A file that has changed since it was indexed stays, as does one that is no
    file of its own. Raises StorageError, saying how many have moved; those can be taken back."""
    journal, folder = _folders(index)
    files: list[tuple[str, str]] = []
    left: list[Skipped] = []
    change = keep(index, "trashed", journal=journal.parent.name)
    try:
        companions = Companions()
        for i, record in enumerate(records):
            tell(Progress("moving", i, len(records)))
            if (why := plain_file(record)) is not None:
                moved = any(record.uri == source for source, _ in files)  # along with another one
                left += [] if moved else [why]
                continue
            for path in (record.uri, *companions.of(record.uri)):
                place = folder / fitting_name(f"{len(files) + 1:04d}-", Path(path).name)
                with index.writing:
                    note(journal, {"from": path, "to": str(place), "content_hash": content_hash(Path(path))})
                    move(Path(path), place)
                files.append((path, str(place)))
    except OSError as error:
        what = f"{error.filename or folder}: {error.strerror or error}."
        raise StorageError(f"{what} {len(files)} files were moved before, to {folder}.") from error
    finally:
        if files:
            paths = [path for path, _ in files]
            retire(index, [image_id(path) for path in paths], "trashed", paths, change)
        else:
            forget(index, change)
    return Placed(tuple(files), tuple(left), change if files else "")


def _folders(index: Index) -> tuple[Path, Path]:
    try:
        return new_folders(index.path, index.path / TRASH)
    except OSError as error:
        raise StorageError(f"{index.path / TRASH} can't be written: {error.strerror}.") from error
