"""What the texts of images say of a query: names, captions, tags, groups, text in pictures, columns of tables."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from imagefinder.search.query import Kind, Term
from imagefinder.store.filters.parse import And, Filter, In, Not, Or, Says
from imagefinder.store.filters.predicate import file_name
from imagefinder.store.words import TEXTS, is_text, numbers_of, texts_in, words_of

if TYPE_CHECKING:
    from imagefinder.index.folder import Index
    from imagefinder.store.base import Matches

RECORD_FIELDS = {"name": ("uri", "name"), "caption": ("caption",), "text": ("text",), "tag": ("tags",)}
LABELS = {"tags": "tag", "cluster_name": "group", "text": "text in picture", "colours": "colour"}
WEIGHTS: dict[str, float] = {"cluster_name": 0.5, "colours": 0.5}  # of what is said there; 1 elsewhere
NAMES = 64  # images whose names say most of the query, among which one is looked for that is called like it


@dataclass(frozen=True)
class Ask:
    """Words to be looked up in these fields of records."""

    text: str
    fields: tuple[str, ...]


@dataclass(frozen=True)
class Written:
    """What is looked up in the texts of images. ``asks`` are the words; all images that fulfil ``only`` (None: all) may
    be hits; those that say one of the ``phrases``, or are called like the query, come first."""

    index: Index
    asks: tuple[Ask, ...] = ()
    only: Filter | None = None
    phrases: tuple[Ask, ...] = ()
    _kept: dict[str, Filter | None] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, index: Index, terms: Sequence[Term], *, colours: bool, everywhere: bool) -> Written:
        """What is to be looked up for the terms of a query: texts that a field has to say, and if ``everywhere`` is
        true all other words that are wanted, in all fields, among the colours of pictures only with ``colours``."""
        words = [t for t in terms if t.kind is Kind.WORDS]
        free = [t for t in words if not t.field and t.weight > 0] if everywhere else []
        asks = [Ask(str(t.value), RECORD_FIELDS[t.field]) for t in words if t.field and t.weight > 0]
        phrases = [Ask(str(t.value), RECORD_FIELDS[t.field]) for t in words if t.field and t.quoted and t.weight > 0]
        if free:
            fields = tuple(f for f in index.store.text_fields() if colours or f != "colours")
            asks.append(Ask(" ".join(str(t.value) for t in free), fields))
            texts = tuple(f for f in fields if f != "colours")
            phrases += [Ask(phrase, texts) for t in free for phrase in (t.phrases or (str(t.value),) * t.quoted)]
        return cls(index, tuple(asks), _all(_condition(t) for t in words if t.field), tuple(phrases))

    def __bool__(self) -> bool:
        return bool(self.asks)

    def has(self, word: str) -> bool:
        """Whether the texts of any image say this word."""
        found = self.index.store.match(word, [f for f in self.index.store.text_fields() if f != "colours"], 1)
        return any(matches.scores or matches.rest for matches in found.values())

    def finds(self, filter: Filter | None) -> bool:
        """Whether any image says any of the words."""
        return any(matches.scores or matches.rest for _, matches in self.best(filter, 1))

    def best(self, filter: Filter | None, depth: int) -> list[tuple[float, Matches]]:
        """For each field the ``depth`` images that say most of the words, with the weight of the field."""
        return [
            (WEIGHTS.get(name, 1.0), matches)
            for ask in self.asks
            for name, matches in self.index.store.match(ask.text, ask.fields, depth, filter=filter).items()
        ]

    def scores(self, ids: Sequence[str]) -> dict[str, float]:
        """How much these images say of the words; those that say none are left out."""
        totals: defaultdict[str, float] = defaultdict(float)
        for ask in self.asks if ids else ():
            for name, matches in self.index.store.match(ask.text, ask.fields, len(ids), ids=ids).items():
                for id, score in matches.scores.items():
                    totals[id] += WEIGHTS.get(name, 1.0) * score
        return dict(totals)

    @cached_property
    def any(self) -> Filter | None:
        """Fulfilled by the images that say any of the words; None if no word is looked up."""
        return _any(Says(name, ask.text, "any") for ask in self.asks for name in ask.fields)

    def first(self, filter: Filter | None) -> Filter | None:
        """Fulfilled by the images that come first, of those that pass the filter: they say a phrase, or are called like
        the query. None if there are none."""
        key = str(filter)
        if key not in self._kept:
            said = _any(Says(name, ask.text, "phrase") for ask in self.phrases for name in ask.fields)
            called = self._called(filter)
            wanted = _any([*([said] if said else []), *([In("uri", tuple(called))] if called else [])])
            there = wanted is not None and self.index.store.count(both(filter, wanted))
            self._kept[key] = wanted if there else None
        return self._kept[key]

    def _called(self, filter: Filter | None) -> list[str]:
        """The places of images whose name is that of the query, with or without its ending."""
        found: dict[str, str] = {}
        for ask in self.asks:
            names = self.index.store.match(
                ask.text, ("uri", "name") if "uri" in ask.fields else (), NAMES, filter=filter
            )
            ids = [id for matches in names.values() for id in matches.scores]
            for point in self.index.store.retrieve(ids):
                if is_called(point.payload, ask.text):
                    found[point.id] = str(point.payload["uri"])
        return list(found.values())


def is_called(payload: Mapping[str, Any], text: str) -> bool:
    """Whether an image has this name, by its file, with or without its ending, or as it was given to it."""
    names = [file_name(str(payload.get("uri", ""))), str(payload.get("name") or "")]
    wanted = _plain(text)
    return bool(wanted) and any(wanted in (_plain(name), _plain(name.rpartition(".")[0])) for name in names)


def matched(payload: Mapping[str, Any], query: str | Term | Sequence[str | Term]) -> list[tuple[str, str]]:
    """Which texts of a record say words of a query: pairs of a field, as people call it ("name", "folder", "caption",
    "tag", "text in picture", "group", "colour", or a column of a table), and the words as they are written there. Of
    tags, the whole tag. The query is a text or a term, or several; a term for one field is looked for only there."""
    terms = [query] if isinstance(query, str | Term) else list(query)
    found: list[tuple[str, str]] = []
    for name in dict.fromkeys([*TEXTS, *(f for f, value in payload.items() if is_text(f, value))]):
        asked = " ".join(_asked(term, name) for term in terms)
        for label, text in _labelled(payload, name) if asked.strip() else ():
            wanted = set(numbers_of(asked, name))
            words = [word.written for word in words_of(text, name) if wanted.intersection(word.numbers)]
            if words:
                found.append((label, text if name in ("tags", "colours") else " ".join(dict.fromkeys(words))))
    return list(dict.fromkeys(found))


def _asked(term: str | Term, name: str) -> str:
    """The text of a term that is looked for in this field of records."""
    if isinstance(term, str):
        return term
    wanted = term.kind is Kind.WORDS and term.weight > 0 and (not term.field or name in RECORD_FIELDS[term.field])
    return str(term.value) if wanted else ""


def _labelled(payload: Mapping[str, Any], name: str) -> list[tuple[str, str]]:
    """The texts of a field, each with what people call the field."""
    if name != "uri":
        return [(LABELS.get(name, name), text) for text in texts_in(payload, name)]
    uri = str(payload.get("uri", ""))
    last = file_name(uri)
    return [("name", last), ("folder", uri.removesuffix(last))]


def both(*filters: Filter | None) -> Filter | None:
    """All of the filters that there are; None if there are none."""
    return _all(filters)


def _all(filters: Iterable[Filter | None]) -> Filter | None:
    there = tuple(f for f in filters if f is not None)
    return And(there) if len(there) > 1 else there[0] if there else None


def _any(filters: Iterable[Filter]) -> Filter | None:
    there = tuple(filters)
    return Or(there) if len(there) > 1 else there[0] if there else None


def _condition(term: Term) -> Filter:
    """What a term for one field wants of an image."""
    (name,) = RECORD_FIELDS[term.field][-1:]
    said = Says(name, str(term.value), "phrase" if term.quoted else "all")
    return said if term.weight > 0 else Not(said)


def _plain(text: str) -> str:
    """A name without case and accents."""
    parts = unicodedata.normalize("NFKD", text.strip().casefold())
    return "".join(sign for sign in parts if not unicodedata.combining(sign))
