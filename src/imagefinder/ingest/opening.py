"""Opens sources by name, also those that are not there now: a run goes on without them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagefinder._util.files import expanded
from imagefinder._util.systems import as_on_disk
from imagefinder.errors import ImageError, ImageFinderError, InvalidInputError, NotFoundError
from imagefinder.images.inside import holder_of, is_bucket, is_remote, is_url
from imagefinder.images.remote.schemes import tidy
from imagefinder.images.remote.sources import ObjectSource, UrlSource
from imagefinder.images.source import Source
from imagefinder.images.sources import FileSource, FolderSource, open_source
from imagefinder.types import ImageRef, SkipCode, Skipped

if TYPE_CHECKING:
    from imagefinder.index.manifest import SourceEntry


class Absent(Source):
    """A source that can't be opened now. To scan it raises why."""

    def __init__(self, uri: str, kind: str, options: dict[str, Any], error: ImageFinderError) -> None:
        super().__init__(uri, options)
        self.kind, self.error = kind, error

    def scan(self) -> Iterator[ImageRef | Skipped]:
        raise self.error

    @staticmethod
    def unreadable(uri: str) -> ImageError:
        return ImageError(
            f"{uri} may not be read.", code=SkipCode.PERMISSION, remedy="Allow reading it, or mount its drive again."
        )


class Left(Source):
    """Images whose source was forgotten: each by its URI, with the source that its record names."""

    kind = "images"

    def __init__(self, images: Mapping[str, str]) -> None:
        super().__init__("")
        self._images = images

    def scan(self) -> Iterator[ImageRef | Skipped]:
        of = {holder_of(uri): source for uri, source in self._images.items()}
        for uri, source in of.items():
            kind = ObjectSource if is_bucket(uri) else UrlSource if is_url(uri) else FileSource
            for item in kind(uri).scan():
                yield replace(item, source=source) if isinstance(item, ImageRef) else item

    def is_hidden(self, uri: str) -> bool:
        return False


def source_uri(text: str | os.PathLike[str]) -> str:
    """What a source is known by: its full path, or its address. Raises InvalidInputError for one that names nothing."""
    name = os.fspath(text)
    if is_bucket(name):
        return tidy(name)
    return name if is_remote(name) else as_on_disk(os.path.abspath(expanded(name)))


def open_known(
    home: Path, entries: Sequence[SourceEntry], text: str | os.PathLike[str], options: Mapping[str, Any]
) -> Source:
    """The source of this name, ``Absent`` if it can't be opened or is of another kind than it was; ``entries`` are the
    sources that the index in ``home`` knows, of which those that were not bound to folders stay so. Raises
    InvalidInputError for what is never a source."""
    uri = source_uri(text)
    entry = next((s for s in entries if s.uri == uri), None)
    if entry is not None and "within" not in entry.options:
        options = {**options, "within": None}  # whoever made it a source may open all that it leads to
    if uri == str(home / "uploads" / "images"):  # what clients sent, in the index folder for once
        return FolderSource(uri) if os.path.isdir(uri) else Absent(uri, "folder", {}, _not_there(uri))
    try:
        source = open_source(uri, **options)
    except NotFoundError as error:
        return Absent(uri, entry.kind if entry else "folder", dict(options), error)
    except InvalidInputError as error:
        if entry is None:
            raise
        return Absent(uri, entry.kind, dict(entry.options), error)
    if entry and entry.kind == "url" and source.kind == "page":
        return UrlSource(uri)
    if entry and entry.kind != source.kind:
        changed = NotFoundError(
            f"{uri} was a {entry.kind} and is a {source.kind} now.",
            remedy=f"If that is right, first: imagefinder sources forget {uri}",
        )
        return Absent(uri, entry.kind, dict(entry.options), changed)
    return source


def _not_there(uri: str) -> NotFoundError:
    return NotFoundError(f"There is no folder {uri}.", remedy="Check the path; if it is on another drive, mount it.")
