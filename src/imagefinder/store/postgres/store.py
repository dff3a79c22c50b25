"""The store in PostgreSQL, by pgvector: for many processes, on any machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from imagefinder.errors import IndexDamagedError, InvalidInputError, NotFoundError
from imagefinder.store.base import Point, VectorParams
from imagefinder.store.checks import (
    canonical_ids,
    checked_id,
    checked_new_vector,
    checked_payload,
    checked_points,
    checked_rows,
)
from imagefinder.store.fields import FIELD_KINDS, Kind
from imagefinder.store.postgres.address import Address
from imagefinder.store.postgres.database import Database
from imagefinder.store.postgres.payloads import hidden, said, spelt_in, to_json
from imagefinder.store.postgres.reader import PostgresReader, Vector
from imagefinder.store.postgres.schema import make_vector_table
from imagefinder.store.postgres.vectors import INDEXED, MOST, TYPES, stored

if TYPE_CHECKING:
    from psycopg import Connection

HNSW_FROM = 50_000  # points; up to here an exact search takes some 20 ms
AT_ONCE = 8 * 1024**2  # bytes of vectors in one statement
MERGED_AT_ONCE = 2000  # points whose payloads change in one transaction

# A graph that outgrows this memory is finished on the disk, which takes about three times as long.
_GRAPH_MEMORY = """
select set_config('maintenance_work_mem', greatest(setting::bigint, 512 * 1024) || 'kB', false)
from pg_settings where name = 'maintenance_work_mem'
"""
_UPSERT = """
insert into points (id, payload, spelt, said)
select id::uuid, payload::jsonb, spelt::jsonb, said from unnest(%s::text[], %s::text[], %s::text[], %s::int[])
    t(id, payload, spelt, said)
on conflict (id) do update set payload = excluded.payload, spelt = excluded.spelt, said = excluded.said
"""
_UPDATE = """
update points p set payload = t.payload::jsonb, spelt = t.spelt::jsonb, said = t.said
from unnest(%s::text[], %s::text[], %s::text[], %s::int[]) t(id, payload, spelt, said) where p.id = t.id::uuid
"""
_SAY = """
insert into said (id, length, word, n)
select id::uuid, length, word, n from unnest(%s::text[], %s::int[], %s::int[], %s::int[]) t(id, length, word, n)
"""


class PostgresStore(PostgresReader):
    """Points in tables of a schema of their own. Fulfils ``base.Store``, for any number of threads and processes.

    When a write returns, it is on the disk of the database; half a batch is never seen. Search is exact up to
    ``HNSW_FROM`` points; beyond, ``optimize`` makes an HNSW index, which new points then join by themselves.
    """

    def __init__(self, database: Database, *, shared: bool = False) -> None:
        super().__init__(database)
        self._shared = shared  # others close it

    @classmethod
    def create(cls, place: Any) -> PostgresStore:
        """A new, empty store at this address, in a database that exists. Raises InvalidInputError if there are points
        already, and what ``Database`` raises."""
        store = cls(Database(Address.read(str(place))))
        try:
            store._database.make()
            if store.count() or store.vectors():
                raise InvalidInputError(
                    f"{store._database.address.shown} is not empty.", remedy="Open it, or choose another name."
                )
        except BaseException:
            store.close()
            raise
        return store

    @classmethod
    def open(cls, place: Any) -> PostgresStore:
        """The store at this address. Raises IndexDamagedError where it is missing, and what ``Database`` raises."""
        database = Database(Address.read(str(place)))
        try:
            if not database.exists():
                raise IndexDamagedError(
                    f"The points of {database.address.shown} are missing.", remedy="Restore them from a backup."
                )
            database.make()
        except BaseException:
            database.close()
            raise
        return cls(database)

    def start_over(self, vectors: Mapping[str, VectorParams]) -> None:
        for name, params in vectors.items():
            _check_new(name, params)

        def work(connection: Connection[Any]) -> None:
            _lock_vectors(connection)
            for (n,) in connection.execute("select n from vectors").fetchall():
                connection.execute(f"drop table {Vector(n, VectorParams(1)).table}")
            connection.execute("delete from vectors")
            connection.execute("delete from points")
            for name, params in vectors.items():
                _add_vector(connection, name, params)

        self._database.write(work)
        self._look()

    def create_vector(self, name: str, params: VectorParams) -> None:
        _check_new(name, params)

        def work(connection: Connection[Any]) -> None:
            _lock_vectors(connection)
            sql = "select dim, dtype, metric, searchable from vectors where name = %s"
            found = connection.execute(sql, (name,)).fetchone()
            if found is None:
                _add_vector(connection, name, params)
            elif VectorParams(*found) != params:
                raise InvalidInputError(f"There is a vector {name!r} already, with {VectorParams(*found)}.")

        self._database.write(work)
        self._look()

    def drop_vector(self, name: str) -> None:
        def work(connection: Connection[Any]) -> None:
            _lock_vectors(connection)
            for (n,) in connection.execute("delete from vectors where name = %s returning n", (name,)).fetchall():
                connection.execute(f"drop table {Vector(n, VectorParams(1)).table}")
                connection.execute("select count_write(0, 0)")

        self._with_vectors([name], lambda named: self._database.write(work))
        self._look()

    def upsert(self, points: Sequence[Point]) -> None:
        names = list(dict.fromkeys(name for point in points for name in point.vectors))

        def call(named: Mapping[str, Vector]) -> None:
            checked = checked_points(points, {name: vector.params for name, vector in named.items()})
            rows = iter(sorted(checked, key=lambda point: point.id))  # all lock in one order
            while chunk := list(islice(rows, _at_once(named))):
                self._database.write(partial(self._put, points=chunk, named=named))

        self._with_vectors(names, call) if names else call({})

    def _put(self, connection: Connection[Any], points: Sequence[Point], named: Mapping[str, Vector]) -> None:
        _keep(connection, _UPSERT, {point.id: point.payload for point in points})
        for name, vector in self._all(connection).items():
            held = [point for point in points if name in point.vectors]
            if len(held) < len(points):
                gone = [point.id for point in points if name not in point.vectors]
                connection.execute(f"delete from {vector.table} where id = any(%s::uuid[])", (gone,))
            if held:
                rows = np.stack([point.vectors[name] for point in held])
                _set(connection, vector, [point.id for point in held], rows)

    def _all(self, connection: Connection[Any]) -> dict[str, Vector]:
        rows = connection.execute("select name, n, dim, dtype, metric, searchable from vectors").fetchall()
        return {name: Vector(n, VectorParams(*params)) for name, n, *params in rows}

    def set_vectors(self, name: str, ids: Sequence[str], array: np.ndarray) -> None:
        def call(named: Mapping[str, Vector]) -> None:
            rows = checked_rows(name, array, named[name].params, len(ids))
            last = dict(zip([checked_id(id) for id in ids], rows, strict=True))
            keys = iter(sorted(last))
            self._database.read(lambda connection: self._want(connection, list(last)))
            while chunk := list(islice(keys, _at_once(named))):
                self._database.write(partial(put, vector=named[name], keys=chunk, last=last))

        def put(connection: Connection[Any], vector: Vector, keys: list[str], last: Mapping[str, np.ndarray]) -> None:
            self._want(connection, keys)
            _set(connection, vector, keys, np.stack([last[key] for key in keys]))

        self._with_vectors([name], call)

    def _want(self, connection: Connection[Any], keys: Sequence[str]) -> None:
        there = set(self._existing(connection, keys))
        for key in keys:
            if key not in there:
                raise NotFoundError(f"There is no point with the id {key}.")

    def set_payload(self, id: str, payload: Mapping[str, Any]) -> None:
        checked_payload(payload)
        key = checked_id(id)

        def work(connection: Connection[Any]) -> None:
            self._want(connection, [key])
            _keep(connection, _UPDATE, {key: payload})

        self._database.write(work)

    def merge_payload(self, ids: Sequence[str], payload: Mapping[str, Any]) -> None:
        checked_payload(payload)
        keys = iter(sorted(set(canonical_ids(ids))))
        numbers = all(FIELD_KINDS.get(field) is Kind.NUMBER for field in payload)
        merge = _merge_numbers if numbers else _merge
        while chunk := list(islice(keys, MERGED_AT_ONCE)):
            self._database.write(partial(merge, keys=chunk, changes=payload))

    def delete(self, ids: Sequence[str]) -> None:
        if keys := sorted(canonical_ids(ids)):
            self._database.write(lambda c: c.execute("delete from points where id = any(%s::uuid[])", (keys,)) and None)

    def want_room(self, n_bytes: int = 0) -> None:
        """Nothing: a database does not say how much room it has."""

    def optimize(self) -> None:
        """Make the HNSW indexes that are missing, while others write, and have the database count anew."""
        for vector in self._database.read(self._all).values():
            if vector.params.searchable and vector.params.dim <= INDEXED[vector.params.dtype]:
                self._database.read(partial(_index, vector=vector))
            self._database.do(f"analyze {vector.table}")
        self._database.do("analyze points")

    def close(self) -> None:
        if not self._shared:
            self._database.close()


def _check_new(name: str, params: VectorParams) -> None:
    checked_new_vector(name, params)
    if params.dim > MOST:
        raise InvalidInputError(f"pgvector stores vectors of up to {MOST:,} dimensions, not {params.dim}.")


def _lock_vectors(connection: Connection[Any]) -> None:
    """Until the transaction ends, no other changes which named vectors there are."""
    connection.execute("lock table vectors in share row exclusive mode")


def _add_vector(connection: Connection[Any], name: str, params: VectorParams) -> None:
    sql = "insert into vectors (name, dim, dtype, metric, searchable) values (%s, %s, %s, %s, %s) returning n"
    values = (name, params.dim, params.dtype, params.metric, params.searchable)
    row = connection.execute(sql, values).fetchone()
    assert row is not None
    size = 2 if params.dtype == "float16" else 4
    table = make_vector_table(row[0], f"{TYPES[params.dtype]}({params.dim})", size * params.dim)
    connection.execute(table)


def _set(connection: Connection[Any], vector: Vector, ids: list[str], rows: np.ndarray) -> None:
    kind = TYPES[vector.params.dtype]
    connection.execute(
        f"insert into {vector.table} (id, v) select id::uuid, v from unnest(%s::text[], %b::{kind}[]) t(id, v) "
        "on conflict (id) do update set v = excluded.v",
        (ids, stored(rows, vector.params)),
    )


def _merge(connection: Connection[Any], keys: Sequence[str], changes: Mapping[str, Any]) -> None:
    sql = "select id::text, payload from points where id = any(%s::uuid[]) order by id for no key update"
    rows = connection.execute(sql, (keys,)).fetchall()
    merged = {id: {**payload, **changes} for id, payload in rows}
    kept = {id: {k: v for k, v in row.items() if k not in changes or v is not None} for id, row in merged.items()}
    if kept:
        _keep(connection, _UPDATE, kept)


def _merge_numbers(connection: Connection[Any], keys: Sequence[str], changes: Mapping[str, Any]) -> None:
    """The same for fields that hold no texts."""
    gone = [hidden(field) for field, value in changes.items() if value is None]
    new = to_json({field: value for field, value in changes.items() if value is not None})
    connection.execute("select from points where id = any(%s::uuid[]) order by id for no key update", (keys,))
    sql = "update points set payload = (payload - %s::text[]) || %s::jsonb where id = any(%s::uuid[])"
    connection.execute(sql, (gone, new, keys))


def _keep(connection: Connection[Any], sql: str, payloads: Mapping[str, Mapping[str, Any]]) -> None:
    """Store payloads by id, in the order of ids, with what they spell and say."""
    words = {id: said(payload) for id, payload in payloads.items()}
    lengths = {id: found.total() for id, found in words.items()}
    rows = payloads.values()
    connection.execute(sql, ([*payloads], [*map(to_json, rows)], [*map(spelt_in, rows)], [*lengths.values()]))
    connection.execute("delete from said where id = any(%s::uuid[])", ([*payloads],))
    flat = [(id, lengths[id], word, n) for id, found in words.items() for word, n in found.items()]
    if flat:
        connection.execute(_SAY, [[*column] for column in zip(*flat, strict=True)])


def _at_once(named: Mapping[str, Vector]) -> int:
    """How many points fit into one statement."""
    return max(1, AT_ONCE // (4 * sum(vector.params.dim for vector in named.values()) + 4096))


def _index(connection: Connection[Any], vector: Vector) -> None:
    """Make the HNSW index of a vector that has enough points and none yet."""
    name = f"{vector.table}_hnsw"
    row = connection.execute(
        "select (select indisvalid from pg_index where indexrelid = to_regclass(%s)), "
        f"(select count(*) from (select from {vector.table} limit {HNSW_FROM}) n)",
        (name,),
    ).fetchone()
    assert row is not None
    valid, n = row
    if valid or n < HNSW_FROM:
        return
    connection.execute(f"drop index concurrently if exists {name}")  # one that was cut short
    connection.execute(_GRAPH_MEMORY)
    operators = f"{TYPES[vector.params.dtype]}_ip_ops"
    connection.execute(f"create index concurrently {name} on {vector.table} using hnsw (v {operators})")
    connection.execute("reset maintenance_work_mem")
