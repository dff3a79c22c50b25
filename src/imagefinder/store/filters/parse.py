"""Filters on the fields of a record: what they are made of, how they are written, how they are read.

    folder = shoes and width >= 800          and, or, not, parentheses; keywords in any case
    not (format in (PNG, GIF) or has caption)
    caption ~ "red bike"                     contains, whatever the case
    caption says "red bikes"                 these words, whatever their endings; or: says any "", says phrase ""
    taken_at >= 2020 and taken_at < 2020-05  a year, month, day or minute stands for the whole of it
    near(52.52, 13.40, 5)                    taken at most 5 km from a latitude and longitude; 10 where none is said
    "my column" != 'it\\'s'                   quotes around names and values that hold spaces or signs

A field that is missing fulfils no comparison, so ``folder != x`` and ``not folder = x`` are true of it. A list
fulfils a comparison when one of its elements does. An unquoted number also equals text that spells that number
(``year = 2020`` finds 2020 and "2020"); quotes make it text. ``predicate.matches`` says exactly what holds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn, TypeAlias, cast

from imagefinder.errors import InvalidFilterError
from imagefinder.store.filters.nodes import (
    HOW_NEAR,
    HOWS,
    KEYWORDS,
    OPERATORS,
    WORD,
    And,
    Compare,
    Contains,
    Filter,
    Has,
    How,
    In,
    Near,
    Not,
    Operator,
    Or,
    Says,
    Value,
    read_word,
)

__all__ = [
    "And",
    "Compare",
    "Contains",
    "Filter",
    "FilterLike",
    "Has",
    "In",
    "Near",
    "Not",
    "Or",
    "Says",
    "Value",
    "as_filter",
    "parse",
]

FilterLike: TypeAlias = Filter | str | Mapping[str, Value | list[Value] | tuple[Value, ...]] | None
MAX_LENGTH = 200_000  # characters
MAX_DEPTH = 100  # of parentheses and nots: far more than people write, far less than Python's stack holds

_REMEDY = "Example: folder = shoes and (width >= 800 or has caption)"
_TOKEN = re.compile(
    rf"\s*(?:(?P<quoted>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')|(?P<sign>!=|<=|>=|[=<>~(),])|(?P<word>{WORD}))",
    re.DOTALL,
)


def as_filter(value: FilterLike) -> Filter | None:
    """A filter from a filter, its text, a mapping (``{"folder": "shoes", "year": [2020, 2021]}``: all must hold,
    a list meaning "one of") or None; None, empty text and an empty mapping are no filter.

    Raises:
        InvalidFilterError: the text or a value can't be used.
    """
    if value is None or isinstance(value, Filter):
        return value
    if isinstance(value, str):
        return parse(value) if value.strip() else None
    if not isinstance(value, Mapping):
        raise InvalidFilterError(
            f"A filter is text, a mapping or a Filter, not {type(value).__name__}.", remedy=_REMEDY
        )
    parts: list[Filter] = [
        In(field, tuple(v)) if isinstance(v, list | tuple) else Compare(field, "=", v) for field, v in value.items()
    ]
    return None if not parts else parts[0] if len(parts) == 1 else And(tuple(parts))


def parse(text: str) -> Filter:
    """The filter that ``text`` spells; the grammar is at the head of this module.

    Raises:
        InvalidFilterError: naming the position and what was expected there.
    """
    if len(text) > MAX_LENGTH:
        raise InvalidFilterError(
            f"The filter has {len(text):,} characters; {MAX_LENGTH:,} are allowed.",
            remedy="Ask in parts, or tag the images and filter by the tag.",
        )
    return _Parser(text).parse()


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # "quoted", "sign", "word" or "end"
    text: str
    at: int

    def is_keyword(self, word: str) -> bool:
        return self.kind == "word" and self.text.lower() == word


class _Parser:
    """Recursive descent: or < and < not < comparison."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = self._tokens()
        self.next = 0
        self.depth = 0

    def _tokens(self) -> list[_Token]:
        tokens, at, end = [], 0, len(self.text.rstrip())
        while at < end:
            match = _TOKEN.match(self.text, at)
            if match is None:
                start = at + len(self.text[at:]) - len(self.text[at:].lstrip())
                closed = "a closing quote" if self.text[start] in "\"'" else "=, !=, <, <=, >, >= or ~"
                self._fail(closed, _Token("end", self.text[start:], start))
            kind = str(match.lastgroup)
            tokens.append(_Token(kind, match[kind], match.start(kind)))
            at = match.end()
        return [*tokens, _Token("end", "", end)]

    @property
    def token(self) -> _Token:
        return self.tokens[self.next]

    def parse(self) -> Filter:
        found = self._or()
        if self.token.kind != "end":
            self._fail("'and', 'or' or the end")
        return found

    def _or(self) -> Filter:
        parts = [self._and()]
        while self._take_keyword("or"):
            parts.append(self._and())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _and(self) -> Filter:
        parts = [self._not()]
        while self._take_keyword("and"):
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _not(self) -> Filter:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self._fail(f"at most {MAX_DEPTH} levels of parentheses and nots")
        try:
            if self._take_keyword("not"):
                return Not(self._not())
            if self._take_sign("("):
                inner = self._or()
                self._want_sign(")")
                return inner
            return Has(self._field()) if self._take_keyword("has") else self._comparison()
        finally:
            self.depth -= 1

    def _comparison(self) -> Filter:
        after = self.tokens[min(self.next + 1, len(self.tokens) - 1)]
        if self.token.is_keyword("near") and (after.kind, after.text) == ("sign", "("):  # alone it is a field's name
            return self._near()
        field = self._field()
        if self._take_keyword("in"):
            self._want_sign("(")
            values = [self._value(field)]
            while self._take_sign(","):
                values.append(self._value(field))
            self._want_sign(")")
            return In(field, tuple(values))
        if self._take_keyword("says"):
            how = self._how()
            return Says(field, self._text("text to look for"), how)
        sign = self.token
        if sign.kind != "sign" or sign.text not in (*OPERATORS, "~"):
            self._fail("=, !=, <, <=, >, >=, ~, 'in' or 'says'")
        self.next += 1
        if sign.text == "~":
            return Contains(field, self._text("text to look for"))
        return Compare(field, cast("Operator", sign.text), self._value(field))

    def _how(self) -> How:
        """What of the words a field is to say, where it is named before the text."""
        after = self.tokens[min(self.next + 1, len(self.tokens) - 1)]
        named = next((how for how in HOWS if self.token.is_keyword(how)), None)
        if named is None or after.kind not in ("quoted", "word") or after.text.lower() in KEYWORDS:
            return "all"
        self.next += 1
        return cast("How", named)

    def _near(self) -> Filter:
        self.next += 2
        numbers = [self._number("a latitude")]
        self._want_sign(",")
        numbers.append(self._number("a longitude"))
        if self._take_sign(","):
            numbers.append(self._number("a distance in kilometres"))
        self._want_sign(")")
        return Near(*numbers)

    def _number(self, expected: str) -> float:
        token = self.token
        found = read_word("", token.text) if token.kind == "word" else None
        if isinstance(found, bool) or not isinstance(found, int | float):
            self._fail(expected)
        self.next += 1
        return found

    def _field(self) -> str:
        if self.token.text in ('""', "''"):
            self._fail("the name of a field")
        return self._text("the name of a field")

    def _value(self, field: str) -> Value:
        quoted = self.token.kind == "quoted"
        text = self._text("a value")
        return text if quoted else read_word(field, text)

    def _text(self, expected: str) -> str:
        token = self.token
        is_keyword = token.kind == "word" and token.text.lower() in KEYWORDS
        if token.kind not in ("quoted", "word") or is_keyword:
            self._fail(expected)
        self.next += 1
        return re.sub(r"\\(.)", r"\1", token.text[1:-1], flags=re.DOTALL) if token.kind == "quoted" else token.text

    def _take_keyword(self, word: str) -> bool:
        return self._take(self.token.is_keyword(word))

    def _take_sign(self, sign: str) -> bool:
        return self._take(self.token.kind == "sign" and self.token.text == sign)

    def _take(self, here: bool) -> bool:
        self.next += here
        return here

    def _want_sign(self, sign: str) -> None:
        if not self._take_sign(sign):
            self._fail(repr(sign))

    def _fail(self, expected: str, token: _Token | None = None) -> NoReturn:
        token = token or self.token
        found = "the end" if not token.text else repr(token.text)
        meant_near = "near" in re.findall("[a-z]+", self.text.lower())
        raise InvalidFilterError(
            f"Can't read the filter {self.text!r}: expected {expected} at position {token.at + 1}, found {found}.",
            remedy=HOW_NEAR if meant_near else _REMEDY,
        )
