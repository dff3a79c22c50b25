"""What can be done with a bucket, whoever keeps it, and the one way to open one."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import NamedTuple, Protocol

from imagefinder._util.extras import require
from imagefinder.errors import FetchError
from imagefinder.images.remote.schemes import SCHEMES, address_of
from imagefinder.types import Limits, SkipCode


class Entry(NamedTuple):
    """An object: its name, bytes, and when it was last changed. ``version`` changes whenever its content does."""

    key: str
    size: int
    version: str
    mtime_ns: int | None = None


class Bucket(Protocol):
    """Every method raises FetchError with a skip code, and never shows what the server said beyond its error's name:
    addresses and headers of requests may hold secrets."""

    def list(self, folder: str) -> Iterator[Entry]:
        """The objects in a folder and below, page after page, in the order of the server; all where it is empty."""
        ...

    def head(self, key: str) -> Entry: ...

    def get(self, key: str) -> tuple[bytes, Entry]:
        """The bytes of an object of at most ``Limits.max_bytes``, and which version that is."""
        ...

    def part(self, key: str, start: int, end: int, version: str) -> bytes:
        """The bytes from ``start`` up to ``end``, fewer at the end of the object, if it still has this version."""
        ...

    def put(self, key: str, data: bytes) -> None: ...

    def delete(self, key: str) -> None: ...


def open_bucket(uri: str, limits: Limits) -> tuple[Bucket, str]:
    """The bucket of an address, and the key in it. Raises InvalidInputError, FetchError and MissingExtraError."""
    address = address_of(uri)
    scheme = SCHEMES[address.scheme]
    if scheme.extra:
        require(scheme.extra, what=f"Reading {address.scheme}:// addresses")
    module, _, name = scheme.opens.partition(":")
    opener = getattr(import_module(f"imagefinder.images.remote.{module}"), name)
    return opener(address.bucket, limits), address.key


def too_large(size: int, limits: Limits) -> FetchError:
    return FetchError(
        f"It is larger ({size:,} bytes) than the {limits.max_bytes:,} allowed.",
        code=SkipCode.TOO_MANY_BYTES,
        remedy="Raise Limits.max_bytes if it is to be trusted.",
    )


def changed() -> FetchError:
    return FetchError("It was changed while it was read.", code=SkipCode.FETCH_FAILED, remedy="Index again.")
