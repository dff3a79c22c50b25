"""The words of what is known of an image: its texts, and how they are divided into words by the engine's own tokeniser,
without case, accents and endings (Porter's English stemmer), and without the commonest English words.

What is here is the meaning of ``Says`` and of ``match`` for every store; the engine's index of words agrees with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

from imagefinder.store.fields import FIELD_KINDS

if TYPE_CHECKING:
    import qdrant_edge

ANY = "*"  # in place of a field: any text
TEXTS = ("uri", "name", "caption", "tags", "cluster_name", "text")  # of the fields of a record
NO_TEXTS = {*FIELD_KINDS, "issues", "missing", "cluster_pinned", "text_boxes", "concept"} - {*TEXTS}
K1, B = 1.2, 0.75  # of BM25 (Robertson and Zaragoza 2009), the usual ones

_WORD = re.compile(r"[^\W_]+")
_PART = re.compile(r"[^\W\d_]+?(?=[A-Z\u00c0-\u00de][a-z\u00df-\u00ff]|\d|\W|_|$)|\d+")
_CODE = re.compile(r"[\d\W_]*|https?://\S*|[0-9a-f]{8}(-?[0-9a-f]{4,12}){0,4}|\d{4}-\d\d\S*", re.IGNORECASE | re.DOTALL)


class Word(NamedTuple):
    """A word as it is ``written``, and the tokeniser's numbers of what it is made of; none for one passed over."""

    written: str
    numbers: tuple[int, ...]


def texts_of(payload: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The texts of a record, each with its field: those of ``TEXTS``, and columns of tables that are no codes, numbers,
    dates or addresses. The names of concepts are none: what was found once would be found for that."""
    for field, value in payload.items():
        if field in NO_TEXTS:
            continue
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str) and (field in TEXTS or _CODE.fullmatch(text) is None):
                yield field, text


def may_say(payload: Mapping[str, Any]) -> bool:
    """Whether these fields may be among the texts of a record."""
    return any(
        field not in NO_TEXTS and (value is None or isinstance(value, str | list)) for field, value in payload.items()
    )


def said_in(payload: Mapping[str, Any]) -> list[str]:
    """The texts of a record, as its words are looked up."""
    return [spelt(text) if field == "uri" else text for field, text in texts_of(payload)]


def spelt(place: str) -> str:
    """The place of a file as words: those that hold ``CamelCase`` or numbers, such as weddingCake3, are followed by
    their parts."""
    return " ".join(text for word in _WORD.findall(unquote(place)) for text in (word, *_parts(word)))


def _parts(word: str) -> list[str]:
    parts = _PART.findall(word)
    return parts if len(parts) > 1 else []


def file_name(uri: str) -> str:
    """The last part of a path or URL, without what a URL says after it."""
    if re.match(r"https?://", uri, re.IGNORECASE):
        return unquote(re.split(r"[?#]", uri, maxsplit=1)[0].rstrip("/").rpartition("/")[2])
    return re.split(r"[/\\]", uri)[-1]


def words_of(text: str, *, place: bool = False) -> list[Word]:
    """The words of a text in their order; of the ``place`` of a file each with its parts."""
    found = []
    for written in _WORD.findall(text):
        numbers = [n for part in (written, *(_parts(written) if place else ())) for n in _numbers(part)]
        found.append(Word(written, tuple(dict.fromkeys(numbers))))
    return found


def numbers_of(text: str) -> list[int]:
    """The tokeniser's numbers of the words of a text in their order, those passed over left out."""
    return [number for word in _WORD.findall(text) for number in _numbers(word)]


def says(texts: Sequence[str], how: str, wanted: str) -> bool:
    """Whether texts say "all" or "any" of the words of ``wanted``, or one of them these words one after the other
    ("phrase"). Words that are passed over are said nowhere."""
    asked = numbers_of(wanted)
    said = [numbers_of(text) for text in texts] if asked else []
    if how == "phrase":
        n = len(asked)
        return any(one[i : i + n] == asked for one in said for i in range(len(one) - n + 1))
    there = {number for one in said for number in one}
    return bool(there.intersection(asked)) if how == "any" else bool(said) and there.issuperset(asked)


@lru_cache(maxsize=50_000)
def _numbers(word: str) -> tuple[int, ...]:
    return tuple(_tokeniser().embed_query(word).indices)


@cache
def _tokeniser() -> qdrant_edge.Bm25:
    import qdrant_edge as engine

    return engine.Bm25(engine.Bm25Config(**settings()))


def settings() -> dict[str, Any]:
    """The engine's settings of the tokeniser."""
    import qdrant_edge as engine

    return {
        "tokenizer": engine.TokenizerType.Word,
        "lowercase": True,
        "ascii_folding": True,
        "stopwords": engine.Language.English,
        "stemmer": engine.SnowballParams(engine.SnowballLanguage.English),
    }
