"""The reading methods of the store in PostgreSQL: queries, scrolls, counts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from imagefinder.errors import InvalidInputError, NotFoundError
from imagefinder.store.base import Matches, Point, ScoredPoint, VectorParams
from imagefinder.store.checks import canonical_ids, checked_batch, checked_window, known
from imagefinder.store.filters.parse import Filter
from imagefinder.store.postgres.database import Database
from imagefinder.store.postgres.filters import Where
from imagefinder.store.postgres.payloads import hidden, signed
from imagefinder.store.postgres.schema import vector_table
from imagefinder.store.postgres.vectors import asked, read
from imagefinder.store.words import K1, B, numbers_of

if TYPE_CHECKING:
    from psycopg import Connection

T = TypeVar("T")
COLUMNS_AT_ONCE = 5000  # rows that are read from the database together
MOST_FIELDS = 90  # that one call of the database takes
MOST_COUNTS = 100
# With a filter, so many times the hits wanted are tried first, if they are not more than that. Where no more than that
# share of them match, all vectors are compared: an index would be gone through for long, and give up.
FIRST, LEAST_FIRST, MOST_FIRST, RARE = 10, 200, 2000, 0.01

_MATCH = f"""
with found as materialized (select word, id, n, length from said where word = any(%(words)s::int[])),
every as (select sum(texts)::float8 texts, sum(words)::float8 / greatest(sum(texts), 1)::float8 mean from totals),
counted as (
    select a.word, coalesce(c.n, 0) n from unnest(%(words)s::int[]) a(word)
    left join (select word, count(*) n from found group by word) c using (word)
),
rare as (select c.word, c.n, ln(1 + (e.texts - c.n + 0.5) / (c.n + 0.5)) idf from counted c, every e),
scored as (
    select f.id, sum(r.idf * f.n * {K1 + 1} / (f.n + {K1} * ({1 - B} + {B} * f.length / e.mean)) order by f.word) score
    from found f join rare r using (word) cross join every e group by f.id
)
select id::text, s.score, (select sum(case when n > 0 then idf else idf / 2 end) from rare) from scored s
{{where}} order by s.score desc, id desc limit %(k)s
"""


class Vector(NamedTuple):
    """A named vector: the number of its table, and its settings."""

    n: int
    params: VectorParams

    @property
    def table(self) -> str:
        return vector_table(self.n)


class PostgresReader:
    """The reading methods. Any number of threads and processes may read and write at once."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, Vector] = {}
        self._counted: tuple[int, dict[str, int]] = (-1, {})  # counts by filter, and the number of writes they are of

    @property
    def writes(self) -> int:
        return int(self._database.rows("select sum(writes) from totals")[0][0])

    def vectors(self) -> Mapping[str, VectorParams]:
        self._look()
        return {name: vector.params for name, vector in self._known.items()}

    def _look(self) -> None:
        rows = self._database.rows("select name, n, dim, dtype, metric, searchable from vectors order by name")
        self._known = {name: Vector(n, VectorParams(*params)) for name, n, *params in rows}

    def _with_vectors(self, names: Collection[str], call: Callable[[Mapping[str, Vector]], T]) -> T:
        """The result of ``call`` with these named vectors. They are looked up again where another process may have
        changed them. Raises NotFoundError."""
        if any(name not in self._known for name in names):
            self._look()
        before = self._known
        try:
            return call(self._named(names))
        except (NotFoundError, InvalidInputError):  # a table is gone, or has other vectors
            self._look()
            if self._known == before:
                raise
        return call(self._named(names))

    def _named(self, names: Collection[str]) -> dict[str, Vector]:
        there = self._known
        for name in names:
            known({name: vector.params for name, vector in there.items()}, name)
        return {name: there[name] for name in names}

    def query(
        self,
        name: str,
        vector: np.ndarray,
        k: int,
        *,
        filter: Filter | None = None,
        offset: int = 0,
        min_score: float | None = None,
        exact: bool = False,
        exclude: Collection[str] = (),
        payload: bool = True,
    ) -> list[ScoredPoint]:
        checked_window(k, offset, min_score)
        where = Where(filter)

        def call(vectors: Mapping[str, Vector]) -> list[ScoredPoint]:
            here = vectors[name]
            query, scale = asked(name, vector, here.params)
            values = {**where.values, "q": query, "k": k, "offset": offset, "exclude": canonical_ids(exclude)}
            conditions = ["not v.id = any(%(exclude)s::uuid[])"] if values["exclude"] else []
            if min_score is not None:
                values["most"] = -min_score / scale
                conditions.append("v.v <#> %(q)b <= %(most)s")
            held = "p.payload from n join points p using (id)" if payload else "null from n"

            def found(first: int | None, plus: str = "+ 0" if exact else "") -> list[tuple[Any, ...]]:
                nearest = _nearest_sql(here.table, conditions, None if filter is None else where.sql, first, plus)
                return self._database.rows(
                    f"with {nearest} select n.id::text, n.d, {held} order by n.d, n.id", {**values, "first": first}
                )

            first = max(FIRST * (k + offset), LEAST_FIRST)
            tried = filter is not None and first <= MOST_FIRST
            rows = found(first) if tried else []
            if len(rows) < k and not (tried and len(rows) <= RARE * first):
                rows = found(None)
            if len(rows) < k:  # few match, or an index has given up before it came to all that do
                rows = found(None, "+ 0")
            return [ScoredPoint(id, -d * scale, held or {}) for id, d, held in rows]

        return self._with_vectors([name], call)

    def approximate(self, name: str) -> bool:
        def call(vectors: Mapping[str, Vector]) -> bool:
            sql = "select coalesce((select indisvalid from pg_index where indexrelid = to_regclass(%(name)s)), false)"
            return bool(self._database.rows(sql, {"name": f"{vectors[name].table}_hnsw"})[0][0])

        return self._with_vectors([name], call)

    def score(self, name: str, vector: np.ndarray, ids: Sequence[str]) -> dict[str, float]:
        def call(vectors: Mapping[str, Vector]) -> dict[str, float]:
            query, scale = asked(name, vector, vectors[name].params)
            rows = self._database.rows(
                f"select v.id::text, v.v <#> %(q)b from {vectors[name].table} v where v.id = any(%(ids)s::uuid[])",
                {"q": query, "ids": canonical_ids(ids)},
            )
            return {id: -d * scale for id, d in rows}

        return self._with_vectors([name], call)

    def match(self, text: str, k: int, *, filter: Filter | None = None, ids: Sequence[str] | None = None) -> Matches:
        checked_window(k, 0, None)
        words = [signed(n) for n in dict.fromkeys(numbers_of(text))]
        if not words:
            return Matches({})
        where = Where(filter)
        values: dict[str, Any] = {**where.values, "words": words, "k": k}
        sql = "where true" if filter is None else f"join points p using (id) where {where.sql}"
        if ids is not None:
            values |= {"ids": canonical_ids(ids), "k": len(ids)}
            sql += " and id = any(%(ids)s::uuid[])"
        rows = self._database.rows(_MATCH.format(where=sql), values)
        rest = rows[-1][1] if ids is None and len(rows) >= k else 0.0
        return Matches({id: score for id, score, _ in rows if score > rest}, rest, rows[0][2] if rows else 0.0)

    def retrieve(self, ids: Sequence[str], *, vectors: Sequence[str] = ()) -> list[Point]:
        keys = canonical_ids(ids)

        def call(named: Mapping[str, Vector]) -> list[Point]:
            sql = _points_sql(named, None, "p.id = any(%(ids)s::uuid[])")
            return self._points(named, sql, {"ids": keys})

        found = {point.id: point for point in self._with_vectors(vectors, call)}
        return [found[key] for key in keys if key in found]

    def scroll(
        self,
        *,
        filter: Filter | None = None,
        fields: Sequence[str] | None = None,
        vectors: Sequence[str] = (),
        batch: int = 1000,
        after: str | None = None,
    ) -> Iterator[list[Point]]:
        checked_batch(batch)
        self._with_vectors(vectors, lambda named: None)
        return self._scroll(Where(filter), fields, vectors, batch, after)

    def _scroll(
        self, where: Where, fields: Sequence[str] | None, vectors: Sequence[str], batch: int, after: str | None
    ) -> Iterator[list[Point]]:
        while True:
            start, values = after, {**where.values, "after": after, "batch": batch}
            values["fields"] = None if fields is None else [*map(hidden, fields)]
            beyond = "true" if start is None else "p.id > %(after)s::uuid"

            def call(
                named: Mapping[str, Vector], sql: str = f"{beyond} and {where.sql}", values: Any = values
            ) -> list[Point]:
                return self._points(named, f"{_points_sql(named, fields, sql)} order by p.id limit %(batch)s", values)

            points = self._with_vectors(vectors, call)
            if points:
                yield points
            if len(points) < batch:
                return
            after = points[-1].id

    def _points(self, named: Mapping[str, Vector], sql: str, values: Any) -> list[Point]:
        rows = self._database.rows(sql, values, binary=True)
        kinds = [(i, name, vector.params) for i, (name, vector) in enumerate(named.items(), start=2)]
        return [
            Point(row[0], row[1], {name: read(row[i], params) for i, name, params in kinds if row[i] is not None})
            for row in rows
        ]

    def columns(self, fields: Sequence[str], *, filter: Filter | None = None) -> dict[str, list[Any]]:
        where, held = Where(filter), [field for field in dict.fromkeys(fields) if field != "id"]
        parts = [held[i : i + MOST_FIELDS] for i in range(0, len(held), MOST_FIELDS)]
        values, arrays = dict(where.values), []
        for i, part in enumerate(parts):
            names = {f"c{i}_{j}": hidden(field) for j, field in enumerate(part)}
            values |= names
            arrays.append(f"jsonb_build_array({', '.join(f'p.payload -> %({name})s::text' for name in names)})")
        sql = f"select {', '.join(['p.id::text', *arrays])} from points p where {where.sql} order by p.id"
        columns: dict[str, list[Any]] = {field: [] for field in fields}
        for id, *lists in self._database.rows(sql, values):
            if "id" in columns:
                columns["id"].append(id)
            for part, found in zip(parts, lists, strict=True):
                for field, value in zip(part, found, strict=True):
                    columns[field].append(value)
        return columns

    def without_vector(self, name: str) -> list[str]:
        def call(vectors: Mapping[str, Vector]) -> list[str]:
            there = f"exists (select from {vectors[name].table} v where v.id = p.id)"
            return [
                id for (id,) in self._database.rows(f"select p.id::text from points p where not {there} order by p.id")
            ]

        return self._with_vectors([name], call)

    def count(self, filter: Filter | None = None) -> int:
        key, writes = str(filter), self.writes
        if writes != self._counted[0] or len(self._counted[1]) >= MOST_COUNTS:
            self._counted = writes, {}
        known = self._counted[1]
        if key not in known:
            where = Where(filter)
            known[key] = int(
                self._database.rows(f"select count(*) from points p where {where.sql}", where.values)[0][0]
            )
        return known[key]

    def _existing(self, connection: Connection[Any], keys: Sequence[str]) -> list[str]:
        """Those of these ids that there are, in ascending order, kept from going until the transaction ends."""
        sql = "select id::text from points where id = any(%s::uuid[]) order by id for no key update"
        return [id for (id,) in connection.execute(sql, ([*keys],)).fetchall()]


def _points_sql(named: Mapping[str, Vector], fields: Sequence[str] | None, where: str) -> str:
    """The points ``p`` for which ``where`` holds: id, payload (of it the ``fields``, which are the parameter of that
    name) and named vectors."""
    chosen = "select jsonb_object_agg(key, value) from jsonb_each(p.payload) where key = any(%(fields)s)"
    payload = "p.payload" if fields is None else f"coalesce(({chosen}), '{{}}')" if fields else "'{}'::jsonb"
    tables = [vector.table for vector in named.values()]
    joins = "".join(f" left join {table} on {table}.id = p.id" for table in tables)
    return (
        f"select {', '.join(['p.id::text', payload, *(f'{t}.v' for t in tables)])} from points p{joins} where {where}"
    )


def _nearest_sql(table: str, conditions: Sequence[str], filter: str | None, first: int | None, plus: str) -> str:
    """The nearest vectors as ``n``. The planner of the database does not know how many points match a filter, and where
    the vectors have no index it tries the filter on every point. With ``first`` it is tried on so many of the nearest.
    """
    there = f"where {' and '.join(conditions) or 'true'}"
    near = f"select v.id, (v.v <#> %(q)b) {plus} d from {table} v"
    window = "limit %(k)s offset %(offset)s"
    if filter is None:
        return f"n as ({near} {there} order by d, id {window})"
    if first is None:
        return f"n as ({near} join points p on p.id = v.id {there} and {filter} order by d, v.id {window})"
    return (
        f"near as materialized ({near} {there} order by d, id limit %(first)s), "
        f"n as (select near.* from near join points p using (id) where {filter} order by d, id {window})"
    )
