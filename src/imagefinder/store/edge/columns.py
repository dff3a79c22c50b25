"""Columns of the payloads, kept in memory: read once, then brought up to date row by row after writes. To read a field
of a million payloads from the engine takes seconds, to look through a kept one a fraction of one. What is kept is
written when the store is closed, see ``column_files``."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from imagefinder.errors import StorageError
from imagefinder.store.coded import Coded
from imagefinder.store.edge.column_files import KEPT_FROM, Written, forget, is_much, write_columns, write_head
from imagefinder.store.filters.parse import And, Compare, Contains, Filter, Has, In, Not, Or, Says
from imagefinder.store.filters.predicate import matches
from imagefinder.store.words import ANY

MOST_FIELDS = 24  # of a million images one takes 4 MB, and what its values take
MOST_TOUCHED = 8  # a part of all rows: after a change of more, all is read again when it is next wanted
Columns: TypeAlias = dict[str, Coded]
AllRows: TypeAlias = Callable[[Sequence[str]], Mapping[str, Sequence[Any]]]
SomeRows: TypeAlias = Callable[[Sequence[str]], Mapping[str, Mapping[str, Any]]]


class KeptColumns:
    """``read_all(fields)`` gives columns in ascending order of id, as ``Store.columns``, ``read_some(ids)`` payloads by
    id, without those that are gone."""

    def __init__(self, read_all: AllRows, read_some: SomeRows) -> None:
        self._read_all, self._read_some = read_all, read_some
        self._ids = np.empty(0, "S36")
        self._columns: Columns = {}
        self._active = False  # something is kept, or is being read
        self._touched: set[str] = set()
        self._lost = False  # more was touched than is worth to be read again one by one
        self._written: Written | None = None  # what is on the disk
        self._since: set[str] = set()  # what was touched since that was written
        self._lock, self._touching = threading.RLock(), threading.Lock()

    def touch(self, ids: Iterable[str]) -> None:
        """These points are about to be changed, added or removed; nobody can read them until that is done."""
        with self._touching:
            if self._active and not self._lost:
                self._touched.update(ids)
                n = max(len(self._ids), written.n if (written := self._written) else 0)
                self._lost = len(self._touched) > 1000 + n // MOST_TOUCHED

    def clear(self) -> None:
        with self._touching:
            self._lost = True

    def begin(self, written: Written | None) -> None:
        """Use what was written of the store as it is now."""
        with self._touching:
            self._written, self._active = written, written is not None
            self._since = set(written.since if written else ())

    def write(self, home: Path, state: str) -> None:
        """Keep what is known for whoever opens the store next, in this state. Nothing may be written after."""
        with self._lock, self._touching:
            since, written = self._since | self._touched, self._written
            new = {field: one for field, one in self._columns.items() if not written or field not in written.files}
            n = max(len(self._ids), written.n if written else 0)
            if self._lost or n < KEPT_FROM or (not self._columns and is_much(since, n)):
                forget(home)
            elif written and not new and not is_much(since, n):
                if (written.state, set(written.since)) != (state, since):
                    with suppress(StorageError):
                        write_head(written, state, since)
            elif written and not since:
                write_columns(home, state, self._ids, new, (), written)
            elif self._columns:
                write_columns(home, state, self._ids, self._columns, self._touched, None)

    def has(self, fields: Collection[str]) -> bool:
        """Whether these fields are kept, or written."""
        known = {"id", *self._columns, *(written.files if (written := self._written) else ())}
        return len(known) > 1 and known.issuperset(fields)

    def get(self, fields: Collection[str]) -> tuple[np.ndarray, Columns]:
        """The ids, S36 (n) in ascending order, and the columns of these fields. They are not changed later."""
        wanted = [field for field in dict.fromkeys(fields) if field != "id"] or ["uri"]
        with self._lock:
            self._catch_up()
            while missing := [field for field in wanted if field not in self._columns]:
                self._add(missing)
                self._catch_up()
            for field in wanted:  # the one used last stays longest
                self._columns[field] = self._columns.pop(field)
            while len(self._columns) > max(MOST_FIELDS, len(wanted)):
                self._columns.pop(next(iter(self._columns)))
            return self._ids, {field: self._columns[field] for field in wanted}

    def _add(self, fields: Sequence[str]) -> None:
        with self._touching:
            self._active = True  # from now on; so what is written while all is read will be read again
        left = self._add_written(fields)
        if not left:
            return
        read = self._read_all(["id", *left])
        ids = np.array(read["id"], "S36")
        for field in left:
            self._align(field, ids, Coded.of(read[field]))

    def _add_written(self, fields: Sequence[str]) -> list[str]:
        """Those that are not on the disk, or not whole."""
        written = self._written
        if not written or written.files.keys().isdisjoint(fields):
            return list(fields)
        ids = written.ids()
        found = {field: column for field in fields if (column := written.column(field))}
        with self._touching:
            self._written = None if ids is None else written.without(written.files.keys() & set(fields) - found.keys())
            self._touched |= self._since
        if ids is None:
            return list(fields)
        for field, column in found.items():
            self._align(field, ids, column)
        return [field for field in fields if field not in found]

    def _align(self, field: str, ids: np.ndarray, column: Coded) -> None:
        """Keep a column of these ids. What came or went since the other columns were read was touched."""
        if not self._columns:
            self._ids = ids
        at, there = _found(ids, self._ids)
        codes = np.full(len(self._ids), -1, np.int32)
        codes[there] = column.codes[at[there]]
        self._columns[field] = Coded(codes, column.values)

    def _catch_up(self) -> None:
        with self._touching:
            touched, self._touched = self._touched, set()
            lost, self._lost = self._lost, False
            if self._written:
                self._since |= touched
            if lost:
                self._columns, self._ids, self._active = {}, np.empty(0, "S36"), False
                self._written, self._since = None, set()
        if lost or not touched:
            return
        payloads = self._read_some(sorted(touched))
        wanted = np.array(sorted(touched), "S36")
        at, there = _found(self._ids, wanted)
        known = np.array([one.decode() in payloads for one in wanted], bool)
        gone, came, kept = at[there & ~known], wanted[~there & known], wanted[there & known]
        ids = np.delete(self._ids, gone)
        places = np.searchsorted(ids, came)
        self._ids = np.insert(ids, places, came)
        rows = np.searchsorted(self._ids, kept)
        for field, former in list(self._columns.items()):
            new, again = _values(field, came, payloads), _values(field, kept, payloads)
            self._columns[field] = former.changed(gone, places, new, rows, again)


def _found(ids: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each wanted id is among ``ids``, int64 (n), and whether it is there, bool (n)."""
    at = np.searchsorted(ids, wanted)
    there = np.zeros(len(wanted), bool)
    inside = at < len(ids)
    there[inside] = ids[at[inside]] == wanted[inside]
    return at, there


def _values(field: str, ids: np.ndarray, payloads: Mapping[str, Mapping[str, Any]]) -> list[Any]:
    return [payloads[one.decode()].get(field) for one in ids]


def fields_of(filter: Filter) -> set[str] | None:
    """The fields that a filter reads, where each part of it reads one; None otherwise."""
    match filter:
        case And(parts) | Or(parts):
            inner = [fields_of(part) for part in parts]
            return None if None in inner else set().union(*(one for one in inner if one))
        case Not(part):
            return fields_of(part)
        case Says(field) if field in (ANY, "name"):
            return None
        case Compare() | In() | Contains() | Has() | Says():
            return {filter.field}
    return None


def matching(filter: Filter, columns: Columns, n: int) -> np.ndarray:
    """Which rows fulfil a filter by ``predicate.matches``, bool (n)."""
    match filter:
        case And(parts):
            every: np.ndarray = np.all([matching(part, columns, n) for part in parts], axis=0)
            return every
        case Or(parts):
            some: np.ndarray = np.any([matching(part, columns, n) for part in parts], axis=0)
            return some
        case Not(part):
            return ~matching(part, columns, n)
    (field,) = fields_of(filter) or ("",)
    return columns[field].where(lambda value: matches(filter, {field: value}))


def listed(fields: Sequence[str], ids: np.ndarray, columns: Columns, rows: np.ndarray | None) -> dict[str, list[Any]]:
    """Columns as ``Store.columns`` gives them, of these rows, bool (n), None for all. Whoever gets them may change
    them."""

    def one(field: str) -> list[Any]:
        if field == "id":
            return list((ids if rows is None else ids[rows]).astype("U36").tolist())
        found = columns[field].objects(rows).tolist()
        return [list(v) if type(v) is list else v for v in found] if list in set(map(type, found)) else list(found)

    return {field: one(field) for field in fields}
