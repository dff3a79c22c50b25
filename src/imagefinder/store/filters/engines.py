"""Translates filters for the engines of Qdrant, with exactly the meaning of ``predicate``.

Equality on indexed fields is passed to the engine. All other conditions are decided by ``predicate`` on the fields of
those points that may fulfil them; the engine then gets the ids of the points. The engine can't express all conditions
(text inside text in any case, the order of texts, text that is a number). And without an index it would read the
payload of every point for each query (70-150 ms at 22,914 points), while ids can be cached.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

from imagefinder.store.fields import FIELD_KINDS, INDEXED, Kind, json_path
from imagefinder.store.filters.dates import period, to_iso
from imagefinder.store.filters.parse import And, Compare, Contains, Filter, Has, In, Near, Not, Or, Says, Value
from imagefinder.store.words import ANY, numbers_of, spelt

_EXACT_INT = 2**53  # the engine compares numbers as float64, which holds every whole number up to here
Engines: TypeAlias = Any  # a filter of the engine
Resolve: TypeAlias = Callable[[Filter, "list[str] | None", Engines], Engines]


class Terms(Protocol):
    """The filters that an engine has. ``words`` says whether it can look words up."""

    words: bool

    def all_of(self, parts: Sequence[Engines]) -> Engines: ...

    def any_of(self, parts: Sequence[Engines]) -> Engines: ...

    def none_of(self, part: Engines) -> Engines: ...

    def equal(self, path: str, value: str | int) -> Engines: ...

    def empty(self, path: str) -> Engines:
        """The field is missing, null or an empty list."""

    def within(self, path: str, bounds: Mapping[str, float]) -> Engines:
        """A number that is ``gte``, ``gt``, ``lte``, ``lt`` these."""

    def dated(self, path: str, bounds: Mapping[str, str]) -> Engines:
        """A date, likewise."""

    def text(self, path: str) -> Engines:
        """The field holds a text."""

    def says(self, text: str, how: str) -> Engines:
        """The texts of a point say all of these words, any, or one of them all as a phrase."""


def translate(filter: Filter, resolve: Resolve, terms: Terms) -> Engines:
    """The engine's form of ``filter``.

    ``resolve(filter, fields, among)`` gives an engine's filter by the ids of the points that fulfil the filter by
    ``predicate.matches``, which reads ``fields``, None for all; only points that fulfil ``among`` (None: all) can.
    """
    translator = _Translator(terms)
    if (direct := translator.direct(filter)) is not None:
        return direct
    if isinstance(filter, Not):  # what does not say a word is nearly all: the few others are looked for
        return terms.none_of(translate(filter.part, resolve, terms))
    if isinstance(filter, And):  # words change from query to query; what remains of a filter is remembered
        parts = [part for part in filter.parts if _looks_up_words(part)]
        rest = [part for part in filter.parts if part not in parts]
        if parts and len(filter.parts) > 1:
            apart = [*parts, *([rest[0] if len(rest) == 1 else And(tuple(rest))] if rest else [])]
            return terms.all_of([translate(part, resolve, terms) for part in apart])
    fields = _fields(filter)
    return resolve(filter, None if ANY in fields else sorted(fields), translator.among(filter))


def _looks_up_words(filter: Filter) -> bool:
    match filter:
        case And(parts) | Or(parts):
            return any(map(_looks_up_words, parts))
        case Not(part):
            return _looks_up_words(part)
    return isinstance(filter, Says) or (isinstance(filter, In) and filter.field == "uri")


def _fields(filter: Filter) -> set[str]:
    match filter:
        case And(parts) | Or(parts):
            return set().union(*map(_fields, parts))
        case Not(part):
            return _fields(part)
        case Says("name"):
            return {"name", "uri"}
        case Compare() | In() | Contains() | Has() | Says():
            return {filter.field}
        case Near():
            return {"lat", "lon"}
    raise TypeError(f"not a filter: {filter!r}")


class _Translator:
    def __init__(self, terms: Terms) -> None:
        self._terms = terms

    def direct(self, filter: Filter) -> Engines:
        """The engine's filter with exactly the meaning of ``filter``, if all its fields are indexed; otherwise None."""
        match filter:
            case And(parts) | Or(parts):
                inner = [direct for direct in map(self.direct, parts) if direct is not None]
                if len(inner) < len(parts):
                    return None
                return self._terms.all_of(inner) if isinstance(filter, And) else self._terms.any_of(inner)
            case Not(part):
                direct = self.direct(part)
                return None if direct is None else self._terms.none_of(direct)
            case Compare(field, "!=", value):
                return self.direct(Not(Compare(field, "=", value)))
            case Compare(field, "=", value) if _is_indexed(field, value):
                return self._equal(f'"{field}"', value)
            case Says(field, text, how) if self._terms.words and field == ANY:
                return self._terms.says(text, how)
            case In(field, values) if _is_indexed(field, *values):
                return self._terms.any_of([self._equal(f'"{field}"', value) for value in values])
        return None

    def among(self, filter: Filter) -> Engines:
        """A condition that every point fulfils that fulfils ``filter``. Checking only these points is faster than
        reading all. None if there is no such condition."""
        match filter:
            case And(parts):
                found = [among for among in map(self.among, parts) if among is not None]
                return self._terms.all_of(found) if found else None
            case Or(parts):
                found = [among for among in map(self.among, parts) if among is not None]
                return self._terms.any_of(found) if len(found) == len(parts) else None
            case Near():
                return self._terms.none_of(self._terms.empty("lat"))
        return self.direct(filter) or self._leaf_among(filter)

    def _leaf_among(self, leaf: Filter) -> Engines:
        if isinstance(leaf, Says) and self._terms.words:  # no phrase: the parts of names stand between their words
            return self._terms.says(leaf.text, "any" if leaf.how == "any" else "all")
        if isinstance(leaf, In) and leaf.field == "uri" and self._terms.words and all(map(_says_words, leaf.values)):
            return self._terms.any_of([self._terms.says(spelt(str(uri)), "all") for uri in leaf.values])
        path = json_path(leaf.field) if isinstance(leaf, Compare | Has) else None
        if path is None:
            return None
        match leaf:
            case Has():
                return self._terms.none_of(self._terms.empty(path))
            case Compare(_, "!=", _):
                return None
            case Compare(field, op, value) if FIELD_KINDS.get(field) is Kind.DATE:
                return self._date(path, op, str(value))
            case Compare(_, "=", str() as value):
                return self._equal(path, value)
            case Compare(field, op, value) if not isinstance(value, str | bool) and abs(value) < _EXACT_INT:
                return self._number(path, field, op, value)
        return None

    def _equal(self, path: str, value: Value) -> Engines:
        wanted = value if type(value) is int and FIELD_KINDS.get(path.strip('"')) is Kind.NUMBER else str(value)
        return self._terms.equal(path, wanted)

    def _number(self, path: str, field: str, op: str, value: int | float) -> Engines:
        numbers = self._terms.within(path, _bounds(op, value))
        if FIELD_KINDS.get(field) is Kind.NUMBER:
            return numbers
        return self._terms.any_of([numbers, self._terms.text(path)])

    def _date(self, path: str, op: str, value: str) -> Engines:
        start, end = period(value) or (0, 0)  # a Compare on a date holds nothing else
        bounds = {
            "=": {"gte": to_iso(start), "lt": to_iso(end)},
            "<": {"lt": to_iso(start)},
            "<=": {"lt": to_iso(end)},
            ">": {"gte": to_iso(end)},
            ">=": {"gte": to_iso(start)},
        }[op]
        return self._terms.dated(path, bounds)


def _says_words(uri: Value) -> bool:
    return bool(numbers_of(spelt(str(uri))))


def _bounds(op: str, value: float) -> dict[str, float]:
    return {"gte": value, "lte": value} if op == "=" else {{"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}[op]: value}


def _is_indexed(field: str, *values: Value) -> bool:
    """Whether the engine's index decides on these values: texts, or whole numbers where the field holds nothing else
    (``cluster``, which no table can bring)."""
    if FIELD_KINDS.get(field) is Kind.NUMBER and not all(type(v) is int and abs(v) < _EXACT_INT for v in values):
        return False
    return field in INDEXED
