"""From a reference to an upright picture: reads a file, a row of a table, a member of an archive or an object of a
bucket, or fetches a URL, then decodes it, all within the same limits.

Pillow is imported when the first picture is read, so a text search starts without it.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from imagefinder._util.ending import ending
from imagefinder.errors import ImageError
from imagefinder.images.inside import has_parts, inside, is_bucket, is_file, is_remote, is_url, member_of, part_of
from imagefinder.types import EncodedImage, ImageRef, Limits, LoadedImage, SkipCode

__all__ = ["Loader", "is_file", "is_remote", "is_url", "split_url"]

if TYPE_CHECKING:
    from imagefinder.images.fetch import Fetcher
    from imagefinder.images.inside import MemberPlace
    from imagefinder.images.remote.access import Bucket


def split_url(text: str) -> SplitResult:
    """The parts of a URL; all empty where it is none."""
    try:
        return urlsplit(text)
    except ValueError:
        return urlsplit("")


class Loader:
    """Reads and decodes images, wherever they are. Safe to use from several threads.

    ``short_side`` is the size of the short side, in pixels, at which pictures should at least be decoded; None decodes
    in full. With ``together``, the limit of bytes holds for all URLs that it reads, not for each. Both methods raise
    ImageError with a skip code.
    """

    def __init__(self, limits: Limits, short_side: int | None = None, *, together: bool = False) -> None:
        self.limits = limits
        self.short_side = short_side
        self._together = together
        self._fetcher: Fetcher | None = None
        self._buckets: dict[str, Bucket] = {}  # opened once: where keys come from is looked up then

    def read(self, ref: ImageRef) -> EncodedImage:
        """The bytes of an image. Of one that was indexed another file may lie at its path by now, or a link to one: it
        is refused unless it holds what it must. A URL may give other bytes each time."""
        from imagefinder.images.decode import encode_bytes, read_file

        if is_url(ref.uri) and not (ref.content_hash and member_of(ref.uri)):
            return encode_bytes(ref, self.fetcher.get(ref.uri))
        if member := member_of(ref.uri):
            encoded = encode_bytes(ref, self._member(ref, member))
        elif is_bucket(ref.uri):
            encoded = self._object(ref)
        elif part := part_of(ref.uri):
            from imagefinder.images.parts import read_part

            encoded = read_part(ref, part, self.limits, self.short_side)
        elif has_parts(ref.uri):
            raise ImageError(
                "It is a file of several pictures.",
                code=SkipCode.UNSUPPORTED_FORMAT,
                remedy=f"Name one of them, such as {ref.uri}#page=1 of a PDF, or {ref.uri}#t=12.5 of a video.",
            )
        elif place := inside(ref.uri):
            from imagefinder.images.parquet_reader import read_picture

            encoded = encode_bytes(ref, read_picture(place, self.limits, ref.within))
        else:
            encoded = read_file(ref, self.limits)
        if ref.content_hash not in ("", encoded.content_hash):
            raise ImageError(
                "It has changed since it was indexed.", code=SkipCode.NOT_FOUND, remedy="Run: imagefinder index"
            )
        return encoded

    def _object(self, ref: ImageRef) -> EncodedImage:
        """An object of a bucket, with the version that was read: it may be another than the one that was listed."""
        from imagefinder.images.decode import encode_bytes
        from imagefinder.images.remote.access import open_bucket, too_large
        from imagefinder.images.remote.schemes import address_of

        if (ref.size or 0) > self.limits.max_bytes:
            raise too_large(ref.size or 0, self.limits)
        address = address_of(ref.uri)
        if (bucket := self._buckets.get(address.root)) is None:
            bucket = self._buckets[address.root] = open_bucket(ref.uri, self.limits)[0]
        data, entry = bucket.get(address.key)
        if not data:
            raise ImageError("The object is empty.", code=SkipCode.EMPTY)
        return encode_bytes(replace(ref, version=entry.version or ref.version), data)

    def _member(self, ref: ImageRef, member: MemberPlace) -> bytes:
        from imagefinder.images.archives import read_member
        from imagefinder.images.opening import open_holder

        if ref.at and is_remote(ref.uri):
            from imagefinder.images.remote.reading import read_part

            return read_part(member.archive, ref.at, self.limits, self.fetcher if is_url(ref.uri) else None)
        with open_holder(replace(ref, uri=member.archive), self.limits, lambda: self.fetcher) as (file, _):
            return read_member(file, member.archive, member.name, ref.at, self.limits)

    def decode(self, encoded: EncodedImage, part: float = 1.0) -> LoadedImage:
        """``part`` is the share of a side, from 0 to 1, that is used: this part then has at least the size of a whole
        picture."""
        from imagefinder.images.decode import decode

        ending().go_on()
        short_side = None if self.short_side is None else math.ceil(self.short_side / part)
        loaded = decode(encoded, short_side=short_side, limits=self.limits)
        return replace(loaded, **encoded.facts) if encoded.facts else loaded

    @property
    def fetcher(self) -> Fetcher:
        if self._fetcher is None:
            from imagefinder.images.fetch import Fetcher

            self._fetcher = Fetcher(self.limits, together=self._together)
        return self._fetcher

    def close(self) -> None:
        self._fetcher = None
        self._buckets.clear()
