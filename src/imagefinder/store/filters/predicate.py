"""The meaning of filters: ``matches`` decides whether one payload fulfils a filter. All stores agree with it."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from imagefinder.store.fields import FIELD_KINDS, Kind
from imagefinder.store.filters.dates import instant, period
from imagefinder.store.filters.parse import And, Compare, Contains, Filter, Has, In, Near, Not, Or, Value

_NUMERIC_TEXT = re.compile(r"\s*[+-]?[0-9]{1,300}(\.[0-9]{1,300})?([eE][+-]?[0-9]{1,2})?\s*", re.ASCII)
EARTH_KM = 6371.0088
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def matches(filter: Filter, payload: Mapping[str, Any]) -> bool:
    """Whether a payload (a flat mapping of JSON values) fulfils the filter."""
    match filter:
        case And(parts):
            return all(matches(part, payload) for part in parts)
        case Or(parts):
            return any(matches(part, payload) for part in parts)
        case Not(part):
            return not matches(part, payload)
        case Compare(field, "!=", value):
            return not matches(Compare(field, "=", value), payload)
        case Compare(field, op, value):
            return any(holds(field, op, value, found) for found in elements(payload, field))
        case In(field, values):
            return any(holds(field, "=", value, found) for found in elements(payload, field) for value in values)
        case Contains(field, text):
            return any(contains(text, found) for found in elements(payload, field))
        case Has(field):
            return bool(elements(payload, field))
        case Near(lat, lon, km):
            away = distance_km(lat, lon, payload.get("lat"), payload.get("lon"))
            return away is not None and away <= km
    raise TypeError(f"not a filter: {filter!r}")


def distance_km(lat: float, lon: float, found_lat: Any, found_lon: Any) -> float | None:
    """The way over ground between two places in degrees, by the haversine formula (Sinnott 1984) on a sphere of the
    earth's mean radius: up to 0.5 % off. None for what is no place."""
    numbers = as_number(found_lat), as_number(found_lon)
    if numbers[0] is None or numbers[1] is None or not (abs(numbers[0]) <= 90 and abs(numbers[1]) <= 180):
        return None
    here, there = math.radians(lat), math.radians(numbers[0])
    turned = math.radians(numbers[1] - lon)
    part = math.sin((there - here) / 2) ** 2 + math.cos(here) * math.cos(there) * math.sin(turned / 2) ** 2
    return 2 * EARTH_KM * math.asin(min(1.0, math.sqrt(part)))


def elements(payload: Mapping[str, Any], field: str) -> list[Any]:
    """The values of a field: none when it is missing or null, each element of a list."""
    value = payload.get(field)
    return list(value) if isinstance(value, list | tuple) else [] if value is None else [value]


def contains(text: str, found: Any) -> bool:
    """Whether a value is text that contains ``text``, in upper or lower case."""
    return isinstance(found, str) and text.casefold() in found.casefold()


def holds(field: str, op: str, value: Value, found: Any) -> bool:
    """Whether one stored value ``found`` fulfils ``op value``; ``op`` is not ``!=``."""
    if FIELD_KINDS.get(field) is Kind.DATE:
        return isinstance(found, str) and _date_holds(op, str(value), found)
    if isinstance(value, bool):
        return found is value or (isinstance(found, str) and found in spellings(value))
    if isinstance(value, int | float):
        number = as_number(found)
        return number is not None and _ORDER[op](number, value)
    if not isinstance(found, str):
        return False
    if op != "=" and field not in FIELD_KINDS and period(value) is not None:
        return _date_holds(op, value, found)
    return _ORDER[op](found, value)


def as_number(found: Any) -> int | float | None:
    """The number that a stored value is, or that its text spells. None for anything else, also for true and false."""
    if isinstance(found, bool):
        return None
    if isinstance(found, int | float):
        return found
    if isinstance(found, str) and _NUMERIC_TEXT.fullmatch(found):
        return int(found) if found.strip().lstrip("+-").isdecimal() else float(found)
    return None


def spellings(value: bool) -> list[str]:
    """How tables spell true and false as text."""
    return ["true", "True", "TRUE"] if value else ["false", "False", "FALSE"]


def _date_holds(op: str, value: str, found: str) -> bool:
    at, span = instant(found), period(value)
    if at is None or span is None:
        return False
    start, end = span
    match op:
        case "=":
            return start <= at < end
        case "<":
            return at < start
        case "<=":
            return at < end
        case ">":
            return at >= end
    return at >= start
