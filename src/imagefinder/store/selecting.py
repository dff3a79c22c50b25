"""Which points fulfil a filter, by coded columns: a million are decided on in a fraction of a second, as each value is
compared once, and texts, numbers and dates many at a time. It has exactly the meaning of ``filters.predicate``."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from imagefinder.store.coded import Coded
from imagefinder.store.fields import FIELD_KINDS, Kind
from imagefinder.store.filters.dates import period
from imagefinder.store.filters.parse import And, Compare, Contains, Filter, Has, In, Not, Or, Says, Value
from imagefinder.store.filters.predicate import matches
from imagefinder.store.ranks import NO_DATE, instants
from imagefinder.store.values import Numbers, Texts, Values
from imagefinder.store.words import ANY

EXACT = 2**53  # whole numbers up to here are the same as float64
_ORDER: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


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
            return {filter.field} - {"id"}  # which no payload has
    return None


def matching(filter: Filter, columns: Mapping[str, Coded], n: int) -> np.ndarray:
    """Which of ``n`` points fulfil a filter by ``predicate.matches``, bool (n)."""
    match filter:
        case And(parts):
            every: np.ndarray = np.all([matching(part, columns, n) for part in parts], axis=0)
            return every
        case Or(parts):
            some: np.ndarray = np.any([matching(part, columns, n) for part in parts], axis=0)
            return some
        case Not(part):
            return ~matching(part, columns, n)
        case Compare(field, "!=", value):
            return ~matching(Compare(field, "=", value), columns, n)
    fields = fields_of(filter)
    if not fields:
        return np.full(n, matches(filter, {}))
    (field,) = fields
    column = columns[field]
    fits = _together(filter, column)
    if fits is None:
        fits = _each(filter, field, column.values)
    found: np.ndarray = np.append(fits, matches(filter, {}))[column.codes]
    return found


def _each(filter: Filter, field: str, values: Values) -> np.ndarray:
    """Which values fulfil a filter on their field, bool (n), one by one."""
    return np.fromiter((matches(filter, {field: value}) for value in values), bool, len(values))


def _together(filter: Filter, column: Coded) -> np.ndarray | None:
    """The same of all at once; None where that isn't possible."""
    values = column.values
    match filter:
        case Has() if isinstance(values, Texts | Numbers):
            return np.ones(len(values), bool)
        case In(field, wanted):
            each = [_compared(field, "=", value, column) for value in wanted]
            known = [one for one in each if one is not None]
            none = np.zeros(len(values), bool)
            return np.logical_or.reduce([none, *known], dtype=bool) if len(known) == len(each) else None
        case Compare(field, op, value):
            return _compared(field, op, value, column)
        case Contains(field, text) if isinstance(values, Texts):
            found, unsure = values.hold(text)
            rows = np.flatnonzero(unsure)
            found[rows] = _each(filter, field, values.taken(rows))
            return found
    return None


def _compared(field: str, op: str, value: Value, column: Coded) -> np.ndarray | None:
    values = column.values
    is_date = FIELD_KINDS.get(field) is Kind.DATE
    if isinstance(values, Numbers):
        if is_date or isinstance(value, str | bool):
            return np.zeros(len(values), bool)
        return _numbers(op, value, values.array)
    if not isinstance(values, Texts) or not isinstance(value, str):
        return None
    if is_date or (op != "=" and field not in FIELD_KINDS and period(value) is not None):
        return _dates(op, value, column)
    return values.equal(value) if op == "=" else None


def _numbers(op: str, value: int | float, array: np.ndarray) -> np.ndarray | None:
    """None where an array would compare them otherwise than Python does."""
    if array.dtype.kind == "i" and type(value) is int:
        if not abs(value) < 2**63:
            return None
    elif not abs(value) < EXACT or (
        array.dtype.kind == "i" and len(array) and max(int(array.max()), -int(array.min())) >= EXACT
    ):
        return None
    found: np.ndarray = _ORDER[op](array, value)
    return found


def _dates(op: str, value: str, column: Coded) -> np.ndarray:
    start, end = period(value) or (0, 0)
    at = instants(column)
    found: np.ndarray = {"=": (at >= start) & (at < end), "<": at < start, "<=": at < end, ">": at >= end}.get(
        op, at >= start
    )
    found = found & (at != NO_DATE) & (period(value) is not None)
    return found
