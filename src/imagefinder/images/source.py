"""What every source of images is."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

from imagefinder.types import ImageRef, Limits, Skipped


class Source(ABC):
    """A source of images. ``uri`` identifies it; ``options`` open it again with ``open_source``. ``within`` are real
    paths of folders, in which its files must lie wherever links or the rows of a table lead; None: anywhere."""

    kind: str
    uri: str

    def __init__(self, uri: str, options: dict[str, Any] | None = None, within: Sequence[str] | None = None) -> None:
        self.uri = uri
        self.within = None if within is None else tuple(within)
        self.options = {**(options or {}), **({} if within is None else {"within": list(within)})}
        self.limits = Limits()  # of what is fetched to list it
        self.mounts: list[str] = []  # folders in which the last ``scan`` found another drive
        self.broken: list[str] = []  # links that it found, to folders perhaps, with nothing where they lead
        self.ours: list[str] = []  # folders that it passed by, because ImageFinder made them

    @abstractmethod
    def scan(self) -> Iterator[ImageRef | Skipped]:
        """Every image that exists now, always in the same order, and every file that had to be skipped."""

    def covers(self, uri: str) -> bool:
        """Whether ``scan`` would find an image with this ``uri`` if it existed."""
        return uri == self.uri

    def is_bare(self) -> bool:
        """Whether this is a completely empty folder, such as an unmounted drive leaves, or a table without a row."""
        return False

    def is_hidden(self, uri: str) -> bool:
        """Whether the last ``scan`` could not read the place of ``uri``, so that the image may still exist."""
        return False


def printable(path: str) -> str:
    return re.sub("[\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", path)
