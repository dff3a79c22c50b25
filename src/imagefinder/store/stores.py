"""The kinds of stores, by name. A new one is a class that fulfils ``base.Store``, and a row here."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, cast

from imagefinder._util.suggest import unknown_name

if TYPE_CHECKING:
    from pathlib import Path

    from imagefinder.store.base import Store, StoreType

DEFAULT_STORE = "edge"


@dataclass(frozen=True, slots=True)
class StoreKind:
    """One kind of store: its title, and its class as ``module:class``, which is imported when it is first used. A store
    with ``schemes`` is found by an address that begins with one of them, not in a folder."""

    title: str
    home: str
    schemes: tuple[str, ...] = ()

    @property
    def type(self) -> StoreType:
        module, _, name = self.home.partition(":")
        return cast("StoreType", getattr(import_module(module), name))

    def create(self, place: Path | str) -> Store:
        """A new, empty store in a folder, which must be empty or not exist, or at an address."""
        return self.type.create(place)

    def open(self, place: Path | str) -> Store:
        """The store in a folder or at an address. Raises IndexDamagedError, IndexLockedError or StorageError."""
        return self.type.open(place)


STORES = {
    "edge": StoreKind("Qdrant Edge: on disk, for one process", "imagefinder.store.edge.store:EdgeStore"),
    "exact": StoreKind("in memory, compares with everything: the oracle", "imagefinder.store.exact:ExactStore"),
    "postgres": StoreKind(
        "PostgreSQL with pgvector: for many processes, on any machine",
        "imagefinder.store.postgres.store:PostgresStore",
        ("postgresql", "postgres"),
    ),
}


def find_store(name: str) -> StoreKind:
    """A row of ``STORES``. Raises NotFoundError, which names all rows."""
    if name not in STORES:
        raise unknown_name("store", name, list(STORES))
    return STORES[name]


def kind_at(place: str) -> str | None:
    """The name of the store that is found by this address; None for the name of a folder."""
    scheme, found, _ = place.partition("://")
    return next((name for name, kind in STORES.items() if found and scheme.lower() in kind.schemes), None)
