"""Makes an index of the file of a backup: beside its place, which it takes when all of it was checked."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagefinder._util.files import write_whole
from imagefinder._util.systems import rename_path, sync_folder
from imagefinder.errors import IndexDamagedError, InvalidInputError, StorageError
from imagefinder.index import manifest as manifests
from imagefinder.index.lock import IndexLock
from imagefinder.index.manifest import NAME, POINTS
from imagefinder.index.shared import place_of
from imagefinder.store.stores import DEFAULT_STORE, find_store
from imagefinder.types import Progress, ignore
from imagefinder.whole.archive import BROKEN, VECTORS, Points, Reader, part_of
from imagefinder.whole.contents import APART, UPLOADS, Total, differing, point_sum
from imagefinder.whole.settling import settle
from imagefinder.whole.streams import read
from imagefinder.whole.unit import to_store

if TYPE_CHECKING:
    from imagefinder.store.base import Point, Store
    from imagefinder.types import OnProgress
    from imagefinder.whole.streams import BackupPlace

MAKING, FORMER = "restoring", "former"  # in the names of hidden folders beside the index


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """What was restored to which ``index``: how many ``images``, ``documents`` and uploaded files. ``made`` is when the
    backup was taken, ``source`` of which index, ``replaced`` whether one was there."""

    index: str
    images: int
    documents: int
    uploads: int
    made: str
    source: str
    checksum: str
    replaced: bool
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)


def restore_index(
    backup: BackupPlace,
    index: str | os.PathLike[str],
    *,
    replace: bool = False,
    progress: OnProgress | None = None,
) -> RestoreReport:
    """Make the index of a backup, which is a file or a stream that is open, in the folder ``index``. It is made beside
    that folder, and all of it is checked, before it takes its place; whatever ends this earlier changes nothing. With
    ``replace`` it takes the place of an index that is there, which nobody may have open.

    An exception from ``progress`` stops it. Raises InvalidInputError for an address, and where something is there;
    IndexDamagedError for a backup that is cut short or changed; IndexLockedError; StorageError."""
    begun = time.monotonic()
    folder = place_of(index)
    if not isinstance(folder, Path):
        raise InvalidInputError(
            "A backup is restored to a folder.", remedy="Then copy it: imagefinder copy FOLDER ADDRESS"
        )
    with ExitStack() as held:
        there = _make_way(folder, replace, held)
        shown, stream = held.enter_context(read(backup))
        with _beside(folder) as making:
            restoring = _Restoring(Reader(stream, shown), making, progress or ignore)
            restoring.run()
            settle(making)
            _switch(making, folder, there, held)
    head = restoring.reader.head
    return RestoreReport(
        str(folder),
        restoring.total.n,
        restoring.documents,
        restoring.uploads,
        head["made"],
        head["index"],
        restoring.total.hex,
        there,
        round(time.monotonic() - begun, 3),
    )


# --- the place --------------------------------------------------------------------------------------------------------


def _make_way(folder: Path, replace: bool, held: ExitStack) -> bool:
    """Whether an index is there, which is to be replaced and is held until ``held`` ends."""
    if not os.path.lexists(folder):
        return False
    if not folder.is_dir() or folder.is_symlink():
        raise InvalidInputError(f"{folder} is no folder.", remedy="Name a new folder.")
    there = sorted(path.name for path in folder.iterdir() if not path.name.startswith(".lock"))
    if not there:
        return False
    if not manifests.exists(folder):
        raise InvalidInputError(
            f"{folder} is not an index, and not empty (it holds '{there[0]}').", remedy="Choose a new or empty folder."
        )
    if not replace:
        raise InvalidInputError(f"{folder} is an index already. Nothing was changed.", remedy="Or give --replace.")
    lock = IndexLock(folder)
    lock.acquire()
    held.callback(lock.release)
    return True


@contextmanager
def _beside(folder: Path) -> Iterator[Path]:
    """A new folder beside another, which is removed in the end. Those that a kill has left are removed first."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _remove_left(folder)
        making = folder.with_name(f".{folder.name}.{MAKING}-{os.urandom(4).hex()}")
        making.mkdir()
    except OSError as error:
        raise StorageError(f"{folder.parent} can't be written: {error.strerror or error}.") from error
    try:
        yield making
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _remove_left(folder: Path) -> None:
    for path in folder.parent.glob(f".{folder.name}.{MAKING}-*"):
        shutil.rmtree(path, ignore_errors=True)


def _switch(making: Path, folder: Path, there: bool, held: ExitStack) -> None:
    former = folder.with_name(f".{folder.name}.{FORMER}-{os.urandom(4).hex()}")
    try:
        if there:
            if os.name == "nt":  # which renames no folder with an open file
                held.close()
            rename_path(folder, former)
        elif folder.is_dir():
            shutil.rmtree(folder)  # it is empty, but for what a lock has left
        try:
            rename_path(making, folder)
        except OSError:
            if there:
                rename_path(former, folder)
            raise
        sync_folder(folder.parent)
    except OSError as error:
        raise StorageError(
            f"The restored index can't take the place of {folder}: {error.strerror or error}.",
            remedy="Name a new folder in a place that you may write to; one that another disk is mounted at can't be.",
        ) from error
    shutil.rmtree(former, ignore_errors=True)


# --- the index --------------------------------------------------------------------------------------------------------


class _Restoring:
    def __init__(self, reader: Reader, folder: Path, progress: OnProgress) -> None:
        self.reader, self._folder, self._progress = reader, folder, progress
        self.documents = self.uploads = 0
        self.total = Total()
        self._part = 0
        self._points = Points()
        self._store: Store = find_store(DEFAULT_STORE).create(folder / POINTS)
        self._manifest = b""

    def run(self) -> None:
        """Make the index in the folder, and compare it with what the backup tells of itself."""
        try:
            self._read()
            self._check()
        finally:
            self._store.close()
        write_whole(self._folder / NAME, self._manifest)
        try:
            manifest = manifests.load(self._folder)
        except IndexDamagedError as error:
            raise self.reader.damaged(error.message) from error
        manifests.save(self._folder, manifest)

    def _read(self) -> None:
        for name, content in self.reader.files():
            try:
                if name.startswith(f"{UPLOADS}/"):
                    self._upload(name, content)
                elif found := part_of(name):
                    self._take(*found, content)
            except BROKEN as error:
                raise self.reader.damaged(error) from error
            self._progress(Progress("restoring images", self.total.n, note=f"{self.total.n:,} images"))

    def _take(self, part: int, kind: str, name: str, content: bytes) -> None:
        if (kind, name) == ("points", VECTORS):
            self._begin(part, content)
        elif part != self._part:
            raise ValueError(f"{part}/{kind}/{name} is in the wrong place")
        elif kind == "points":
            self._put(self._points.take(name, content))
        else:
            self._put(self._points.rest())
            self._document(name, content)

    def _begin(self, part: int, content: bytes) -> None:
        """Begin with a part: what was read of another is of former models."""
        self._part, self.total, self.documents = part, Total(), 0
        self._points.begin(content)
        self._store.start_over(self._points.vectors)
        for path in self._folder.iterdir():
            if path.name not in (POINTS, UPLOADS):
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def _put(self, points: list[Point]) -> None:
        if points:
            self._store.upsert(to_store(points, self._points.vectors))
            unlike = differing(self._store, points, self._points.vectors)
            if unlike:
                raise self.reader.damaged(f"the disk does not hold what was written to it: {unlike[0]}")
            for point in points:
                self.total.add(point_sum(point, self._points.vectors))

    def _document(self, name: str, content: bytes) -> None:
        if name == NAME:
            self._manifest = content
            return
        if name.split("/")[0] in APART or any(part.startswith(".") for part in name.split("/")):
            raise ValueError(f"{name} is no document of an index")
        write_whole(self._folder / name, content)
        self.documents += 1

    def _upload(self, name: str, piece: bytes) -> None:
        path = self._folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.uploads += not path.exists()
            with path.open("ab") as file:
                file.write(piece)
        except OSError as error:
            raise StorageError(
                f"{path} can't be written: {error.strerror or error}.", remedy="Make room, then run again."
            ) from error

    def _check(self) -> None:
        sums = self.reader.sums
        assert sums is not None
        if sums.part != self._part or not self._manifest:
            raise self.reader.damaged("the part that counts is missing")
        self._put(self._points.rest())
        self._progress(Progress("checking"))
        self._store.optimize()
        found = self.total
        if (found.n, found.hex) != (sums.images, sums.checksum) or self._store.count() != found.n:
            told = f"{sums.images:,} with {sums.checksum}"
            raise self.reader.damaged(f"it has {found.n:,} images with the checksum {found.hex}, and tells of {told}")
