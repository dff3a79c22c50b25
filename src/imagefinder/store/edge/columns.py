"""Columns of the payloads, kept in memory: read once, then brought up to date row by row after writes. To read the
payloads of a million points from the engine takes many seconds, to look through a kept column a fraction of one. So of
many points the first look reads all fields at once. What is kept is also written beside the store, see
``column_keeping``."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from imagefinder.store.coded import Coded, Coding
from imagefinder.store.edge.column_files import IDS, Written

MOST_FIELDS = 40  # of a million images one takes 4 MB, and what its values take
MOST_BYTES_EACH = 64  # on average of all points: fields that nobody asked for are kept if their values take less
MOST_TOUCHED = 8  # a part of all rows: after a change of more, all is read again when it is next wanted
Columns: TypeAlias = dict[str, Coded]
AllRows: TypeAlias = Callable[[Sequence[str]], Iterator[tuple[list[str], list[Mapping[str, Any]]]]]
SomeRows: TypeAlias = Callable[[Sequence[str]], Mapping[str, Mapping[str, Any]]]


class KeptColumns:
    """``read_all(fields)`` gives ids and payloads in ascending order of id, a part at a time, with these fields at
    least, ``read_some(ids)`` payloads by id, without those that are gone."""

    def __init__(self, read_all: AllRows, read_some: SomeRows) -> None:
        self._read_all, self._read_some = read_all, read_some
        self._ids = np.empty(0, "S36")
        self._columns: Columns = {}
        self._active = False  # something is kept, or is being read
        self._touched: set[str] = set()
        self._lost = False  # more was touched than is worth to be read again one by one
        self._written: Written | None = None  # what is on the disk
        self._named: dict[str, set[str]] = {}  # of each column there, what was made of its values
        self._ids_read: tuple[object, np.ndarray] | None = None  # the ids there, and their file
        self._since: set[str] = set()  # what was touched since that was written
        self._lock, self._touching = threading.RLock(), threading.Lock()

    def touch(self, ids: Collection[str]) -> None:
        """These points are about to be changed, added or removed; nobody can read them until that is done."""
        with self._touching:
            if self._active and not self._lost:
                self._touched.update(ids)
                self._lost = len(self._touched) > 1000 + self._n // MOST_TOUCHED
            self._tell(ids)

    def clear(self) -> None:
        with self._touching:
            self._lost = True
            self._tell(())

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

    @property
    def _n(self) -> int:
        return max(len(self._ids), written.n if (written := self._written) else 0)

    def _tell(self, ids: Collection[str]) -> None:
        """Say on the disk what is touched."""

    def _add(self, fields: Sequence[str]) -> None:
        with self._touching:
            self._active = True  # from now on; so what is written while all is read will be read again
        if left := self._add_written(fields):
            there = {*self._columns, *(self._written.files if self._written else ())}
            ids, columns = _coded(self._read_all(left), left, there)
            for field, column in columns.items():
                self._align(field, ids, column)

    def _add_written(self, fields: Sequence[str]) -> list[str]:
        """Those that are not on the disk, or not whole."""
        written = self._written
        if not written or written.files.keys().isdisjoint(fields):
            return list(fields)
        ids = self._ids_of(written)
        found = {field: column for field in fields if (column := written.column(field))}
        with self._touching:
            self._written = None if ids is None else written.without(written.files.keys() & set(fields) - found.keys())
            self._touched |= self._since
        if ids is None:
            return list(fields)
        for field, column in found.items():
            self._align(field, ids, column)
            self._named[field] = set(column.made)
        return [field for field in fields if field not in found]

    def _ids_of(self, written: Written) -> np.ndarray | None:
        """They are read once."""
        file = written.files.get(IDS)
        if self._ids_read is None or self._ids_read[0] != file:
            ids = written.ids()
            self._ids_read = None if ids is None else (file, ids)
        return self._ids_read[1] if self._ids_read else None

    def _align(self, field: str, ids: np.ndarray, column: Coded) -> None:
        """Keep a column of these ids. What came or went since the other columns were read was touched."""
        if not self._columns:
            self._ids = ids
        if not _same(ids, self._ids):
            at, there = _found(ids, self._ids)
            codes = np.full(len(self._ids), -1, np.int32)
            codes[there] = column.codes[at[there]]
            column = Coded(codes, column.values, column.made)
        self._columns[field] = column

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
        ids = np.delete(self._ids, gone) if len(gone) else self._ids
        places = np.searchsorted(ids, came)
        self._ids = np.insert(ids, places, came) if len(came) else ids
        rows = np.searchsorted(self._ids, kept)
        for field, former in list(self._columns.items()):
            new, again = _values(field, came, payloads), _values(field, kept, payloads)
            self._columns[field] = former.changed(gone, places, new, rows, again)


def _coded(
    rows: Iterable[tuple[list[str], list[Mapping[str, Any]]]], wanted: Sequence[str], there: Collection[str]
) -> tuple[np.ndarray, Columns]:
    """The ids, the wanted columns, and others that are not ``there`` if they are small and there is room."""
    ids = [np.empty(0, "S36")]
    codings = {field: Coding() for field in wanted}
    n, large = 0, set(there)
    for keys, payloads in rows:
        room = MOST_FIELDS - len(there) - len(codings)
        if room > 0:
            new = dict.fromkeys(field for payload in payloads for field in payload)
            for field in [field for field in new if field not in codings and field not in large][:room]:
                codings[field] = Coding()
                codings[field].add([None] * n)
        n += len(keys)
        ids.append(np.array(keys, "S36"))
        for field, coding in list(codings.items()):
            coding.add([payload.get(field) for payload in payloads])
            if field not in wanted and coding.size > MOST_BYTES_EACH * (n + 1000):
                large.add(field)
                del codings[field]
    return np.concatenate(ids), {field: coding.done() for field, coding in codings.items()}


def _same(ids: np.ndarray, others: np.ndarray) -> bool:
    return ids is others or (len(ids) == len(others) and np.array_equal(ids.view(np.uint32), others.view(np.uint32)))


def _found(ids: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each wanted id is among ``ids``, int64 (n), and whether it is there, bool (n)."""
    at = np.searchsorted(ids, wanted)
    there = np.zeros(len(wanted), bool)
    inside = at < len(ids)
    there[inside] = ids[at[inside]] == wanted[inside]
    return at, there


def _values(field: str, ids: np.ndarray, payloads: Mapping[str, Mapping[str, Any]]) -> list[Any]:
    return [payloads[one.decode()].get(field) for one in ids]


def listed(fields: Sequence[str], ids: np.ndarray, columns: Columns, rows: np.ndarray | None) -> dict[str, list[Any]]:
    """Columns as ``Store.columns`` gives them, of these rows, bool (n), None for all. Whoever gets them may change
    them."""

    def one(field: str) -> list[Any]:
        if field == "id":
            return list((ids if rows is None else ids[rows]).astype("U36").tolist())
        found = columns[field].objects(rows).tolist()
        return [list(v) if type(v) is list else v for v in found] if list in set(map(type, found)) else list(found)

    return {field: one(field) for field in fields}
