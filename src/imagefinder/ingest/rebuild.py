"""Empties an index, so that it can be made again from the images."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Sequence
from pathlib import Path

from imagefinder._version import __version__
from imagefinder.clusters.state import apply_again
from imagefinder.errors import ImageFinderError, IndexDamagedError, IndexFolderError, NotFoundError, StorageError
from imagefinder.index import manifest as manifests
from imagefinder.index.folder import POINTS, TRANSFORMS, Index
from imagefinder.index.lock import IndexLock
from imagefinder.index.manifest import Manifest, SourceEntry
from imagefinder.index.said import joined, load_said, said_of, save_said
from imagefinder.ingest.opening import Absent, open_known


def reset_index(path: Path, named: Sequence[str] = ()) -> None:
    """Delete everything in the index at ``path``, except the list of its sources (if it can still be read), what people
    said of images (tags, captions, names, pinned clusters, which come back by content), and what they decided about
    clusters and duplicates. ``named`` are further sources it will be made from.

    Raises NotFoundError, and nothing has changed, when a source is not there or can't be read: its images could not be
    made again.
    """
    sources: tuple[SourceEntry, ...] = ()
    with contextlib.suppress(IndexFolderError, NotFoundError):
        sources = manifests.load(path).sources
        _look_first_and_save(path, named)
    with IndexLock(path):
        manifests.save(path, Manifest(__version__, sources=sources))
        for folder in (POINTS, TRANSFORMS):
            shutil.rmtree(path / folder, ignore_errors=True)
        with contextlib.suppress(IndexDamagedError):
            apply_again(path)


def _look_first_and_save(path: Path, named: Sequence[str]) -> None:
    """Make sure that all sources are there, then write down what was said of all images."""
    with Index(path, create=False) as index:
        wanted = {source.uri: dict(source.options) for source in index.manifest.sources}
        for name in (*named, *wanted):
            source = open_known(index, name, wanted.get(name, {}))
            try:
                found = not isinstance(source, Absent) and any(True for _ in source.scan())
            except ImageFinderError as error:
                raise StorageError(*_refused(source.uri, error.message)) from error
            if not found:
                raise StorageError(*_refused(source.uri, "it is not there, or empty"))
        points = (point for batch in index.store.scroll() for point in batch)
        said = [one for point in points if (one := said_of(point.payload))]
        save_said(path, joined(load_said(path), said))


def _refused(uri: str, why: str) -> tuple[str]:
    return (
        f"The index was not rebuilt, and nothing has changed: the images of {uri} could not be made again ({why}). "
        f"Mount or mend it, or first: imagefinder sources forget {uri} --remove-images",
    )
