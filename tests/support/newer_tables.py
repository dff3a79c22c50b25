"""One more step for the tables in PostgreSQL, as a later version might have it."""

from __future__ import annotations

NEWER = """
alter table points add column seen int not null default 0;
create table seen (id uuid primary key references points on delete cascade, at timestamptz not null default now());
create index points_seen on points (seen);
"""
