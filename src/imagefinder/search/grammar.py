"""The signs in the text of a query: where its parts begin and end, and which are subtracted.

::

    dog + beach - two people      + and - between spaces: all up to the next of them is one part
    dog -grass -"green leaves"    a sign right before a word or quoted phrase: only that is added or, half as strongly,
                                  subtracted
    "dog - cat"                   in quotation marks, signs and names of files are words like others
    2:dog - 0.5:cat -2:"tall hat" weights
    name:beach -tag:"to do"       only images whose name says so, and whose tags do not; also caption: and text:
    t-shirt, black-and-white, -5  a sign inside a word, or before a number, is part of the text
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace

from imagefinder._util.suggest import nearest
from imagefinder.errors import InvalidQueryError

_QUOTES = str.maketrans(dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb", '"'))
NEAR = 0.8  # of a misspelt field's letters that are those of a field, to be told
LESS = 0.5  # of ``-word``, unless it says another; see ``docs/library.md`` for what that does
FIELDS = {"name": "name", "caption": "caption", "text": "text", "tag": "tag", "tags": "tag"}  # that words can be put to
FOR_FILTERS = (
    *("folder", "source", "format", "bytes", "width", "height", "cluster", "colours", "taken_at", "mtime"),
    *("camera", "lens", "near"),
)
_SIGNS = {"+": 1.0, "-": -1.0, "\u2212": -1.0}  # the last is the minus of typography
_WEIGHT = r"\d+(?:\.\d+)?|\.\d+"
_TOKEN = re.compile(
    rf'(?P<sign>[+\-\u2212])?(?:(?P<weight>{_WEIGHT}):)?(?:(?P<field>[A-Za-z_]+):)?"(?P<quoted>[^"]*)"[,.;!?]?(?=\s|$)'
    r"|(?P<signed>[+\-\u2212])(?P<word>\S+)|\S+"
)
_NUMBER = re.compile(r"[\d.,:/\u2013-]*\d[°%]?\w?")
_FIELDED = re.compile(r"([A-Za-z_]+):([^\s/\\:].*)", re.DOTALL)
_WEIGHTED = re.compile(rf"({_WEIGHT}):\s*(\S.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a query: its ``text``, without signs, weight and quotation marks, and its ``weight``. ``quoted`` text
    is words, whatever it looks like; ``phrases`` are those in quotation marks among others. With a ``field``, of
    ``FIELDS``, the text is what that field is to say, or with a negative weight not to say."""

    text: str
    weight: float = 1.0
    quoted: bool = False
    phrases: tuple[str, ...] = ()
    field: str = ""


def split_pieces(text: str, is_whole: Callable[[str], bool] = lambda part: False) -> list[Piece]:
    """The parts of a text in their order, those with a sign of their own after the rest of their part. ``is_whole``
    says which text is one part as it stands, such as the name of a file. Raises InvalidQueryError for a sign with
    nothing beside it."""
    pieces: list[Piece] = []
    parts = _parts(text)
    for sign, part in parts:
        found = [Piece(part, sign)] if is_whole(part) else _pieces_of(part, sign)
        if not found and (len(parts) > 1 or part == "" or sign < 0):
            raise InvalidQueryError(
                f"There is nothing on one side of an operator in {text!r}.",
                remedy="Write + and - between two things, with spaces: dog + beach - people",
            )
        pieces += found
    return pieces


def _parts(text: str) -> list[tuple[float, str]]:
    """What stands between the signs that stand alone, each with the sign before it."""
    parts: list[tuple[float, str]] = []
    sign, start, signs = 1.0, 0, 0
    for token in _TOKEN.finditer(text.translate(_QUOTES)):
        if token.group() in _SIGNS:
            parts.append((sign, text[start : token.start()].strip()))
            sign, start, signs = _SIGNS[token.group()], token.end(), signs + 1
    parts.append((sign, text[start:].strip()))
    return parts[1:] if signs and not parts[0][1] else parts


def _pieces_of(part: str, sign: float) -> list[Piece]:
    """The pieces of what has no sign that stands alone."""
    rest: list[Piece] = []
    apart: list[Piece] = []
    for token in _TOKEN.finditer(part.translate(_QUOTES)):
        quoted, word = token["quoted"], token["word"]
        if quoted is not None:
            piece = _quoted(token["field"], quoted.strip(), float(token["weight"] or 1))
        else:
            piece = Piece(_unquoted(word if word and _is_term(word) else token.group()))
        own = token["sign"] or (token["signed"] if word and _is_term(word) else None)
        if own and piece.text:
            weighted = _in_field(_weighted(piece, _SIGNS[own]))
            usual = (
                not weighted.field and weighted.weight == -1.0 and weighted.text == piece.text and not token["weight"]
            )
            apart.append(replace(weighted, weight=-LESS) if usual else weighted)
        elif (fielded := _in_field(_weighted(piece, sign))).field:
            apart.append(fielded)
        elif piece.text:
            rest.append(piece)
    return [*([_joined(rest, part, sign)] if rest else []), *apart]


def _joined(rest: list[Piece], part: str, sign: float) -> Piece:
    """Words and phrases without a sign of their own, as one piece; as it was written where that makes no difference."""
    if len(rest) == 1 and rest[0].quoted:
        return _weighted(rest[0], sign)
    text = " ".join(piece.text for piece in rest)
    plain = part if part.split() == text.split() else text
    return _weighted(Piece(plain, rest[0].weight, phrases=tuple(piece.text for piece in rest if piece.quoted)), sign)


def _quoted(field: str | None, text: str, weight: float) -> Piece:
    """A phrase in quotation marks, which a field before it may be to say."""
    if field and (known := _field(field)):
        return Piece(text, weight, True, (text,), known)
    return Piece(f"{field}: {text}" if field else text, weight, True, (text,))


def _in_field(piece: Piece) -> Piece:
    """A piece such as ``caption:red`` as what a field is to say."""
    found = None if piece.quoted else _FIELDED.fullmatch(piece.text)
    known = _field(found[1]) if found else ""
    return replace(piece, text=found[2], field=known) if found and known else piece


def _field(name: str) -> str:
    """The field of this name; "" where no field was meant. Raises InvalidQueryError for one that there isn't."""
    plain = name.lower()
    if plain in FIELDS:
        return FIELDS[plain]
    known = ", ".join(f"{field}:" for field in dict.fromkeys(FIELDS.values()))
    if plain in FOR_FILTERS:
        example = ' "near(52.52, 13.40, 5)"' if plain == "near" else ""
        remedy = f"Filter by it, e.g. with --filter{example}; words can be looked for in {known}."
        raise InvalidQueryError(f"Words can't be looked for in '{name}:'.", remedy=remedy)
    if (near := nearest(plain, list(FIELDS), NEAR)) is not None:
        remedy = f"Did you mean {near}:? There are {known}. In quotation marks it is a word like others."
        raise InvalidQueryError(f"There is no field '{name}:'.", remedy=remedy)
    return ""


def _weighted(piece: Piece, sign: float) -> Piece:
    found = None if piece.quoted else _WEIGHTED.fullmatch(piece.text)
    if found:
        return replace(piece, text=found[2], weight=sign * piece.weight * float(found[1]))
    return replace(piece, weight=sign * piece.weight)


def _is_term(word: str) -> bool:
    """Whether a sign before this is meant for it: not before a number, another sign or an arrow."""
    if word[0] in _SIGNS or word[-1] in _SIGNS or _NUMBER.fullmatch(word):
        return False
    return not all(unicodedata.category(letter) in ("Pd", "Po", "Ps", "Pe", "Sm") for letter in word)


def _unquoted(word: str) -> str:
    """A word without a quotation mark that has no partner; that of inches stays."""
    word = word.removeprefix('"')
    return word[:-1] if word.endswith('"') and not word[:-1][-1:].isdigit() else word
