"""Where images that clients send are kept: in the index folder, or in a folder of a bucket."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from imagefinder._util.files import write_whole
from imagefinder.images.remote.access import open_bucket
from imagefinder.images.remote.schemes import tidy
from imagefinder.types import Limits


class KeptImages(Protocol):
    """``source`` is the place as a source of images. The same name always has the same content."""

    source: str

    def uri_of(self, name: str) -> str: ...

    def owns(self, uri: str) -> bool:
        """Whether an image of the index lies here, so that deleting it deletes the file."""
        ...

    def put(self, uri: str, data: bytes) -> None:
        """Raises StorageError or FetchError."""
        ...

    def drop(self, uri: str) -> None:
        """Remove it; it need not be there. Raises FetchError, or OSError."""
        ...


class InFolder:
    """A folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.source = str(folder)

    def uri_of(self, name: str) -> str:
        return str(self._folder / name)

    def owns(self, uri: str) -> bool:
        return Path(uri).parent == self._folder

    def put(self, uri: str, data: bytes) -> None:
        if not os.path.exists(uri):
            write_whole(Path(uri), data)

    def drop(self, uri: str) -> None:
        Path(uri).unlink(missing_ok=True)


class InBucket:
    """A folder of a bucket."""

    def __init__(self, place: str, limits: Limits) -> None:
        self.source = tidy(place)
        self._limits = limits

    def uri_of(self, name: str) -> str:
        return f"{self.source}/{name}"

    def owns(self, uri: str) -> bool:
        return uri.rpartition("/")[0] == self.source

    def put(self, uri: str, data: bytes) -> None:
        bucket, key = open_bucket(uri, self._limits)
        bucket.put(key, data)

    def drop(self, uri: str) -> None:
        bucket, key = open_bucket(uri, self._limits)
        bucket.delete(key)
