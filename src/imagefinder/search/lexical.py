"""What the texts of images say of a query: names, captions, tags, groups, text in pictures, columns of tables."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from heapq import nlargest
from typing import TYPE_CHECKING, Any

from imagefinder.search.query import Kind, Term, looks_like_name
from imagefinder.store.filters.parse import And, Filter, In, Not, Or, Says
from imagefinder.store.words import ANY, file_name, numbers_of, texts_of, words_of

if TYPE_CHECKING:
    from imagefinder.index.folder import Index
    from imagefinder.store.base import Matches

FIELDS = {"name": "name", "caption": "caption", "text": "text", "tag": "tags"}  # of records, as queries name them
LABELS = {"tags": "tag", "cluster_name": "group", "text": "text in picture"}
OTHERS = 5  # images that say most of the query: what the last of them says others say by chance
NAMES = 64  # images whose texts say most of the query, among which those are looked for that are called like it


@dataclass(frozen=True)
class Written:
    """What is looked up in the texts of images: the words of ``text``. Only images that fulfil ``only`` (None: all) may
    be hits; where ``required`` is true, that is all of the text. Those that say one of the ``phrases``, or are called
    like the query, come first. The ``terms`` are those of the query that all this is made of."""

    index: Index
    text: str = ""
    only: Filter | None = None
    phrases: tuple[str, ...] = ()
    required: bool = False
    terms: tuple[Term, ...] = ()
    _kept: dict[str, Filter | None] = field(default_factory=dict, compare=False)
    _best: dict[tuple[str, int], Matches] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, index: Index, terms: Sequence[Term], *, everywhere: bool) -> Written:
        """What is to be looked up for the terms of a query: what a field has to say, and if ``everywhere`` is true the
        other words that are wanted."""
        words = [t for t in terms if t.kind is Kind.WORDS and (t.field or everywhere)]
        wanted = [t for t in words if t.weight > 0]
        phrases = [p for t in wanted if not t.field for p in (t.phrases or (str(t.value),) * t.quoted)]
        only = both(*(_condition(t) for t in words if t.field))
        text = " ".join(str(t.value) for t in wanted)
        return cls(index, text, only, tuple(phrases), all(t.field for t in wanted), tuple(words))

    def __bool__(self) -> bool:
        return bool(self.text)

    def has(self, word: str) -> bool:
        """Whether the texts of any image say this word."""
        return bool(self.index.store.match(word, 1))

    def finds(self, filter: Filter | None) -> bool:
        """Whether any image says any of the words."""
        return bool(self.best(filter, 1))

    def best(self, filter: Filter | None, depth: int) -> Matches:
        """The ``depth`` images, or more, that say most of the words."""
        key = str(filter), max(depth, NAMES)
        if key not in self._best:
            self._best[key] = self.index.store.match(self.text, key[1], filter=filter)
        return self._best[key]

    @cached_property
    def usual(self) -> float:
        """What the texts of some images say of the words by chance: the score of the fifth best of all images, less the
        part of the query that it says, for what says all of it does so on purpose."""
        found = self.best(None, NAMES)
        fifth = nlargest(OTHERS, [*found.scores.values(), *[found.rest] * OTHERS])[-1]
        return fifth * (1 - min(1.0, fifth / found.full)) if found else 0.0

    def scores(self, ids: Sequence[str]) -> Matches:
        """How much these images say of the words; those that say none are left out."""
        return self.index.store.match(self.text, max(1, len(ids)), ids=ids)

    def full(self, filter: Filter | None) -> float:
        """The score of a text of mean length that says each word once; 0 where whatever is found says all of them."""
        if self.required or len(set(numbers_of(self.text))) == 1:
            return 0.0
        return self.best(filter, 1).full

    @property
    def any(self) -> Filter:
        """Fulfilled by the images that say any of the words."""
        return Says(ANY, self.text, "any")

    def first(self, filter: Filter | None) -> Filter | None:
        """Fulfilled by the images that come first, of those that pass the filter: they say a phrase, or are called like
        the query. None if there are none."""
        key = str(filter)
        if key not in self._kept:
            called = self._called(filter)
            said = [Says(ANY, phrase, "phrase") for phrase in self.phrases]
            wanted = _any([*said, *([In("uri", tuple(called))] if called else [])])
            there = wanted is not None and self.index.store.count(both(filter, wanted))
            self._kept[key] = wanted if there else None
        return self._kept[key]

    def _called(self, filter: Filter | None) -> list[str]:
        """The places of images whose name is that of the query, with or without its ending."""
        best = list(self.best(filter, NAMES).scores)
        points = self.index.store.retrieve(best)
        return [str(point.payload["uri"]) for point in points if is_called(point.payload, self.text)]


def is_called(payload: Mapping[str, Any], text: str) -> bool:
    """Whether an image has this name, by its file, with or without its ending, or as it was given to it."""
    names = [file_name(str(payload.get("uri", ""))), str(payload.get("name") or "")]
    wanted = _plain(text)
    return bool(wanted) and any(wanted in (_plain(name), _plain(name.rpartition(".")[0])) for name in names)


def matched(payload: Mapping[str, Any], query: str | Term | Sequence[str | Term]) -> list[tuple[str, str]]:
    """Which texts of a record say words of a query: pairs of a field, as people call it ("name", "folder", "caption",
    "tag", "text in picture", "group", or a column of a table), and the words as they are written there. Of tags, the
    whole tag. The query is a text or a term, or several; a term for one field is looked for only there."""
    terms = [query] if isinstance(query, str | Term) else list(query)
    found: list[tuple[str, str]] = []
    for name, text in texts_of(payload):
        for label, part in _parts(name, text):
            wanted = {number for term in terms for number in numbers_of(_asked(term, label))}
            words = [word.written for word in words_of(part, place=name == "uri") if wanted.intersection(word.numbers)]
            if words:
                found.append((label, part if label == "tag" else " ".join(dict.fromkeys(words))))
    return list(dict.fromkeys(found))


def places_in_text(payload: Mapping[str, Any], terms: Sequence[Term]) -> tuple[int, ...]:
    """Where the text in a picture says words of a query: the places of these words in ``text.split()``, which are also
    those of their boxes (see ``ocr.words``). Of a text in quotation marks: where its words follow each other."""
    text = payload.get("text")
    words = text.split() if isinstance(text, str) else []
    said = [(place, number) for place, word in enumerate(words) for number in numbers_of(word)]
    found: set[int] = set()
    for term in terms:
        asked = numbers_of(_asked(term, LABELS["text"]))
        if not term.quoted:
            found.update(place for place, number in said if number in asked)
            continue
        for start in range(len(said) - len(asked) + 1 if asked else 0):
            some = said[start : start + len(asked)]
            if [number for _, number in some] == asked:
                found.update(range(some[0][0], some[-1][0] + 1))
    return tuple(sorted(found))


def _parts(name: str, text: str) -> list[tuple[str, str]]:
    """A text, or its parts, each with what people call the field."""
    if name != "uri":
        return [(LABELS.get(name, name), text)]
    last = file_name(text)
    return [("name", last), ("folder", text.removesuffix(last))]


def _asked(term: str | Term, label: str) -> str:
    """The text of a term that is looked for in this field."""
    if isinstance(term, str):
        return term
    fields = {"text": "text in picture"}
    wanted = (
        term.kind is Kind.WORDS and term.weight > 0 and (not term.field or label == fields.get(term.field, term.field))
    )
    return str(term.value) if wanted else ""


def both(*filters: Filter | None) -> Filter | None:
    """All of the filters that there are; None if there are none."""
    there = tuple(f for f in filters if f is not None)
    return And(there) if len(there) > 1 else there[0] if there else None


def _any(filters: Sequence[Filter]) -> Filter | None:
    return Or(tuple(filters)) if len(filters) > 1 else filters[0] if filters else None


def _condition(term: Term) -> Filter:
    """What a term for one field wants of an image. The words of a file's name are no phrase: parts stand between them,
    see ``store.words.spelt``."""
    text = str(term.value)
    phrase = term.quoted and not (term.field == "name" and looks_like_name(text))
    said = Says(FIELDS[term.field], text, "phrase" if phrase else "all")
    return said if term.weight > 0 else Not(said)


def _plain(text: str) -> str:
    """A name without case and accents."""
    parts = unicodedata.normalize("NFKD", text.strip().casefold())
    return "".join(sign for sign in parts if not unicodedata.combining(sign))
