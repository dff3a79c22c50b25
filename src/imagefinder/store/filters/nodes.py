"""The nodes of filters. They are frozen, check themselves, and print as text that ``filters.parse`` can read."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal, TypeAlias, get_args

from imagefinder.errors import InvalidFilterError
from imagefinder.store.fields import FIELD_KINDS, Kind
from imagefinder.store.filters.dates import period

Value: TypeAlias = str | int | float | bool
Operator: TypeAlias = Literal["=", "!=", "<", "<=", ">", ">="]
OPERATORS: Final[tuple[str, ...]] = get_args(Operator)
How: TypeAlias = Literal["all", "any", "phrase"]
HOWS: Final[tuple[str, ...]] = get_args(How)
KEYWORDS = frozenset({"and", "or", "not", "in", "has"})
WORD = r"[^\s\"'()=!<>~,]+"  # what needs no quotes
NEAR_KM = 10.0  # where no distance is given
HALF_ROUND_KM = 20_038  # half the way round the earth: everywhere
MAX_DIGITS = 400  # what a float64 can need without an exponent

_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?", re.ASCII)


class Filter:
    """A condition on a record. ``&``, ``|`` and ``~`` combine conditions; ``str()`` gives text that ``parse`` can
    read."""

    def __and__(self, other: Filter) -> Filter:
        return And((self, other))

    def __or__(self, other: Filter) -> Filter:
        return Or((self, other))

    def __invert__(self) -> Filter:
        return Not(self)


@dataclass(frozen=True, slots=True)
class Compare(Filter):
    """``field op value``."""

    field: str
    op: Operator
    value: Value

    def __post_init__(self) -> None:
        if self.op not in OPERATORS:
            raise InvalidFilterError(f"There is no comparison {self.op!r}.", remedy=f"Use {' '.join(OPERATORS)} or ~.")
        object.__setattr__(self, "value", _checked(self.field, self.value))
        if isinstance(self.value, bool) and self.op not in ("=", "!="):
            raise InvalidFilterError(f"True and false have no order: {self}.", remedy="Use = or !=.")

    def __str__(self) -> str:
        return f"{_name(self.field)} {self.op} {_literal(self.field, self.value)}"


@dataclass(frozen=True, slots=True)
class In(Filter):
    """``field in (a, b)``: equal to one of the values."""

    field: str
    values: tuple[Value, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise InvalidFilterError(f"{self.field!r} in () names no value.", remedy="Give one or more values.")
        object.__setattr__(self, "values", tuple(_checked(self.field, v) for v in self.values))

    def __str__(self) -> str:
        return f"{_name(self.field)} in ({', '.join(_literal(self.field, v) for v in self.values)})"


@dataclass(frozen=True, slots=True)
class Contains(Filter):
    """``field ~ text``: the value contains the text, in upper or lower case."""

    field: str
    text: str

    def __post_init__(self) -> None:
        _check_name(self.field)
        if not isinstance(self.text, str):
            raise InvalidFilterError(f"{self.field!r} ~ wants text, not {self.text!r}.")

    def __str__(self) -> str:
        return f"{_name(self.field)} ~ {_quote(self.text)}"


@dataclass(frozen=True, slots=True)
class Says(Filter):
    """``field says all text``: the field's texts have these words, whatever their case, accents and endings; all of
    them, any of them, or as a phrase, one after the other. What a word is, ``store.words`` says. The field ``name`` is
    the name of the file, and the one that was given to the image; ``*`` stands for all texts that an image has."""

    field: str
    text: str
    how: How = "all"

    def __post_init__(self) -> None:
        _check_name(self.field)
        if not isinstance(self.text, str) or self.how not in HOWS:
            raise InvalidFilterError(f"{self.field!r} says wants {', '.join(HOWS)} and text, not {self.text!r:.200}.")

    def __str__(self) -> str:
        return f"{_name(self.field)} says {self.how} {_quote(self.text)}"


@dataclass(frozen=True, slots=True)
class Has(Filter):
    """``has field``: there is a value, and it is not an empty list."""

    field: str

    def __post_init__(self) -> None:
        _check_name(self.field)

    def __str__(self) -> str:
        return f"has {_name(self.field)}"


HOW_NEAR = "Write near(LAT, LON) or near(LAT, LON, KM), such as near(52.52, 13.40, 5)."


@dataclass(frozen=True, slots=True)
class Near(Filter):
    """``near(lat, lon, km)``: taken at most so many kilometres from a place, in degrees (WGS 84, north and east
    positive), by the fields ``lat`` and ``lon``."""

    lat: float
    lon: float
    km: float = NEAR_KM

    def __post_init__(self) -> None:
        for name, low, high in (("lat", -90, 90), ("lon", -180, 180), ("km", 0, HALF_ROUND_KM)):
            value = getattr(self, name)
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if not is_number or not low <= value <= high or (name == "km" and not value):
                what = {"lat": "latitude", "lon": "longitude", "km": "distance in kilometres"}[name]
                bounds = f"over 0, up to {high:,}" if name == "km" else f"from {low} to {high}"
                raise InvalidFilterError(
                    f"near() wants a {what} {bounds}, not {value!r}.",
                    remedy=HOW_NEAR,
                )
            object.__setattr__(self, name, float(value))

    def __str__(self) -> str:
        return f"near({', '.join(_decimal(value) for value in (self.lat, self.lon, self.km))})"


@dataclass(frozen=True, slots=True)
class And(Filter):
    """All of the parts are true."""

    parts: tuple[Filter, ...]

    def __post_init__(self) -> None:
        _check_parts(self.parts)

    def __str__(self) -> str:
        return " and ".join(f"({p})" if isinstance(p, And | Or) else str(p) for p in self.parts)


@dataclass(frozen=True, slots=True)
class Or(Filter):
    """At least one of the parts is true."""

    parts: tuple[Filter, ...]

    def __post_init__(self) -> None:
        _check_parts(self.parts)

    def __str__(self) -> str:
        return " or ".join(f"({p})" if isinstance(p, Or) else str(p) for p in self.parts)


@dataclass(frozen=True, slots=True)
class Not(Filter):
    """The part is not true."""

    part: Filter

    def __str__(self) -> str:
        return f"not ({self.part})" if isinstance(self.part, And | Or) else f"not {self.part}"


def _check_name(field: str) -> None:
    if not isinstance(field, str) or not field:
        raise InvalidFilterError(f"A field's name is text, not {field!r}.")


def _check_parts(parts: tuple[Filter, ...]) -> None:
    if len(parts) < 2 or not all(isinstance(p, Filter) for p in parts):
        raise InvalidFilterError(f"'and' and 'or' join two or more filters, not {parts!r}.")


def _checked(field: str, value: Value) -> Value:
    """``value`` in the kind of the field. Raises InvalidFilterError, which names that kind."""
    _check_name(field)
    if not isinstance(value, str | int | float) or (isinstance(value, float) and not math.isfinite(value)):
        raise InvalidFilterError(
            f"{field!r} can't be compared with {value!r}.", remedy="Use text, a number or true/false."
        )
    kind = FIELD_KINDS.get(field)
    if kind is Kind.NUMBER and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise InvalidFilterError(f"{field!r} is a number, so it can't be compared with {value!r}.")
    if kind is Kind.TEXT and not isinstance(value, str):
        return str(value).lower() if isinstance(value, bool) else str(value)
    if kind is Kind.DATE:
        value = str(value)
        if period(value) is None:
            raise InvalidFilterError(
                f"{field!r} is a date, so it can't be compared with {value!r}.",
                remedy="Write 2024, 2024-05, 2024-05-01 or 2024-05-01T18:30:00.",
            )
    return value


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _name(field: str) -> str:
    return field if re.fullmatch(WORD, field) and field.lower() not in KEYWORDS else _quote(field)


def _literal(field: str, value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _decimal(value)
    if isinstance(value, int):
        return str(value)
    plain = re.fullmatch(WORD, value) and value.lower() not in KEYWORDS
    return value if plain and read_word(field, value) == value else _quote(value)


def _decimal(value: float) -> str:
    """A float with all its digits and without an exponent, because in the grammar ``1e5`` is a word."""
    text = format(Decimal(repr(value)), "f")
    return text if "." in text else text + ".0"


def read_word(field: str, word: str) -> Value:
    """An unquoted value: a number or true/false where the field can hold one, text otherwise."""
    if FIELD_KINDS.get(field) in (Kind.TEXT, Kind.DATE):
        return word
    if word.lower() in ("true", "false"):
        return word.lower() == "true"
    if not _NUMBER.fullmatch(word) or len(word) > MAX_DIGITS:
        return word
    number = float(word) if "." in word else int(word)
    return number if math.isfinite(number) else word
