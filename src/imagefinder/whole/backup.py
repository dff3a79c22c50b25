"""Writes all of an index into one file, while others use it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagefinder._version import __version__
from imagefinder.errors import InvalidInputError, NotFoundError, StorageError
from imagefinder.index.manifest import NAME
from imagefinder.index.shared import place_of
from imagefinder.types import Progress, ignore
from imagefinder.whole.archive import FIRST, VECTORS, Writer, head, vectors_text
from imagefinder.whole.contents import (
    UPLOADS,
    Total,
    batch_of,
    documents_of,
    files_in,
    manifest_text,
    plain_manifest,
    point_sum,
    read_document,
)
from imagefinder.whole.ends import Source, open_source
from imagefinder.whole.keeping import Series
from imagefinder.whole.streams import written

if TYPE_CHECKING:
    import os

    from imagefinder.index.manifest import Manifest
    from imagefinder.store.base import VectorParams
    from imagefinder.types import OnProgress
    from imagefinder.whole.streams import BackupPlace

PARTS = 3  # begun, while models are fitted anew


@dataclass(frozen=True, slots=True)
class BackupReport:
    """What was written: of which ``source`` to which ``target``, how many ``images``, ``documents`` and uploaded files,
    and how many ``bytes``. ``checksum`` is that of the images. ``removed`` are the older backups that were."""

    source: str
    target: str
    images: int
    documents: int
    uploads: int
    bytes: int
    checksum: str
    seconds: float
    removed: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)


def backup_index(
    index: str | os.PathLike[str],
    target: BackupPlace,
    *,
    keep: int | None = None,
    wait_s: float = 10.0,
    progress: OnProgress | None = None,
) -> BackupReport:
    """Write the index in a folder or at an address into one file, or into a stream that is open: all images with all
    vectors, all that people said, the results, the trained models, and the images that clients sent; not the images of
    the sources, thumbnails, and the trash. The index may be read and written meanwhile: what was there when this began
    is in the backup, what is written meanwhile may be, each image and document whole.

    A file has its name when it is whole, and takes the place of a former backup. With ``keep``, ``target`` is a
    folder: the file in it is called by the index and the time, and of those in it the latest ``keep`` stay. An
    exception from ``progress`` stops it. Raises InvalidInputError, StorageError, NotFoundError or an
    IndexFolderError."""
    begun = time.monotonic()
    place = place_of(index)
    series = None if keep is None else _series(target, place, keep)
    if series is not None:
        target = series.place(datetime.now(UTC))
    with open_source(place, wait_s) as source, written(target, place) as (name, stream):
        backup = _Backup(source, Writer(stream), progress or ignore)
        uploads = backup.run()
        points = backup.points
    removed = series.drop_older(Path(name)) if series is not None else ()
    seconds = round(time.monotonic() - begun, 3)
    size = backup.writer.bytes
    return BackupReport(source.shown, name, points.n, backup.documents, uploads, size, points.hex, seconds, removed)


def _series(target: BackupPlace, index: Path | str, keep: int) -> Series:
    if not isinstance(target, str | PathLike):
        raise InvalidInputError("Of a stream no backups can be kept.", remedy="Name a folder.")
    return Series(target, index, keep)


class _Backup:
    def __init__(self, source: Source, writer: Writer, progress: OnProgress) -> None:
        self.source, self.writer, self._progress = source, writer, progress
        self.points, self.documents = Total(), 0

    def run(self) -> int:
        """Write all of it; how many uploaded files there are."""
        made = datetime.now(UTC).isoformat(timespec="seconds")
        self.writer.add(FIRST, head(__version__, made, self.source.shown))
        part = next((n for n in range(1, PARTS + 1) if self._is_one(n)), None)
        if part is None:
            raise StorageError(
                f"The models of {self.source.shown} were changed each of {PARTS} times.", remedy="Run it again."
            )
        uploads = 0
        if isinstance(self.source.documents, Path):
            for name, path in files_in(self.source.documents, UPLOADS):
                self.writer.add_file(name, path)
                uploads += 1
        self.writer.finish(part, self.points.n, self.points.hex)
        return uploads

    def _is_one(self, part: int) -> bool:
        """Write one part; whether all of it is of the same models."""
        manifest = self.source.manifest()
        try:
            self._points(part, manifest)
            self._documents(part, manifest)
        except (NotFoundError, InvalidInputError):
            if self.source.manifest().spaces == manifest.spaces:
                raise
        return self.source.manifest().spaces == manifest.spaces

    def _points(self, part: int, manifest: Manifest) -> None:
        store = self.source.store
        vectors: Mapping[str, VectorParams] = {
            name: params for name, params in store.vectors().items() if name in manifest.vectors()
        }
        self.writer.add(f"{part}/points/{VECTORS}", vectors_text(vectors))
        self.points, total = Total(), store.count()
        for n, points in enumerate(store.scroll(vectors=tuple(vectors), batch=batch_of(vectors)), start=1):
            self._progress(Progress("writing images", min(self.points.n, total), total))
            self.writer.add_points(part, n, points, vectors)
            for point in points:
                self.points.add(point_sum(point, vectors))
        self._progress(Progress("writing images", total, total))

    def _documents(self, part: int, manifest: Manifest) -> None:
        found = documents_of(self.source.documents, manifest.made)
        self.documents = 0
        for done, (name, place) in enumerate(found.items()):
            self._progress(Progress("writing documents", done, len(found)))
            content = read_document(place)
            if content is not None:
                self.writer.add(f"{part}/documents/{name}", content)
                self.documents += 1
        self.writer.add(f"{part}/documents/{NAME}", manifest_text(plain_manifest(self.source.manifest())))
