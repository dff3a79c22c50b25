"""Opens and reads what lies at an address, in a bucket or on the web, within the limits."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO

from imagefinder.images.remote.access import Bucket, Entry, open_bucket, too_large
from imagefinder.images.remote.blocks import Blocks
from imagefinder.images.remote.schemes import is_bucket
from imagefinder.types import Limits

if TYPE_CHECKING:
    from imagefinder.images.fetch import Fetcher


def open_place(uri: str, limits: Limits, fetcher: Fetcher | None = None) -> tuple[Bucket, str]:
    """What an address is read by, and the name of the object in it; of a URL by ``fetcher``, else by one of its own.
    Raises InvalidInputError, FetchError and MissingExtraError."""
    if is_bucket(uri):
        return open_bucket(uri, limits)
    from imagefinder.images.fetch import Fetcher
    from imagefinder.images.remote.web import Web

    return Web(fetcher or Fetcher(limits)), uri


def facts_of(uri: str, limits: Limits) -> Entry:
    """Size and version of what lies at an address. Raises FetchError."""
    place, key = open_place(uri, limits)
    return place.head(key)


def read_part(uri: str, at: str, limits: Limits, fetcher: Fetcher | None = None) -> bytes:
    """The bytes at a place of an object, as "512+2048": from the 512th, 2048 bytes. Raises FetchError."""
    start, _, size = at.partition("+")
    if int(size) > limits.max_bytes:
        raise too_large(int(size), limits)
    place, key = open_place(uri, limits, fetcher)
    return place.part(key, int(start), int(start) + int(size), "")


def opened(uri: str, limits: Limits, fetcher: Fetcher | None = None) -> tuple[BinaryIO, Entry]:
    """The object at an address as a file that is read ahead, all of it of one version. Raises FetchError, also while it
    is read."""
    place, key = open_place(uri, limits, fetcher)
    entry = place.head(key)
    blocks = Blocks(lambda start, end: place.part(key, start, end, entry.version), entry.size)
    return io.BufferedReader(blocks, 64 * 1024), entry
