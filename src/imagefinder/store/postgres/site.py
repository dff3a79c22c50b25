"""An index in PostgreSQL: one schema with its points and its documents."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from imagefinder.store.postgres.address import Address
from imagefinder.store.postgres.database import Database
from imagefinder.store.postgres.documents import Documents, TablePlace
from imagefinder.store.postgres.store import PostgresStore

if TYPE_CHECKING:
    from imagefinder.store.base import Store
    from imagefinder.store.calls import CallFigures


class PostgresSite:
    """Fulfils ``sites.Site``."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._documents = Documents(database)

    @classmethod
    def at(cls, address: str, key: str | None = None) -> PostgresSite:
        """See ``sites.SiteType``."""
        return cls(Database(Address.read(address, key)))

    @property
    def name(self) -> str:
        return self._database.address.name

    @property
    def shown(self) -> str:
        return self._database.address.shown

    @property
    def documents(self) -> TablePlace:
        return TablePlace(self._documents)

    def exists(self) -> bool:
        return self._database.exists()

    def make(self) -> None:
        self._database.make()

    def store(self) -> Store:
        return PostgresStore(self._database, shared=True)

    def locked(self, name: str, *, wait: bool = True) -> AbstractContextManager[bool]:
        return self._database.locked(name, wait=wait)

    def checking(self) -> AbstractContextManager[None]:
        return self._documents.checking()

    def bytes(self) -> int:
        tables = "select oid from pg_class where relkind = 'r' and relnamespace = current_schema()::regnamespace"
        found = self._database.rows(f"select sum(pg_total_relation_size(oid)) from ({tables}) t")
        return int(found[0][0] or 0)

    def figures(self) -> CallFigures:
        return self._database.figures()

    def close(self) -> None:
        self._database.close()
