"""The index, or the server that holds it, for as long as somebody asks."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

from imagefinder._util.local_servers import server_at
from imagefinder.client import Client
from imagefinder.errors import IndexLockedError, StorageError, UnreachableError
from imagefinder.finder import ImageFinder
from imagefinder.index.lock import served_at
from imagefinder.types import Record

if TYPE_CHECKING:
    from imagefinder.types import Limits

Library: TypeAlias = ImageFinder | Client
IDLE_S = 30.0  # then the index is let go of, so that other commands can use it
THUMBNAILS = 1024**3  # bytes of thumbnails kept with an index


class Access:
    """Opens the library when it is first wanted and closes it when nobody has wanted it for a while: an agent runs all
    day, and would keep the index from every other command. Safe to use from several threads."""

    def __init__(self, open: Callable[[], Library], idle_s: float = IDLE_S) -> None:
        self._open = open
        self._idle_s = idle_s
        self._lock = threading.Lock()
        self._library: Library | None = None
        self._users = 0
        self._timer: threading.Timer | None = None

    @contextmanager
    def use(self) -> Iterator[Library]:
        """The library, open until the end of the block at least. Raises what opening it raises."""
        with self._lock:
            if self._timer:
                self._timer.cancel()
            if self._library is None:
                self._library = self._open()
            self._users += 1
            library = self._library
        gone = False
        try:
            yield library
        except UnreachableError:
            gone = True  # a server that has ended: the next one to ask opens the index itself
            raise
        finally:
            self._leave(library, gone)

    def _leave(self, library: Library, gone: bool) -> None:
        with self._lock:
            self._users -= 1
            if gone and self._library is library:
                self._library = None
            if self._users == 0 and self._library is not None:
                self._timer = threading.Timer(self._idle_s, self._close_idle)
                self._timer.daemon = True
                self._timer.start()

    def _close_idle(self) -> None:
        with self._lock:
            if self._users == 0:
                self._close()

    def close(self) -> None:
        with self._lock:
            if self._timer:
                self._timer.cancel()
            self._close()

    def _close(self) -> None:
        library, self._library = self._library, None
        if library is not None:
            library.close()


def open_library(
    index: Path | str, url: str | None, key: str | None, limits: Limits, *, write: bool = False
) -> Library:
    """The server at ``url``, else the one that holds the index in a folder, else the index in a folder or at an
    address. It is opened for reading,
    beside whoever writes it and where it can't be written, unless it is free and to ``write``. Raises NotFoundError,
    and IndexLockedError for a holder that can't be asked.

    An index may come from anybody. So where it says that it is served, a server of this account must run: else neither
    a key nor a question is sent there."""
    if url is not None:
        return Client(url, key=key)
    served = server_at(served_at(index)) if isinstance(index, Path) else None
    if served and is_reachable(served.url):
        return Client(served.url, key=key if served.given else served.key)
    if write:
        with suppress(IndexLockedError, StorageError):
            return ImageFinder.open(index, create=False, limits=limits, wait_s=1.0)
    return ImageFinder.open(index, limits=limits, read_only=True)


def is_reachable(url: str) -> bool:
    """Whether something listens at the address of a server: a killed one leaves its address behind."""
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "", parts.port or 80), timeout=1.0).close()
    except (OSError, ValueError):
        return False
    return True


def thumbnail(library: Library, record: Record, size: int, limits: Limits) -> bytes:
    """A JPEG of an image, upright, its longest side ``size`` pixels at most. Raises ImageError."""
    if isinstance(library, Client):
        return library.thumbnail(record.id, size)
    from imagefinder.server.pictures import Pictures

    return Pictures(library.home, limits, THUMBNAILS).thumbnail(record, size)
