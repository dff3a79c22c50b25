"""One field of many payloads: each value once, and a number per point."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from imagefinder.store.values import Values, joined, values_of

if TYPE_CHECKING:
    from imagefinder.store.base import Store

ROOM = 1000  # values that nothing has any more, beside as many as there are points, before they are removed
FEW = 50_000  # values that are each there once; of more, those that are read together, if half of all have the same


class Coded:
    """``values``, and of each point the position of its value, int32 (n), -1 where it has none. Of few values each is
    there once. Neither is changed later."""

    def __init__(self, codes: np.ndarray, values: Values, mapped: Mapping[str, Coded] | None = None) -> None:
        self.codes, self.values = codes, values
        self._known: dict[Any, int] | None = None
        self.made = dict(mapped or {})  # what was made of each value, by its name

    @classmethod
    def of(cls, column: Sequence[Any]) -> Coded:
        coding = Coding()
        coding.add(column)
        return coding.done()

    def changed(
        self, gone: np.ndarray, places: np.ndarray, came: Sequence[Any], rows: np.ndarray, kept: Sequence[Any]
    ) -> Coded:
        """Without the points ``gone``, then with others that ``came`` in at these ``places``, then with the values
        ``kept`` in these ``rows``."""
        codes = np.insert(np.delete(self.codes, gone), places, -1) if len(gone) + len(places) else self.codes
        new_rows = np.concatenate([places + np.arange(len(places)), rows]).astype(np.int64)
        new = [*came, *kept]
        before = codes[new_rows].tolist()
        told = [(row, v) for row, v, code in zip(new_rows.tolist(), new, before, strict=True) if not self._is(code, v)]
        if not told:
            return self if codes is self.codes else self._with(codes, self.values)
        coding = Coding(self)
        coding.add([value for _, value in told])
        found = coding.done()
        codes = codes.copy()
        codes[[row for row, _ in told]] = found.codes
        if len(found.values) > 2 * len(codes) + ROOM:
            used = np.unique(codes[codes >= 0])
            codes = np.where(codes < 0, -1, np.searchsorted(used, codes)).astype(np.int32)
            return Coded(codes, found.values.taken(used))
        found.codes = codes
        return found

    def mapped(self, name: str, made: Callable[[Any], Any]) -> Coded:
        """What is ``made`` of the value of each point, under this name."""
        found = self.each(name, made)
        return Coded(np.append(found.codes, np.int32(-1))[self.codes], found.values, found.made)

    def each(self, name: str, made: Callable[[Any], Any]) -> Coded:
        """What is ``made`` of each of ``values``, once, however often points change."""
        done = self.made.get(name)
        n = len(done.codes) if done else 0
        if done is None or n < len(self.values):
            coding = Coding(done)
            values = iter(self.values) if not n else iter(self.values.taken(np.arange(n, len(self.values))))
            while part := list(islice(values, FEW)):
                coding.add([made(value) for value in part])
            new = coding.done()
            new.codes = np.concatenate([done.codes, new.codes]) if done else new.codes
            done = self.made[name] = new
        return done

    def objects(self, rows: np.ndarray | None = None) -> np.ndarray:
        """The values of these rows, all by default, objects (n), None where there is none."""
        codes = self.codes if rows is None else self.codes[rows]
        used, at = np.unique(codes, return_inverse=True)
        table = np.empty(len(used), object)
        first = int(len(used) > 0 and used[0] < 0)
        for i, value in enumerate(self.values.taken(used[first:]), first):
            table[i] = value
        found: np.ndarray = table[at]
        return found

    def numbers(self, missing: float) -> np.ndarray:
        """The number of each point, ``missing`` where it has none, of the same type."""
        array = getattr(self.values, "array", None)
        if array is None:
            numeric = (v if type(v) in (int, float) else missing for v in self.values)
            array = np.fromiter(numeric, type(missing), len(self.values))
        found: np.ndarray = np.append(array.astype(type(missing)), missing)[self.codes]
        return found

    def _with(self, codes: np.ndarray, values: Values) -> Coded:
        found = Coded(codes, values, self.made)
        found._known, self._known = self._known, None
        return found

    def _is(self, code: int, value: Any) -> bool:
        if code < 0 or value is None:
            return code < 0 and value is None
        return bool(key_of(self.values[code]) == key_of(value))


class Coding:
    """Makes ``Coded`` of values that are read a part at a time, or of more values ``of`` a column; its ``done()`` has
    the codes of what was added only."""

    def __init__(self, of: Coded | None = None) -> None:
        self._of = of
        self._parts: list[Values] = [of.values] if of else []
        self._n = len(of.values) if of else 0
        self._codes: list[np.ndarray] = []
        self.size = 0  # the bytes of its values, about
        self._seen = max(len(of.codes) if of else 0, 1)
        self._known: dict[Any, int] | None = self._known_of(of) if of else {}

    def add(self, column: Sequence[Any]) -> None:
        codes, new, known = np.empty(len(column), np.int32), [], self._known
        for i, value in enumerate(column):
            if value is None:
                codes[i] = -1
                continue
            code = self._n if known is None else known.setdefault(key_of(value), self._n)
            if code == self._n:
                new.append(value)
                self._n += 1
            codes[i] = code
        self._codes.append(codes)
        self._seen += len(column)
        if new:
            self._parts.append(values_of(new))
            self.size += self._parts[-1].size()
        if self._n > FEW and self._n * 2 > self._seen:
            self._known = None  # it would take more memory than the values

    def done(self) -> Coded:
        found = Coded(np.concatenate([*self._codes, np.empty(0, np.int32)]), joined(self._parts))
        if self._of is not None:
            found.made = dict(self._of.made)
        found._known = self._known if self._n <= FEW else None
        return found

    def _known_of(self, of: Coded) -> dict[Any, int] | None:
        if of._known is None and self._n <= FEW:
            return {key_of(value): code for code, value in enumerate(of.values)}
        known, of._known = of._known, None  # it goes on from here
        return known


def key_of(value: Any) -> Any:
    """The same for values that are the same, of the same type."""
    if type(value) is str:
        return value
    if type(value) in (bool, int):
        return type(value), value
    if type(value) is list and all(type(one) is str for one in value):
        return tuple(value)
    return type(value), json.dumps(value)


def coded_columns(store: Store, fields: Sequence[str]) -> tuple[np.ndarray, Mapping[str, Coded]]:
    """The ids of all points, S36 (n) in ascending order, and these columns; as the store keeps them, if it does."""
    kept: Callable[..., tuple[np.ndarray, Mapping[str, Coded]]] | None = getattr(store, "coded", None)
    if kept is not None:
        return kept(fields)
    read = store.columns(["id", *fields])
    return np.array(read["id"], "S36"), {field: Coded.of(read[field]) for field in fields}


def keeps_columns(store: Store) -> bool:
    return hasattr(store, "keep_columns")


def keep_columns(store: Any) -> None:
    """Have the columns written that the store keeps, if it does, so that they are there for whoever opens it next."""
    if keeps_columns(store):
        store.keep_columns()
