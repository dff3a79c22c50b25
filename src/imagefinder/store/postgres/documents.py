"""The documents of an index in a table, with a version each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Self

from imagefinder.errors import StorageError
from imagefinder.store.documents import Checking, Named
from imagefinder.store.postgres.database import Database

if TYPE_CHECKING:
    from psycopg import Connection

_READ = """
select coalesce(d.content, ''), greatest(d.version, (select max(n) from lines l where l.name = %(name)s)),
    (select string_agg(l.content, '' order by n) from lines l where l.name = %(name)s)
from (select %(name)s::text as name) asked left join documents d using (name)
"""
_WRITE = """
insert into documents (name, version, content) values (%(name)s, nextval('versions'), %(content)s)
on conflict (name) do update set version = excluded.version, content = excluded.content
"""
_STAMP = """
select greatest((select version from documents where name = %(name)s), (select max(n) from lines where name = %(name)s))
"""
_SIZES = """
select coalesce((select length(content) from documents where name = %(name)s), 0),
    coalesce((select sum(length(content)) from lines where name = %(name)s), 0)
"""
_IN_FOLDER = "name >= %(from)s and name < %(to)s"
_CHILDREN = f"""
select distinct split_part(substr(name, length(%(from)s::text) + 1), '/', 1) from
    (select name from documents where {_IN_FOLDER} union all select name from lines where {_IN_FOLDER}) found
"""


class Documents(Checking):
    """All documents of an index."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.database = database

    @property
    def shown(self) -> str:
        return self.database.address.shown


class TablePlace(Named[Documents]):
    """One document, or a folder of them. Fulfils ``places.Shared``."""

    @property
    def _folder(self) -> dict[str, str]:
        """Between which names those in this folder lie."""
        return {"from": self._start, "to": f"{self._start[:-1]}0" if self._start else "\U0010ffff"}  # "0" follows "/"

    def exists(self) -> bool:
        return self.is_file() or self.is_dir()

    def is_file(self) -> bool:
        return self.stamp() is not None

    def is_dir(self) -> bool:
        return bool(self._all.database.rows(f"select 1 from ({_CHILDREN}) n limit 1", self._folder))

    def iterdir(self) -> Iterator[Self]:
        return iter([self / name for (name,) in self._all.database.rows(_CHILDREN, self._folder)])

    def stamp(self) -> object:
        version = self._all.database.rows(_STAMP, {"name": self._key})[0][0]
        if self._all.seen is not None:
            self._all.seen.setdefault(self._key, version)
        return version

    def read(self) -> bytes:
        content, version, lines = self._all.database.rows(_READ, {"name": self._key})[0]
        if self._all.seen is not None:
            self._all.seen[self._key] = version
        if version is None:
            raise FileNotFoundError(f"{self} is not there")
        return bytes(content) + bytes(lines or b"")

    def write(self, data: bytes) -> None:
        def work(connection: Connection[Any]) -> int:
            _lock(connection, self._key)
            seen, values = self._all.seen, {"name": self._key, "content": data}
            if seen is not None and self._key in seen and seen[self._key] != _one(connection, _STAMP, values):
                raise StorageError(
                    f"{self} was changed by another process meanwhile. Nothing was written.", remedy="Do it again."
                )
            connection.execute(_WRITE, values)
            connection.execute("delete from lines where name = %(name)s", values)
            return int(_one(connection, _STAMP, values))

        version = self._all.database.write(work)
        if self._all.seen is not None:
            self._all.seen[self._key] = version

    def add(self, lines: bytes) -> tuple[int, int]:
        def work(connection: Connection[Any]) -> tuple[int, int, int]:
            values = {"name": self._key, "content": lines}
            _lock(connection, self._key)
            connection.execute("insert into lines (name, content) values (%(name)s, %(content)s)", values)
            row = connection.execute(_SIZES, values).fetchone()
            assert row is not None
            return int(row[0]), int(row[1]), int(_one(connection, _STAMP, values))

        whole, added, version = self._all.database.write(work)
        if self._all.seen is not None and self._key in self._all.seen:
            self._all.seen[self._key] = version
        return whole + added, whole

    def unlink(self, missing_ok: bool = False) -> None:
        def work(connection: Connection[Any]) -> int:
            values = {"name": self._key}
            gone = connection.execute("delete from documents where name = %(name)s", values).rowcount
            return gone + connection.execute("delete from lines where name = %(name)s", values).rowcount

        if not self._all.database.write(work) and not missing_ok:
            raise FileNotFoundError(f"{self} is not there")

    def remove(self) -> None:
        def work(connection: Connection[Any]) -> None:
            for table in ("documents", "lines"):
                connection.execute(f"delete from {table} where {_IN_FOLDER}", self._folder)

        self._all.database.write(work)

    def rename(self, target: Self) -> Self:
        values = {**self._folder, "new": target._folder["from"]}

        def work(connection: Connection[Any]) -> None:
            _lock(connection, target._key)
            if connection.execute(f"select 1 from documents where {_IN_FOLDER} limit 1", target._folder).fetchone():
                raise FileExistsError(f"{target} is there already")
            for table in ("documents", "lines"):
                renamed = "name = %(new)s || substr(name, length(%(from)s::text) + 1)"
                connection.execute(f"update {table} set {renamed} where {_IN_FOLDER}", values)

        self._all.database.write(work)
        return target

    def together(self) -> AbstractContextManager[None]:
        return self._all.database.transaction()


def _lock(connection: Connection[Any], name: str) -> None:
    """Until the transaction ends, no other writes the document of this name."""
    connection.execute("select pg_advisory_xact_lock(hashtextextended(current_schema() || '/' || %s, 1))", (name,))


def _one(connection: Connection[Any], sql: str, values: Any) -> Any:
    row = connection.execute(sql, values).fetchone()
    assert row is not None
    return row[0]
