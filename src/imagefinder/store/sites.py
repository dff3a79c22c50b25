"""What an address of an index leads to: its points, its documents, and locks that all its processes know."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from imagefinder._util.places import Shared
    from imagefinder.store.base import Store
    from imagefinder.store.calls import CallFigures


class SiteType(Protocol):
    """What the class of a site can do."""

    def at(self, address: str, key: str | None = None) -> Site:
        """The site at an address; ``key`` is the one for its server where the address has none. Raises
        InvalidInputError, MissingExtraError, UnreachableError, UnauthorizedError, NotFoundError or IndexFolderError;
        none of them shows a password."""


class Site(Protocol):
    """Where an index is that is not in a folder. Safe to use from several threads."""

    @property
    def name(self) -> str:
        """The name of the index."""

    @property
    def shown(self) -> str:
        """The address, without passwords."""

    @property
    def documents(self) -> Shared:
        """The folder of all documents of the index."""

    def exists(self) -> bool:
        """Whether there is an index. Raises IndexVersionError where a newer ImageFinder has made of it what
        this one can't use."""

    def make(self) -> None:
        """Make what the index needs there, or bring it up to date. Raises IndexVersionError."""

    def store(self) -> Store:
        """The points. They are closed with the site."""

    def locked(self, name: str, *, wait: bool = True) -> AbstractContextManager[bool]:
        """Hold the lock ``name`` of the index, which no other thread or process holds meanwhile. What this thread
        writes inside fails once the lock is lost. Without ``wait``, yields whether the lock was free."""

    def checking(self) -> AbstractContextManager[None]:
        """Meanwhile, a document that this thread has read is written by it only if it is as it was read. Raises
        StorageError then."""

    def bytes(self) -> int:
        """How much room all of it takes there."""

    def figures(self) -> CallFigures:
        """What the calls of this process have cost so far."""

    def close(self) -> None:
        """Safe to call twice."""
