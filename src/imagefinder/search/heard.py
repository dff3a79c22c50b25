"""What of a query the models understand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imagefinder.search.query import Kind, Term

if TYPE_CHECKING:
    from imagefinder.index.models import View
    from imagefinder.models.base import Reading

SHOWN = 5  # words that a notice names


@dataclass(frozen=True, slots=True)
class Heard:
    """The ``terms`` that say something: pictures, and texts of which a model knows a word. ``unknown`` are the words
    that no model knows, in their order; ``notice`` says so to people, None if there are none."""

    terms: tuple[Term, ...]
    unknown: tuple[str, ...] = ()
    notice: str | None = None


def hear(views: Sequence[View], terms: Sequence[Term]) -> Heard:
    """Read the texts among the terms, with the models that are to embed them. Raises InvalidQueryError for a model that
    doesn't understand words."""
    texts = [str(term.value) for term in terms if term.kind is Kind.WORDS]
    if not texts:
        return Heard(tuple(terms))
    readings = dict(zip(texts, zip(*[_read(view, texts) for view in views], strict=True), strict=True))
    left = [t for t in terms if t.kind is not Kind.WORDS or any(r.understood for r in readings[str(t.value)])]
    unknown = [word for text in texts for word in readings[text][0].unknown if _to_all(word, readings[text])]
    words = tuple(dict.fromkeys(unknown))
    if not words:
        return Heard(tuple(left))
    understood = any(term.kind is Kind.WORDS for term in left)
    return Heard(tuple(left), words, _notice(words, understood, [r for found in readings.values() for r in found]))


def _read(view: View, texts: Sequence[str]) -> Sequence[Reading]:
    from imagefinder.models.base import Reading

    embedder = view.words_model
    read = getattr(embedder, "read_texts", None)  # a program's own embedder may lack it
    return read(texts) if read else [Reading() for _ in texts]


def _to_all(word: str, readings: Sequence[Reading]) -> bool:
    return all(word in reading.unknown for reading in readings)


def _notice(words: Sequence[str], understood: bool, readings: Sequence[Reading]) -> str:
    meant = {word: said for reading in readings for word, said in reading.meant}
    named = [f"{word} (did you mean {meant[word]}?)" if word in meant else word for word in words[:SHOWN]]
    more = f" and {len(words) - SHOWN:,} more" if len(words) > SHOWN else ""
    languages = dict.fromkeys(reading.language for reading in readings if reading.language)
    reads = f" The model reads {' and '.join(languages)}." if languages else " The model knows no such words."
    what = "Not understood" if understood else "No word was understood"
    return f"{what}: {', '.join(named)}{more}.{reads}"
