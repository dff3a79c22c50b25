"""Coded columns in order: what to sort points by, for each of them at once."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from heapq import merge
from typing import Any

import numpy as np

from imagefinder.store.coded import Coded
from imagefinder.store.filters.dates import period
from imagefinder.store.values import Mixed, Numbers, Texts, Values

NO_DATE = int(np.iinfo(np.int64).min)
DAY = len("2024-05-01")  # what is shorter names no day
_PART = 50_000  # are sorted in one call, which nothing can interrupt
_RANK, _BEGINS = "rank", "begins"


def begins(column: Coded) -> np.ndarray:
    """The first microsecond since 1970 UTC of what each value of a column names, a day or a year, int64 (values);
    ``NO_DATE`` where it is no date."""
    return column.each(_BEGINS, _begin).numbers(NO_DATE)


def instants(column: Coded) -> np.ndarray:
    """The same of those values only that name at least a day, as ``dates.instant`` reads them."""
    values = column.values
    if isinstance(values, Texts):
        long = values.lengths() >= DAY
    else:
        long = np.fromiter((isinstance(v, str) and len(v) >= DAY for v in values), bool, len(values))
    return np.where(long, begins(column), NO_DATE)


def of_points(column: Coded, each: np.ndarray, missing: Any) -> np.ndarray:
    """What there is of each value, of each point; ``missing`` where it has none."""
    found: np.ndarray = np.append(each, each.dtype.type(missing))[column.codes]
    return found


def sort_keys(column: Coded) -> tuple[np.ndarray, np.ndarray]:
    """Numbers that are in the order of the values, of each point, and which points have one. Raises TypeError where the
    values have no order."""
    keys = column.values.array if isinstance(column.values, Numbers) else ranks(column)
    return of_points(column, keys, 0), column.codes >= 0


def sorted_rows(keys: np.ndarray, there: np.ndarray, falling: bool) -> np.ndarray:
    """The rows by their keys, then those that are not ``there``; equal ones stay in their order, int64 (n)."""
    rows = np.flatnonzero(there)
    if falling:  # the order stays stable: the key that is largest becomes the smallest
        keys = ~keys if keys.dtype.kind == "i" else -keys
    return np.concatenate([rows[np.argsort(keys[rows], kind="stable")], np.flatnonzero(~there)])


def ranks(column: Coded) -> np.ndarray:
    """The places of the values among the different ones in order, int64 (values). They are remembered with the column,
    and brought up to date where values were added at its end."""
    values, done = column.values, column.made.get(_RANK)
    if done is not None and len(done.codes) == len(values):
        return done.codes
    known = done.codes if done is not None else np.empty(0, np.int32)
    if len(values) - len(known) > len(known) // 10:
        order = _order(values)
    else:
        order = _inserted(values, np.argsort(known, kind="stable"))
    column.made[_RANK] = Coded(_places(values, order), Mixed())
    return column.made[_RANK].codes


def _order(values: Values) -> np.ndarray:
    """The positions of values from the smallest to the largest."""
    keys = _Keys(values)
    parts = [
        sorted(range(start, min(start + _PART, len(values))), key=keys.__getitem__)
        for start in range(0, len(values), _PART)
    ]
    return np.fromiter(merge(*parts, key=keys.__getitem__), np.int64, len(values))


def _inserted(values: Values, order: np.ndarray) -> np.ndarray:
    """The order with the values that came since at their places."""
    keys = _Keys(values)
    new = sorted(range(len(order), len(values)), key=keys.__getitem__)
    at = [bisect_left(order, keys[i], key=keys.__getitem__) for i in new]
    return np.insert(order, at, new)


def _places(values: Values, order: np.ndarray) -> np.ndarray:
    keys = _Keys(values)
    at = order.tolist()
    differs = (keys[one] != keys[other] for one, other in zip(at[1:], at, strict=False))
    places = np.empty(len(values), np.int32)
    places[order] = np.concatenate([[0], np.cumsum(np.fromiter(differs, bool, max(0, len(at) - 1)))])[: len(at)]
    return places


class _Keys(Sequence[Any]):
    """Of each value what it is compared by: of a text its bytes, which have the same order."""

    def __init__(self, values: Values) -> None:
        self._values = values
        if isinstance(values, Texts):
            self._data, self._ends = values.data, [0, *values.ends.tolist()]

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, at: Any) -> Any:
        if isinstance(self._values, Texts):
            return self._data[self._ends[at] : self._ends[at + 1] - 1]
        return self._values[at]


def _begin(value: Any) -> int | None:
    found = period(value) if isinstance(value, str) else None
    return found[0] if found else None
