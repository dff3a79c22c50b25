"""The words of texts, as the engine's tokeniser has them: without case, accents and endings (Porter's English stemmer),
and without the commonest English words. In places of files a word also ends where ``CamelCase`` or a number begins.

What is here is the meaning of ``Says`` and of ``match`` for every store; the engine's text indexes agree with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import qdrant_edge

PLACES = ("uri",)  # fields that hold the place of a file
LISTS = ("tags", "colours")  # fields that hold several texts
TEXTS = ("uri", "name", "caption", "tags", "cluster_name", "text", "colours")  # that every store looks words up in
NOT_TEXTS = frozenset({"issues", "missing", "text_boxes", "class_confidence"})  # of those that tables can't bring
COLUMNS = 24  # further fields of a store that words are looked up in: columns of tables
K1, B = 1.2, 0.75  # of BM25 (Robertson and Zaragoza 2009), the usual ones

_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
_CODE = re.compile(
    r"[\d\W_]*|https?://\S*|[0-9a-f]{8}(?:-?[0-9a-f]{4,12}){0,4}|\d{4}-\d\d.*", re.IGNORECASE | re.DOTALL
)


class Word(NamedTuple):
    """A word as it is ``written``, and what the tokeniser makes of it: no number for one that is passed over, several
    for one of several parts."""

    written: str
    numbers: tuple[int, ...]


def words_of(text: str, field: str = "") -> list[Word]:
    """The words of a text of this field, in their order."""
    return [Word(found, _numbers(found, field in PLACES)) for found in _WORD.findall(text)]


def numbers_of(text: str, field: str = "") -> list[int]:
    """The tokeniser's numbers of the words of a text of this field, in their order, those passed over left out."""
    return [number for word in words_of(text, field) for number in word.numbers]


def is_text(field: str, value: Any) -> bool:
    """Whether the values of a field that no record has of itself are text that words are looked up in, going by one of
    them: not codes, numbers, dates or addresses."""
    return isinstance(value, str) and field not in NOT_TEXTS and _CODE.fullmatch(value) is None


def texts_in(payload: Mapping[str, Any], field: str) -> list[str]:
    """The texts of a field: none where it is missing."""
    value = payload.get(field)
    return (
        [v for v in value if isinstance(v, str)]
        if isinstance(value, list)
        else [value]
        if isinstance(value, str)
        else []
    )


def says(texts: Iterable[str], field: str, how: str, wanted: str) -> bool:
    """Whether the texts of a field say "all" or "any" of the words of ``wanted``, or one of them these words one after
    the other ("phrase")."""
    asked = numbers_of(wanted, field)
    said = [numbers_of(text, field) for text in texts]
    if not asked:
        return False
    if how == "phrase":
        n = len(asked)
        return any(one[i : i + n] == asked for one in said for i in range(len(one) - n + 1))
    there = {number for one in said for number in one}
    return any(a in there for a in asked) if how == "any" else all(a in there for a in asked)


@lru_cache(maxsize=20_000)
def _numbers(word: str, place: bool) -> tuple[int, ...]:
    return tuple(_tokeniser(place).embed_query(word).indices)


@cache
def _tokeniser(place: bool) -> qdrant_edge.Bm25:
    import qdrant_edge as engine

    return engine.Bm25(engine.Bm25Config(**settings(place)))


def settings(place: bool) -> dict[str, Any]:
    """The engine's settings of the tokeniser, for places of files or for other texts."""
    import qdrant_edge as engine

    return {
        "tokenizer": engine.TokenizerType.Code if place else engine.TokenizerType.Word,
        "lowercase": True,
        "ascii_folding": True,
        "stopwords": engine.Language.English,
        "stemmer": engine.SnowballParams(engine.SnowballLanguage.English),
    }
