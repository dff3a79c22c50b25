"""The tables of an index, made and brought up to date step by step. A step is never changed after its release.

Servers are upgraded one after the other, so a step is taken while servers of the version before go on, and some of them
may be started once more. What they can live with says so: its ``needs`` is that of the step before. Such a step adds a
table, a column that may be null or has a constant default, or an index; it renames, drops and rewrites nothing, and it
takes no longer than ``WAIT_S``. What is not needed any more is dropped by a later version. A step that needs itself
makes all older versions refuse the index, so that all servers have to be stopped for it.
"""

from __future__ import annotations

from typing import NamedTuple

IN_ROW = 3900  # bytes of a vector
WAIT_S = 2  # for a lock on a table, behind which all others wait meanwhile; then it is tried again
SLOTS = 64  # rows of counters: connections that write at once seldom share one

_TABLES = f"""
create table points (
    id uuid primary key,
    payload jsonb not null,
    spelt jsonb not null,        -- what its texts spell, see payloads.py
    said int not null            -- how many words its texts say
);
create index points_payload on points using gin (payload jsonb_path_ops);
create table said (              -- the words of the points' texts
    word int not null,
    id uuid not null,
    n int not null,              -- how often it is said
    length int not null,         -- among how many words
    primary key (word, id) include (n, length)
);
create index said_id on said (id);
create table vectors (           -- the points' named vectors, each in a table vector_N of its own
    n int generated always as identity,
    name text collate "C" primary key,
    dim int not null,
    dtype text not null,
    metric text not null,
    searchable boolean not null
);
create table totals (            -- each is the sum of its rows
    slot int primary key,
    writes bigint not null,      -- changes so far
    texts bigint not null,       -- points that say something
    words bigint not null        -- how many words they say
) with (fillfactor = 10);
insert into totals select n, 0, 0, 0 from generate_series(0, {SLOTS - 1}) n;
create table documents (
    name text collate "C" primary key,
    version bigint not null,
    content bytea not null
);
create sequence versions;        -- of documents and of lines alike
create table lines (             -- added to documents since they were written whole
    n bigint primary key default nextval('versions'),
    name text collate "C" not null,
    content bytea not null
);
create index lines_name on lines (name, n);
"""

_COUNTERS = f"""
create function count_write(more_texts bigint, more_words bigint) returns void language sql as $$
    update totals set writes = writes + 1, texts = texts + more_texts, words = words + more_words
    where slot = pg_backend_pid() % {SLOTS}
$$;
create function count_insert() returns trigger language plpgsql as $$ begin
    perform count_write(count(*) filter (where said > 0), coalesce(sum(said), 0)) from after;
    return null;
end $$;
create function count_update() returns trigger language plpgsql as $$ begin
    perform count_write(coalesce(sum(sign) filter (where said > 0), 0), coalesce(sum(said * sign), 0)) from
        (select said, 1 as sign from after union all select said, -1 from before) changed;
    return null;
end $$;
create function count_delete() returns trigger language plpgsql as $$ begin
    delete from said using before where said.id = before.id;
    perform count_write(-count(*) filter (where said > 0), -coalesce(sum(said), 0)) from before;
    return null;
end $$;
create function count_vectors() returns trigger language plpgsql as $$ begin
    perform count_write(0, 0);
    return null;
end $$;
create trigger count_insert after insert on points
    referencing new table as after for each statement execute function count_insert();
create trigger count_update after update on points
    referencing old table as before new table as after for each statement execute function count_update();
create trigger count_delete after delete on points
    referencing old table as before for each statement execute function count_delete();
"""


class Step(NamedTuple):
    """One step; ``needs`` is the last step that a program must know to use the tables from then on."""

    sql: str
    needs: int


MIGRATIONS = (Step(_TABLES + _COUNTERS, needs=1),)


def vector_table(n: int) -> str:
    return f"vector_{n}"


def make_vector_table(n: int, kind: str, n_bytes: int) -> str:
    """The table of one named vector, of the database's type ``kind``: so a change of a payload touches none of its
    indexes, and dropping it costs nothing. Vectors of ``n_bytes`` lie in the rows themselves where a page holds two."""
    table = vector_table(n)
    return f"""
    create table {table} (id uuid primary key references points on delete cascade, v {kind} not null);
    alter table {table} alter v set storage {"plain" if n_bytes <= IN_ROW else "external"};
    create trigger count_vectors after insert or update on {table} for each statement execute function count_vectors();
    """
