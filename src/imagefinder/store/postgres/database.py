"""The connections to the database of an index: a pool, transactions that are tried again, and locks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from imagefinder._util.extras import require
from imagefinder.errors import IndexFolderError, IndexVersionError, UnreachableError
from imagefinder.store.postgres.address import Address
from imagefinder.store.postgres.payloads import from_json
from imagefinder.store.postgres.schema import MIGRATIONS
from imagefinder.store.postgres.trouble import is_lost, is_worth_another, ours

if TYPE_CHECKING:
    import psycopg

T = TypeVar("T")
OLDEST_SERVER, OLDEST_PGVECTOR = 14, (0, 8)  # iterative scans of an index came with pgvector 0.8
MOST_CONNECTIONS = 12
BACK_S = 20.0  # for a database that was away to come back
TRIES = 20  # of a transaction that others were in the way of


class Database:
    """The database of one index. Safe to use from several threads. All errors are those of ``errors.py``.

    Each call is a transaction of its own. It is tried again if another transaction was in its way, or if the connection
    was lost and the database is back within ``BACK_S`` seconds: so a call changes nothing that it would change
    differently the second time.
    """

    def __init__(self, address: Address) -> None:
        """Raises UnreachableError, UnauthorizedError, NotFoundError, or IndexFolderError where pgvector is missing or
        too old."""
        require("postgres", what="An index in PostgreSQL")
        self.address = address
        self._mine = threading.local()
        self._closed = False
        self._types = self._look()
        self._pool = self._make_pool()

    def _look(self) -> dict[str, tuple[int, int]]:
        """See what there is; the numbers of the types of vectors, by name."""
        with self._direct() as connection:
            version = connection.info.server_version // 10_000
            if version < OLDEST_SERVER:
                raise IndexFolderError(
                    f"{self.address.shown} is PostgreSQL {version}.", remedy=f"Use {OLDEST_SERVER} or newer."
                )
            there = connection.execute("select extversion from pg_extension where extname = 'vector'").fetchone()
            if there is None:
                there = self._make_extension(connection)
            if tuple(map(int, there[0].split(".")[:2])) < OLDEST_PGVECTOR:
                raise IndexFolderError(
                    f"The database of {self.address.shown} has pgvector {there[0]}, which can't search with filters.",
                    remedy="Install pgvector 0.8 or newer there, then run in it: ALTER EXTENSION vector UPDATE",
                )
            rows = connection.execute(
                "select t.typname, t.oid, t.typarray, n.nspname from pg_type t "
                "join pg_namespace n on n.oid = typnamespace "
                "join pg_extension e on e.extnamespace = n.oid and e.extname = 'vector' "
                "where typname in ('vector', 'halfvec')"
            ).fetchall()
            self._path = f'"{self.address.schema}", "{rows[0][3]}"'
            return {name: (oid, array) for name, oid, array, _ in rows}

    def _make_extension(self, connection: psycopg.Connection) -> tuple[str]:
        import psycopg

        try:
            connection.execute("create extension if not exists vector")
            found = connection.execute("select extversion from pg_extension where extname = 'vector'").fetchone()
        except psycopg.Error as error:
            raise IndexFolderError(
                f"The database of {self.address.shown} has no pgvector: {self.address.hide(str(error))[:300]}",
                remedy="Install pgvector on that server, then let an administrator run in it: CREATE EXTENSION vector",
            ) from error
        assert found is not None
        return (str(found[0]),)

    @contextmanager
    def _direct(self) -> Iterator[psycopg.Connection]:
        """A connection beside the pool."""
        import psycopg

        try:
            with psycopg.connect(**self._settings(), autocommit=True) as connection:
                yield connection
        except psycopg.Error as error:
            raise ours(error, self.address) from None

    def _settings(self) -> dict[str, Any]:
        return {"connect_timeout": "10", "application_name": "imagefinder", **self.address.settings}

    def _make_pool(self) -> Any:
        from psycopg_pool import ConnectionPool

        return ConnectionPool(
            kwargs={**self._settings(), "autocommit": True},
            min_size=1,
            max_size=MOST_CONNECTIONS,
            configure=self._configure,
            timeout=BACK_S,
            reconnect_timeout=BACK_S,
            name=f"imagefinder-{self.address.name}",
            open=True,
        )

    def _configure(self, connection: psycopg.Connection) -> None:
        from psycopg.types.json import set_json_loads

        from imagefinder.store.postgres.vectors import register

        connection.execute(f"set search_path to {self._path}")
        connection.execute("set jit to off")  # it takes longer than most queries
        connection.execute("set hnsw.iterative_scan to strict_order")
        connection.execute("set hnsw.ef_search to 100")
        connection.execute("set hnsw.max_scan_tuples to 200000")
        set_json_loads(from_json, connection)
        register(connection, self._types)

    # --- calls --------------------------------------------------------------------------------------------------------

    def read(self, call: Callable[[psycopg.Connection], T]) -> T:
        """The result of ``call`` with a connection, outside of a transaction: each statement sees all that was
        committed before it."""
        return self._again(call)

    def write(self, call: Callable[[psycopg.Connection], T]) -> T:
        """The result of ``call`` in a transaction, which is on the disk of the database when this returns."""

        def whole(connection: psycopg.Connection) -> T:
            with connection.transaction():
                return call(connection)

        return self._again(whole)

    def rows(self, sql: str, values: Any = (), *, binary: bool = False) -> list[tuple[Any, ...]]:
        """All rows of one statement."""
        return self.read(lambda c: c.cursor(binary=binary).execute(sql, values).fetchall())

    def do(self, sql: str) -> None:
        """Run one statement outside of a transaction."""
        self.read(lambda connection: connection.execute(sql))

    def _again(self, call: Callable[[psycopg.Connection], T]) -> T:
        import psycopg

        held: psycopg.Connection | None = getattr(self._mine, "connection", None)
        end, tries = time.monotonic() + BACK_S, 0
        while True:
            tries += 1
            try:
                if held is not None:
                    return call(held)
                with self._connection() as connection:
                    return call(connection)
            except psycopg.Error as error:
                if is_worth_another(error) and tries < TRIES:
                    time.sleep(0.002 * tries)
                elif held is not None or not is_lost(error) or time.monotonic() > end:
                    raise ours(error, self.address) from error
                else:
                    time.sleep(0.05)

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection]:
        from psycopg_pool import PoolClosed, PoolTimeout

        try:
            connection = self._pool.getconn()
        except PoolTimeout:
            with self._direct():  # says why
                pass
            raise UnreachableError(
                f"All {MOST_CONNECTIONS} connections to {self.address.shown} are busy.", code="busy"
            ) from None
        except PoolClosed:
            raise IndexFolderError(f"{self.address.shown} is closed.", remedy="Open it again.") from None
        try:
            yield connection
        finally:
            self._pool.putconn(connection)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All calls of this thread meanwhile are one transaction, which is not tried again."""
        import psycopg

        with self._held() as connection:
            try:
                with connection.transaction():
                    yield
            except psycopg.Error as error:
                raise ours(error, self.address) from error

    @contextmanager
    def _held(self) -> Iterator[psycopg.Connection]:
        """The connection that all calls of this thread go through meanwhile."""
        held: psycopg.Connection | None = getattr(self._mine, "connection", None)
        if held is not None:
            yield held
            return
        with self._connection() as connection:
            self._mine.connection = connection
            try:
                yield connection
            finally:
                self._mine.connection = None

    # --- locks --------------------------------------------------------------------------------------------------------

    @contextmanager
    def locked(self, name: str, *, wait: bool = True) -> Iterator[bool]:
        """Hold the lock ``name`` of this index, which no other thread or process holds meanwhile. Inside, this thread's
        calls go through the connection that holds the lock: when it is lost, they fail. Without ``wait``, yields
        whether the lock was free. One may be taken inside another, but not twice."""
        with self._held() as connection, self._lock(connection, name, wait) as taken:
            yield taken

    @contextmanager
    def _lock(self, connection: psycopg.Connection, name: str, wait: bool) -> Iterator[bool]:
        import psycopg

        key = f"{self.address.schema}:{name}"
        taken = True
        try:
            if wait:
                connection.execute("select pg_advisory_lock(hashtextextended(%s, 0))", (key,))
            else:
                row = connection.execute("select pg_try_advisory_lock(hashtextextended(%s, 0))", (key,)).fetchone()
                taken = bool(row and row[0])
        except psycopg.Error as error:
            raise ours(error, self.address) from error
        try:
            yield taken
        finally:
            if taken and not connection.closed:
                try:
                    connection.execute("select pg_advisory_unlock(hashtextextended(%s, 0))", (key,))
                except psycopg.Error:
                    connection.close()  # and with it the lock ends

    # --- tables -------------------------------------------------------------------------------------------------------

    def exists(self) -> bool:
        """Whether there is such an index. Raises IndexVersionError where a newer ImageFinder made it."""
        there = bool(self.rows("select to_regclass(%s) is not null", (f'"{self.address.schema}".migrations',))[0][0])
        if there:
            self._check(int(self.rows("select coalesce(max(n), 0) from migrations")[0][0]))
        return there

    def _check(self, done: int) -> None:
        if done > len(MIGRATIONS):
            raise IndexVersionError(
                f"{self.address.shown} was made by a newer version of ImageFinder (schema {done}).",
                remedy="Upgrade with: pip install --upgrade imagefinder",
            )

    def make(self) -> None:
        """Make the tables of the index, or bring them up to date. Raises IndexVersionError where a newer ImageFinder
        made them."""

        def steps(connection: psycopg.Connection) -> None:
            schema = self.address.schema
            connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"{schema}:migrations",))
            connection.execute(f'create schema if not exists "{schema}"')
            connection.execute(
                "create table if not exists migrations (n int primary key, done timestamptz not null default now())"
            )
            row = connection.execute("select coalesce(max(n), 0) from migrations").fetchone()
            done = int(row[0]) if row else 0
            self._check(done)
            for n, step in enumerate(MIGRATIONS[done:], start=done + 1):
                connection.execute(step)
                connection.execute("insert into migrations (n) values (%s)", (n,))

        self.write(steps)

    def close(self) -> None:
        """Safe to call twice."""
        self._pool.close()
