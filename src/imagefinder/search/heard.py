"""What of a query the models understand."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagefinder.search.query import Kind, Term

if TYPE_CHECKING:
    from imagefinder.index.models import View
    from imagefinder.models.base import Reading

SHOWN = 5  # words that a notice names
_LATIN = re.compile("[a-z]+")


@dataclass(frozen=True, slots=True)
class Heard:
    """The ``terms`` that say something: pictures, texts of which a model knows a word, and what is in quotation marks
    and in Latin letters: no list has every word, and a model may make something of the pieces. ``unknown`` are the
    words that no model knows, in their order; ``notice`` says so to people, None if there are none."""

    terms: tuple[Term, ...]
    unknown: tuple[str, ...] = ()
    notice: str | None = None


def hear(views: Sequence[View], terms: Sequence[Term], written: Callable[[str], bool]) -> Heard:
    """Read the texts among the terms, with the models that are to embed them. A word that no model knows is no stranger
    where it is ``written`` in the texts of images, which find it. Raises InvalidQueryError for a model that doesn't
    understand words."""
    texts = [str(term.value) for term in terms if term.kind is Kind.WORDS]
    if not texts:
        return Heard(tuple(terms))
    readings = dict(zip(texts, zip(*[_read(view, texts) for view in views], strict=True), strict=True))
    understood = {text: any(reading.understood for reading in found) for text, found in readings.items()}
    unknown = {w: written(w) for text in texts for w in readings[text][0].unknown if _to_all(w, readings[text])}
    quoted = [str(t.value) for t in terms if t.quoted and not understood[str(t.value)]]
    forced = {
        text for text in quoted if _is_spelled(text) and not any(unknown.get(w) for w in readings[text][0].unknown)
    }
    left = [
        t for t in terms if t.kind is not Kind.WORDS or understood[str(t.value)] or (t.quoted and t.value in forced)
    ]
    words = tuple(word for word, found in unknown.items() if not found)
    if not words:
        return Heard(tuple(left))
    by_pieces = [word for word in words if all(word not in readings[t][0].unknown or t in forced for t in texts)]
    refused = [word for word in words if word not in by_pieces]
    some = any(understood.values())
    said = [
        _notice(refused, some, [r for found in readings.values() for r in found]) if refused else "",
        "" if some or not refused or not all(map(_is_spelled, refused)) else _offer(refused[0]),
        _by_pieces(by_pieces) if by_pieces else "",
    ]
    return Heard(tuple(left), words, " ".join(filter(None, said)))


def _is_spelled(text: str) -> bool:
    """Whether all letters are Latin ones, so that a model has pieces for it."""
    plain = unicodedata.normalize("NFKD", text.lower())
    letters = [sign for sign in plain if unicodedata.category(sign)[0] in "LS"]
    return bool(letters) and _LATIN.fullmatch("".join(letters)) is not None


def _offer(word: str) -> str:
    return f'To search by it all the same, write it in quotation marks: "{word}".'


def _by_pieces(words: Sequence[str]) -> str:
    return f"Not known as words and searched by their letters, as you asked: {_listed(words)}."


def _read(view: View, texts: Sequence[str]) -> Sequence[Reading]:
    from imagefinder.models.base import Reading

    embedder = view.words_model
    read = getattr(embedder, "read_texts", None)  # a program's own embedder may lack it
    return read(texts) if read else [Reading() for _ in texts]


def _to_all(word: str, readings: Sequence[Reading]) -> bool:
    return all(word in reading.unknown for reading in readings)


def _notice(words: Sequence[str], understood: bool, readings: Sequence[Reading]) -> str:
    meant = {word: said for reading in readings for word, said in reading.meant}
    named = _listed([f"{word} (did you mean {meant[word]}?)" if word in meant else word for word in words])
    languages = dict.fromkeys(reading.language for reading in readings if reading.language)
    reads = f" The model reads {' and '.join(languages)}." if languages else " The model knows no such words."
    what = "Not understood" if understood else "No word was understood"
    return f"{what}: {named}.{reads}"


def _listed(words: Sequence[str]) -> str:
    more = f" and {len(words) - SHOWN:,} more" if len(words) > SHOWN else ""
    return f"{', '.join(words[:SHOWN])}{more}"
