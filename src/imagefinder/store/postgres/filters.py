"""Filters as SQL, with exactly the meaning of ``predicate``. Each condition is true or false, never null.

Values always travel as parameters. Equality is asked of the GIN index of the payloads; all else reads the payload, or
what its texts spell, see ``payloads``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from imagefinder.store.fields import FIELD_KINDS, Kind
from imagefinder.store.filters.dates import period
from imagefinder.store.filters.parse import And, Compare, Contains, Filter, Has, In, Near, Not, Or, Says, Value
from imagefinder.store.filters.predicate import EARTH_KM, spellings
from imagefinder.store.postgres.payloads import hidden, number, signed
from imagefinder.store.words import ANY, numbers_of


class Where:
    """A condition on ``p``, the points, as the text ``sql`` and the ``values`` of its parameters."""

    def __init__(self, filter: Filter | None) -> None:
        self.values: dict[str, Any] = {}
        self.sql = "true" if filter is None else self._of(filter)

    def _put(self, value: Any) -> str:
        """The name by which SQL knows a value."""
        name = f"f{len(self.values)}"
        self.values[name] = value
        return f"%({name})s"

    def _of(self, filter: Filter) -> str:
        match filter:
            case And(parts):
                return f"({' and '.join(map(self._of, parts))})"
            case Or(parts):
                return f"({' or '.join(map(self._of, parts))})"
            case Not(part):
                return f"(not {self._of(part)})"
            case Compare(field, "!=", value):
                return f"(not {self._compared(field, '=', value)})"
            case Compare(field, op, value):
                return self._compared(field, op, value)
        return self._leaf(filter)

    def _leaf(self, filter: Filter) -> str:
        match filter:
            case In(field, values):
                return f"({' or '.join(self._compared(field, '=', value) for value in values)})"
            case Contains(field, text):
                return self._contains(field, text)
            case Has(field):
                at = self._at(field)
                return f"(coalesce({at}, 'null') not in ('null'::jsonb, '[]'::jsonb))"
            case Says(field, text, how):
                return self._says(field, how, [*numbers_of(text)])
            case Near(lat, lon, km):
                return self._near(lat, lon, km)
        raise TypeError(f"not a filter: {filter!r}")

    def _at(self, field: str) -> str:
        return f"(p.payload -> {self._put(hidden(field))}::text)"

    def _compared(self, field: str, op: str, value: Value) -> str:
        """One comparison but ``!=``."""
        span = period(value) if isinstance(value, str) else None
        if FIELD_KINDS.get(field) is Kind.DATE:
            return self._dated(field, op, span or (0, 0))
        if isinstance(value, bool):
            return self._equals(field, [json.dumps(value), *map(json.dumps, spellings(value))])
        if not isinstance(value, str):
            return self._numbered(field, op, number(value))
        if op == "=":
            return self._equals(field, [json.dumps(hidden(value))])
        if span is not None and field not in FIELD_KINDS:
            return self._dated(field, op, span)
        wanted = self._put(hidden(value))
        return self._some(field, f"""jsonb_typeof(v) = 'string' and (v #>> '{{}}') collate "C" {op} {wanted}""")

    def _equals(self, field: str, values: Sequence[str]) -> str:
        """Whether the field is, or has in its list, one of these values, written as JSON."""
        key = json.dumps(hidden(field))
        found = [f"{{{key}:{form % value}}}" for value in values for form in ("%s", "[%s]")]
        return f"({' or '.join(f'p.payload @> {self._put(one)}::jsonb' for one in found)})"

    def _numbered(self, field: str, op: str, value: str) -> str:
        if op == "=":
            is_number = self._equals(field, [value])
        else:
            is_number = self._some(field, f"jsonb_typeof(v) = 'number' and v {op} {self._put(value)}::jsonb")
        return (
            is_number
            if FIELD_KINDS.get(field) is Kind.NUMBER
            else f"({is_number} or {self._spells('n', field, op, value)})"
        )

    def _dated(self, field: str, op: str, span: tuple[int, int]) -> str:
        start, end = map(str, span)
        match op:
            case "=":
                return self._spells("d", field, ">=", start, "<", end)
            case "<" | ">=":
                return self._spells("d", field, op, start)
            case "<=":
                return self._spells("d", field, "<", end)
        return self._spells("d", field, ">=", end)

    def _spells(self, kind: str, field: str, *bounds: str) -> str:
        """Whether a text of the field spells a number or an instant within bounds: pairs of a comparison and JSON."""
        found = f"p.spelt -> '{kind}' -> {self._put(hidden(field))}::text"
        pairs = zip(bounds[::2], bounds[1::2], strict=True)
        within = " and ".join(f"v {op} {self._put(value)}::jsonb" for op, value in pairs)
        return f"(exists (select from jsonb_array_elements({found}) e(v) where {within}))"

    def _some(self, field: str, condition: str) -> str:
        """Whether ``condition`` is true of a value ``v`` of the field."""
        at = self._at(field)
        listed = f"case jsonb_typeof({at}) when 'array' then {at} else jsonb_build_array({at}) end"
        return f"(exists (select from jsonb_array_elements({listed}) e(v) where {condition}))"

    def _contains(self, field: str, text: str) -> str:
        wanted = self._put(hidden(text.casefold()))
        folds = f"p.spelt -> 'f' -> {self._put(hidden(field))}::text"
        plain = f"""jsonb_typeof(v) = 'string' and position({wanted} in lower((v #>> '{{}}') collate "C")) > 0"""
        folded = f"exists (select from jsonb_array_elements_text({folds}) e(v) where position({wanted} in v) > 0)"
        return f"({self._some(field, plain)} or {folded})"

    def _says(self, field: str, how: str, words: list[int]) -> str:
        if not words:
            return "false"
        array = f"{self._put([*map(signed, words)])}::int[]"
        there = f"select id from said where word = any({array})"
        every = f"(p.id in ({there} group by id having count(*) = {len(set(words))}))"
        if field == ANY and how != "phrase":
            return f"(p.id in ({there}))" if how == "any" else every
        spelt = f"coalesce(p.spelt -> 'w' ->> {self._put(hidden(field))}::text, '')"
        texts = [f" {' '.join(f'{n:x}' for n in words)} "] if how == "phrase" else [f" {n:x} " for n in words]
        join = " or " if how == "any" else " and "
        said = join.join(f"position({self._put(text)} in {spelt}) > 0" for text in texts)
        return f"({every} and {said})" if field == ANY else f"({said})"

    def _near(self, lat: float, lon: float, km: float) -> str:
        """The haversine formula as ``predicate.distance_km`` has it."""
        here, turned = self._put(math.radians(lat)), self._put(lon)
        there = f"radians({_not_tiny(self._degrees('lat'))})"
        up = _not_tiny(f"{there} - {here}::float8")
        apart = _not_tiny(f"{self._degrees('lon')} - {turned}::float8")
        across = f"radians({apart})"
        cosine = self._put(math.cos(math.radians(lat)))
        part = f"sin({up} / 2) ^ 2 + {cosine}::float8 * cos({there}) * sin({across} / 2) ^ 2"
        known = f"abs({self._degrees('lat')}) <= 90 and abs({self._degrees('lon')}) <= 180"
        away = f"2 * {self._put(EARTH_KM)}::float8 * asin(least(1, sqrt({part})))"
        return f"coalesce(case when {known} then {away} <= {self._put(km)}::float8 end, false)"

    def _degrees(self, field: str) -> str:
        """The number that a field is or spells; null for none, and for a list."""
        found = f"p.payload -> '{field}'"
        spelt = f"p.spelt -> 'n' -> '{field}' ->> 0"
        return (
            f"(case jsonb_typeof({found}) when 'number' then ({found} #>> '{{}}')::float8 "
            f"when 'string' then least(greatest(({spelt})::numeric, -1000), 1000)::float8 end)"
        )


def _not_tiny(number: str) -> str:
    """The number, or 0 where the database would refuse to multiply it: an underflow is an error there."""
    return f"(case when abs({number}) < 1e-135 then 0::float8 else {number} end)"
