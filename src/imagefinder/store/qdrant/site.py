"""An index on a Qdrant server: a collection with its points, and one with its documents."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from imagefinder.store.qdrant.address import Address
from imagefinder.store.qdrant.catalogue import Catalogue
from imagefinder.store.qdrant.documents import CataloguePlace
from imagefinder.store.qdrant.locks import Locks
from imagefinder.store.qdrant.server import Server
from imagefinder.store.qdrant.store import QdrantStore

if TYPE_CHECKING:
    from imagefinder.store.base import Store
    from imagefinder.store.calls import CallFigures


class QdrantSite:
    """Fulfils ``sites.Site``."""

    def __init__(self, server: Server) -> None:
        self._server, self._locks = server, Locks(server)
        self._catalogue = Catalogue(server, self._locks)
        server.check = self._locks.check

    @classmethod
    def at(cls, address: str, key: str | None = None) -> QdrantSite:
        """See ``sites.SiteType``."""
        return cls(Server(Address.read(address, key)))

    @property
    def name(self) -> str:
        return self._server.address.name

    @property
    def shown(self) -> str:
        return self._server.address.shown

    @property
    def documents(self) -> CataloguePlace:
        return CataloguePlace(self._catalogue)

    def exists(self) -> bool:
        return self._server.exists()

    def make(self) -> None:
        self._server.make()
        self._catalogue.sweep()

    def store(self) -> Store:
        return QdrantStore(self._server, shared=True)

    def locked(self, name: str, *, wait: bool = True) -> AbstractContextManager[bool]:
        return self._locks.locked(name, wait=wait)

    def checking(self) -> AbstractContextManager[None]:
        return self._catalogue.checking()

    def bytes(self) -> int:
        """About how much: a server does not say. Vectors and documents are counted, payloads and graphs are not."""
        store = QdrantStore(self._server, shared=True)
        sizes = [params.dim * (2 if params.dtype == "float16" else 4) for params in store.vectors().values()]
        written: int = sum(entry["size"] for entry in self._catalogue.documents().values())
        return store.count() * sum(sizes) + written

    def figures(self) -> CallFigures:
        return self._server.calls.figures()

    def close(self) -> None:
        self._locks.close()
        self._server.close()
