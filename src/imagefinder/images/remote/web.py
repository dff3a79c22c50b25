"""Files at URLs, of which parts can be asked for, fetched by the rules for what strangers write (``images.fetch``)."""

from __future__ import annotations

from typing import NoReturn

from imagefinder.errors import FetchError
from imagefinder.images.fetch import Fetcher
from imagefinder.images.remote.access import Entry, changed
from imagefinder.types import SkipCode


class Web:
    """See ``access.Bucket``; a key is a URL."""

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher

    def list(self, folder: str) -> NoReturn:
        raise FetchError("The web has no folders.", code=SkipCode.FETCH_FAILED, remedy="Name a page of links.")

    def head(self, key: str) -> Entry:
        _, total, version = self._fetcher.part(key, 0, 1)
        return Entry(key, total, version)

    def get(self, key: str) -> tuple[bytes, Entry]:
        data = self._fetcher.get(key)
        return data, Entry(key, len(data), "")

    def part(self, key: str, start: int, end: int, version: str) -> bytes:
        data, _, found = self._fetcher.part(key, start, end)
        if version not in ("", found):
            raise changed()
        return data

    def put(self, key: str, data: bytes) -> NoReturn:
        raise _only_read()

    def delete(self, key: str) -> NoReturn:
        raise _only_read()


def _only_read() -> FetchError:
    return FetchError("What is on the web is only read.", code=SkipCode.PERMISSION, remedy="Name a bucket.")
