"""What the documents of all stores at addresses have in common: names like those of files, and which versions a thread
has read."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any, Generic, Protocol, Self, TypeVar


class Checking:
    """Remembers which versions of documents a thread has read, while it is ``checking``."""

    def __init__(self) -> None:
        self._thread = threading.local()

    @property
    def seen(self) -> dict[str, Any] | None:
        """The versions of the documents that this thread has read or written, by name, while it is ``checking``. None
        stands for one that was not there."""
        found: dict[str, Any] | None = getattr(self._thread, "seen", None)
        return found

    @contextmanager
    def checking(self) -> Iterator[None]:
        before = self.seen
        self._thread.seen = {} if before is None else before
        try:
            yield
        finally:
            self._thread.seen = before


class Documents(Protocol):
    """All documents of an index."""

    @property
    def shown(self) -> str:
        """The address of the index, without passwords."""


D = TypeVar("D", bound=Documents)


class Named(Generic[D]):
    """The name of a document, or of a folder of them, among all documents ``_all``: what of ``places.Shared`` is the
    same wherever documents lie."""

    def __init__(self, documents: D, path: PurePosixPath | None = None) -> None:
        self._all, self._path = documents, path or PurePosixPath()

    def __str__(self) -> str:
        return f"{self._all.shown}{f': {self._key}' if self._key else ''}"

    __repr__ = __str__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Named) and self._all is other._all and self._path == other._path

    def __hash__(self) -> int:
        return hash(self._path)

    @property
    def _key(self) -> str:
        return "" if self._path == PurePosixPath() else str(self._path)

    @property
    def _start(self) -> str:
        """What the names of those in this folder begin with."""
        return f"{self._key}/" if self._key else ""

    @property
    def name(self) -> str:
        return self._path.name

    @property
    def parent(self) -> Self:
        return type(self)(self._all, self._path.parent)

    def __truediv__(self, name: str) -> Self:
        return type(self)(self._all, self._path / name)
