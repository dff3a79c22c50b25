"""Copies and moves the files of images to a folder. No file is ever overwritten; one that has changed since it was
indexed stays. Files that are one picture with an image (RAW and JPEG, its sidecar) go along.

moved/20261128-064501-123456-5f0c9a2e.jsonl    what is about to move where, on the disk before it does
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagefinder._util.files import expanded
from imagefinder._util.systems import sync_file, sync_folder
from imagefinder.catalog.changes import keep
from imagefinder.duplicates.companions import Companions
from imagefinder.duplicates.journal import note
from imagefinder.duplicates.moving import CHUNK, content_hash, move
from imagefinder.errors import InvalidInputError, NotFoundError, StorageError
from imagefinder.images.inside import is_file, why_no_file
from imagefinder.index.audit import Audit
from imagefinder.index.said import note as note_said
from imagefinder.index.said import said_of
from imagefinder.organising.zipping import Names
from imagefinder.store.base import Point
from imagefinder.types import OnProgress, Progress, Record, Skipped, image_id

if TYPE_CHECKING:
    from imagefinder.index.folder import Index

FOLDER = "moved"


@dataclass(frozen=True, slots=True)
class Placed:
    """What was copied or moved, as (from, to), and what was not, and why. ``change`` is the id by which a move can be
    taken back."""

    files: tuple[tuple[str, str], ...]
    left: tuple[Skipped, ...]
    change: str = ""

    def to_dict(self) -> dict[str, Any]:
        return {
            "files": [{"from": a, "to": b} for a, b in self.files],
            "left": [one.to_dict() for one in self.left],
            "history": self.change or None,
        }


def copy_files(index: Index, records: Sequence[Record], folder: str, tell: OnProgress) -> Placed:
    """Copy the files of images into a folder, which is made if need be. A copy is whole or not there at all. Raises
    InvalidInputError or StorageError."""
    target = target_folder(folder)
    names = Names(os.listdir(target))
    files: list[tuple[str, str]] = []
    left: list[Skipped] = []
    try:
        for source in _with_companions(records, left, tell, "copying"):
            try:
                files.append((source, _copied(Path(source), target, names)))
            except FileNotFoundError:
                left.append(Skipped(source, "not-found", "It is not there any more."))
            except OSError as error:
                raise StorageError(f"{source} can't be copied: {error.strerror or error}.") from error
    finally:
        if files:
            Audit(index.documents).add("copied", [source for source, _ in files], what=str(target))
    return Placed(tuple(files), tuple(left))


def move_files(index: Index, records: Sequence[Record], folder: str, tell: OnProgress) -> Placed:
    """Move the files of images into a folder, and their records with them: all that is known and was said of them,
    under the path they have now. A kill leaves each file whole in one of the two places, and the journal says which.
    Raises InvalidInputError or StorageError."""
    target = target_folder(folder)
    names = Names(os.listdir(target))
    journal = new_journal(index)
    files: list[tuple[str, str]] = []
    left: list[Skipped] = []
    change = ""
    try:
        for source in _with_companions(records, left, tell, "moving"):
            if os.path.dirname(source) == str(target):
                continue
            with index.writing:
                change = change or keep(index, "moved", journal=journal.name)
                place = target / names.give(os.path.basename(source))
                note(journal, {"from": source, "to": str(place)})
                if move_one(index, source, str(place), left):
                    files.append((source, str(place)))
    except OSError as error:
        raise StorageError(f"{error.filename or target} can't be written: {error.strerror or error}.") from error
    finally:
        if files:
            Audit(index.documents).add("moved", [source for source, _ in files], what=str(target), id=change)
    return Placed(tuple(files), tuple(left), change if files else "")


def move_one(index: Index, source: str, place: str, left: list[Skipped]) -> bool:
    """Move a file, and the record of one that has one. Hold ``writing``. Raises OSError or StorageError."""
    try:
        move(Path(source), Path(place))
    except FileExistsError:
        left.append(Skipped(source, "place-taken", f"There is a file {place} already."))
        return False
    except FileNotFoundError:
        left.append(Skipped(source, "not-found", "It is not there any more."))
        return False
    follow(index, source, place)
    return True


def follow(index: Index, old: str, new: str) -> None:
    """Have the record of the image at the path ``old`` be that of the path ``new``, with its vectors and all that was
    said of it. Hold ``writing``."""
    points = index.store.retrieve([image_id(old)], vectors=sorted(index.store.vectors()))
    if not points:
        return
    folder = os.path.basename(os.path.dirname(new))
    sources = index.manifest.sources
    source = next((s.uri for s in sources if s.covers(new, "")), os.path.dirname(new))
    payload = {**points[0].payload, "uri": new, "folder": folder, "source": source}
    said = said_of(payload)
    if said:
        note_said(index, [said.row()])
    index.store.upsert([Point(image_id(new), payload, points[0].vectors)])
    index.store.delete([image_id(old)])


def new_journal(index: Index) -> Path:
    """The journal of a move, that no other has. Raises StorageError."""
    home = index.path / FOLDER
    home.mkdir(parents=True, exist_ok=True)
    return home / f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}-{os.urandom(4).hex()}.jsonl"


def target_folder(folder: str) -> Path:
    """The folder, made if its parent is there. Raises InvalidInputError, NotFoundError or StorageError."""
    path = Path(expanded(folder)).absolute()
    if path.exists() and not path.is_dir():
        raise InvalidInputError(f"{path} is no folder.")
    if not path.parent.is_dir():
        raise NotFoundError(f"There is no folder {path.parent}.", remedy="Make it first.")
    try:
        path.mkdir(exist_ok=True)
        return Path(os.path.realpath(path))
    except OSError as error:
        raise StorageError(f"{path} can't be made: {error.strerror}.", remedy="Allow writing there.") from error


def plain_file(record: Record) -> Skipped | None:
    """Why there is no file of its own, as it was indexed, to be copied or moved for an image; None where there is."""
    if not is_file(record.uri) or (why := why_no_file(record.uri)):
        why = why if is_file(record.uri) else "It is not a file of its own on this machine."
        return Skipped(record.uri, "no-file", why)
    try:
        if os.path.islink(record.uri):
            return Skipped(record.uri, "link", f"It is a link to {os.path.realpath(record.uri)}.")
        same = os.stat(record.uri).st_size == record.bytes and content_hash(Path(record.uri)) == record.content_hash
    except OSError as error:
        return Skipped(record.uri, "not-found", f"It can't be read: {error.strerror}.")
    return None if same else Skipped(record.uri, "changed", "It has changed since it was indexed.")


def _with_companions(records: Sequence[Record], left: list[Skipped], tell: OnProgress, stage: str) -> Iterator[str]:
    """The paths of the files of these records, each once, with those along with them."""
    companions, seen = Companions(), set[str]()
    for i, record in enumerate(records):
        tell(Progress(stage, i, len(records)))
        if record.uri in seen:
            continue
        if (why := plain_file(record)) is not None:
            left.append(why)
            continue
        for path in (record.uri, *companions.of(record.uri)):
            if path not in seen:
                seen.add(path)
                yield path
    tell(Progress(stage, len(records), len(records)))


def _copied(source: Path, target: Path, names: Names) -> str:
    """Copy a file under a name that is free; where it is then. Raises OSError."""
    part = target / f".imagefinder-{os.urandom(8).hex()}.part"
    try:
        with source.open("rb") as old, part.open("xb") as new:
            shutil.copyfileobj(old, new, CHUNK)
            new.flush()
            sync_file(new.fileno())
        with suppress(OSError):  # a file system may not keep the times and rights
            shutil.copystat(source, part)
        while True:
            place = target / names.give(source.name)
            try:
                move(part, place)
                return str(place)
            except FileExistsError:  # made meanwhile by somebody else
                continue
    finally:
        part.unlink(missing_ok=True)
        sync_folder(target)
