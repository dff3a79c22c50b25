"""The kinds of stores, by name. A new one is a class that fulfils ``base.Store``, and a row here."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, cast

from imagefinder._util.suggest import unknown_name

if TYPE_CHECKING:
    from imagefinder.store.base import Store, StoreType

DEFAULT_STORE = "edge"


@dataclass(frozen=True, slots=True)
class StoreKind:
    """One kind of store: its title, and its class as ``module:class``, which is imported when it is first used."""

    title: str
    home: str

    @property
    def type(self) -> StoreType:
        module, _, name = self.home.partition(":")
        return cast("StoreType", getattr(import_module(module), name))

    def create(self, path: Path) -> Store:
        """A new, empty store in the folder ``path``, which must be empty or not exist."""
        return self.type.create(path)

    def open(self, path: Path) -> Store:
        """The store in the folder ``path``. Raises IndexDamagedError, IndexLockedError or StorageError."""
        return self.type.open(path)


STORES = {
    "edge": StoreKind("Qdrant Edge: on disk, for one process", "imagefinder.store.edge.store:EdgeStore"),
    "exact": StoreKind("in memory, compares with everything: the oracle", "imagefinder.store.exact:ExactStore"),
}


def find_store(name: str) -> StoreKind:
    """A row of ``STORES``. Raises NotFoundError, which names all rows."""
    if name not in STORES:
        raise unknown_name("store", name, list(STORES))
    return STORES[name]
