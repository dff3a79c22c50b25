"""Opens the file that others lie in, on this machine or another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from imagefinder.images.files import open_file, unreadable
from imagefinder.images.inside import is_remote, is_url
from imagefinder.types import ImageRef, Limits

if TYPE_CHECKING:
    from imagefinder.images.fetch import Fetcher


@contextmanager
def open_holder(ref: ImageRef, limits: Limits, fetcher: Callable[[], Fetcher]) -> Iterator[tuple[BinaryIO, str]]:
    """The file of ``ref``, at a URL by the ``fetcher``, and its version. Raises ImageError."""
    if is_remote(ref.uri):
        from imagefinder.images.remote.reading import opened

        file, entry = opened(ref.uri, limits, fetcher() if is_url(ref.uri) else None)
        version = entry.version
    else:
        try:
            file, version = open_file(ref.uri, ref.within), ref.version
        except OSError as error:
            raise unreadable(error) from error
    with file:
        yield file, version
