"""The kinds of stores, by name. A new one is a class that fulfils ``base.Store``, and a row here."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from imagefinder._util.addresses import is_address
from imagefinder._util.suggest import unknown_name
from imagefinder.errors import InvalidInputError

if TYPE_CHECKING:
    from pathlib import Path

    from imagefinder.store.base import Store, StoreType
    from imagefinder.store.sites import Site, SiteType

DEFAULT_STORE = "edge"


@dataclass(frozen=True, slots=True)
class StoreKind:
    """One kind of store: its title, and its class as ``module:class``, which is imported when it is first used. A store
    with ``schemes`` is found by an address that begins with one of them, not in a folder; ``site`` is the class of what
    it leads to, a ``sites.Site``. ``key`` is the environment variable with the key of its servers."""

    title: str
    home: str
    schemes: tuple[str, ...] = ()
    site: str = ""
    key: str = ""

    @property
    def type(self) -> StoreType:
        return cast("StoreType", _class(self.home))

    def at(self, address: str, key: str | None = None) -> Site:
        """What an address leads to; ``key`` is the one where the address has none. For the errors see
        ``sites.SiteType``."""
        return cast("SiteType", _class(self.site)).at(address, key)

    def create(self, place: Path | str) -> Store:
        """A new, empty store in a folder, which must be empty or not exist, or at an address."""
        return self.type.create(place)

    def open(self, place: Path | str) -> Store:
        """The store in a folder or at an address. Raises IndexDamagedError, IndexLockedError or StorageError."""
        return self.type.open(place)


def _class(home: str) -> Any:
    module, _, name = home.partition(":")
    return getattr(import_module(module), name)


STORES = {
    "edge": StoreKind("Qdrant Edge: on disk, for one process", "imagefinder.store.edge.store:EdgeStore"),
    "exact": StoreKind("in memory, compares with everything: the oracle", "imagefinder.store.exact:ExactStore"),
    "postgres": StoreKind(
        "PostgreSQL with pgvector: for many processes, on any machine",
        "imagefinder.store.postgres.store:PostgresStore",
        ("postgresql", "postgres"),
        "imagefinder.store.postgres.site:PostgresSite",
    ),
    "qdrant": StoreKind(
        "Qdrant, a server: for many processes, on any machine",
        "imagefinder.store.qdrant.store:QdrantStore",
        ("qdrant", "qdrants"),
        "imagefinder.store.qdrant.site:QdrantSite",
        "QDRANT_API_KEY",
    ),
}


def find_store(name: str) -> StoreKind:
    """A row of ``STORES``. Raises NotFoundError, which names all rows."""
    if name not in STORES:
        raise unknown_name("store", name, list(STORES))
    return STORES[name]


def kind_at(place: str) -> StoreKind | None:
    """The store that is found by this address; None for the name of a folder. Raises InvalidInputError for an address
    that no store has."""
    if not is_address(place):
        return None
    scheme = place.partition("://")[0].lower()
    schemes = {scheme: kind for kind in STORES.values() for scheme in kind.schemes}
    if scheme not in schemes:
        there = ", ".join(f"{scheme}://" for scheme in schemes)
        raise InvalidInputError(f"There is no store for an index at {scheme}://; there are: {there}.")
    return schemes[scheme]
