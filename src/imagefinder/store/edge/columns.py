"""Columns of the payloads, kept in memory: read once, then brought up to date row by row after writes. To read a field
of a million payloads from the engine takes seconds, to look through a kept one a fraction of one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from imagefinder.store.filters.parse import And, Compare, Contains, Filter, Has, In, Not, Or, Says
from imagefinder.store.filters.predicate import matches
from imagefinder.store.words import ANY

MOST_FIELDS = 24  # of a million images one takes 8 MB, and what its values take: each is kept once
MOST_TOUCHED = 8  # a part of all rows: after a change of more, all is read again when it is next wanted
MOST_KNOWN = 100_000  # values of which it is remembered whether they fulfil a filter
Columns: TypeAlias = dict[str, np.ndarray]
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
        self._lock, self._touching = threading.RLock(), threading.Lock()

    def touch(self, ids: Iterable[str]) -> None:
        """These points are about to be changed, added or removed; nobody can read them until that is done."""
        with self._touching:
            if self._active and not self._lost:
                self._touched.update(ids)
                self._lost = len(self._touched) > 1000 + len(self._ids) // MOST_TOUCHED

    def clear(self) -> None:
        with self._touching:
            self._lost = True

    def has(self, fields: Collection[str]) -> bool:
        """Whether these fields are kept."""
        return bool(self._columns) and all(field == "id" or field in self._columns for field in fields)

    def get(self, fields: Collection[str]) -> tuple[np.ndarray, Columns]:
        """The ids, S36 (n) in ascending order, and the columns of these fields, objects (n), None where a point has no
        value. They are not changed later."""
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
        read = self._read_all(["id", *fields])
        ids = np.array(read["id"], "S36")
        if not self._columns:
            self._ids = ids
        at, there = _found(ids, self._ids)
        for field in fields:
            column = np.empty(len(self._ids), object)  # what came or went since the other columns were read was touched
            column[there] = _once(read[field])[at[there]]
            self._columns[field] = column

    def _catch_up(self) -> None:
        with self._touching:
            touched, self._touched = self._touched, set()
            lost, self._lost = self._lost, False
            if lost:
                self._columns, self._ids, self._active = {}, np.empty(0, "S36"), False
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
            column = np.insert(np.delete(former, gone), places, _values(field, came, payloads))
            column[rows] = _values(field, kept, payloads)
            self._columns[field] = column


def _found(ids: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each wanted id is among ``ids``, int64 (n), and whether it is there, bool (n)."""
    at = np.searchsorted(ids, wanted)
    there = np.zeros(len(wanted), bool)
    inside = at < len(ids)
    there[inside] = ids[at[inside]] == wanted[inside]
    return at, there


def _values(field: str, ids: np.ndarray, payloads: Mapping[str, Mapping[str, Any]]) -> np.ndarray:
    found = np.empty(len(ids), object)
    for i, one in enumerate(ids):
        found[i] = payloads[one.decode()].get(field)
    return found


def _once(column: Sequence[Any]) -> np.ndarray:
    """A column as an array, equal texts as one object."""
    known: dict[str, str] = {}
    found = np.empty(len(column), object)
    for i, value in enumerate(column):
        found[i] = known.setdefault(value, value) if isinstance(value, str) else value
    return found


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
    known: dict[Any, bool] = {}
    found = np.empty(n, bool)
    for i, value in enumerate(columns[field]):
        key = (type(value), value) if not isinstance(value, list | dict) else None
        fits = None if key is None else known.get(key)
        if fits is None:
            fits = matches(filter, {field: value})
            if key is not None and len(known) < MOST_KNOWN:
                known[key] = fits
        found[i] = fits
    return found


def listed(fields: Sequence[str], ids: np.ndarray, columns: Columns, rows: np.ndarray | None) -> dict[str, list[Any]]:
    """Columns as ``Store.columns`` gives them, of these rows, bool (n), None for all. Whoever gets them may change
    them."""

    def one(field: str) -> list[Any]:
        if field == "id":
            return list((ids if rows is None else ids[rows]).astype("U36").tolist())
        found = (columns[field] if rows is None else columns[field][rows]).tolist()
        return [list(v) if type(v) is list else v for v in found] if list in set(map(type, found)) else list(found)

    return {field: one(field) for field in fields}
