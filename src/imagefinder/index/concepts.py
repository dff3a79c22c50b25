"""Concepts: queries that people gave a name, with the images that were right and wrong. They are stored by content."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from imagefinder._util.suggest import unknown_name
from imagefinder.errors import InvalidInputError
from imagefinder.index.judged import JUDGED, Judged
from imagefinder.index.kept_rows import KeptRows

if TYPE_CHECKING:
    from imagefinder.index.folder import Index

FILE = "concepts.jsonl"
FIELD = "concept"  # of the records of its images
MOST = 1000  # concepts, and parts of a query
LONGEST = 80  # characters of a name
_NAME = re.compile(r"\w+(?:[ ._'’-]\w+)*")
_PART = {
    "words?": str,
    "id?": str,
    "content_hash?": str,
    "weight": float,
    "box?": [float],
    "quoted?": bool,
    "field?": str,
    "phrases?": [str],
}
_ROW = {
    "id": str,
    "created": str,
    "name": str,
    "parts": [_PART],
    "liked": JUDGED,
    "disliked": JUDGED,
    "min_score?": (float, None),
    "filter?": str,
}


@dataclass(frozen=True, slots=True)
class Concept:
    """A query under a ``name``: its ``parts`` as the API takes them, in words or of images of the index, and the images
    that were ``liked`` and ``disliked``. Hits that score ``min_score`` belong to it; None: those that surely fit. With
    a ``filter``, as text, only images that pass it do; without a query, all of them. ``images`` is how many records are
    marked as belonging to it, by the field ``concept``. ``created`` is ISO 8601 in UTC."""

    id: str
    created: str
    name: str
    parts: tuple[Mapping[str, Any], ...] = ()
    liked: tuple[Judged, ...] = ()
    disliked: tuple[Judged, ...] = ()
    min_score: float | None = None
    images: int = 0
    filter: str = ""

    def to_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "created": self.created,
            "name": self.name,
            "parts": [dict(part) for part in self.parts],
            "liked": [j.to_dict() for j in self.liked],
            "disliked": [j.to_dict() for j in self.disliked],
            "min_score": self.min_score,
            "filter": self.filter,
            "images": self.images,
        }

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Concept:
        """The concept that ``to_dict`` wrote. Raises KeyError, TypeError or ValueError for anything else."""
        liked, disliked = (
            tuple(Judged(str(j["id"]), str(j["content_hash"])) for j in row[name]) for name in ("liked", "disliked")
        )
        parts = tuple(dict(part) for part in row["parts"])
        score = row.get("min_score")
        images, filter = int(row.get("images", 0)), str(row.get("filter", ""))
        return cls(row["id"], row["created"], row["name"], parts, liked, disliked, score, images, filter)


def checked_name(name: str) -> str:
    """A name as it is kept. It can stand in a query as it is: letters and digits, between them single spaces, dots,
    hyphens and the like. Raises InvalidInputError."""
    text = unicodedata.normalize("NFC", name).strip() if isinstance(name, str) else ""
    if not _NAME.fullmatch(text) or len(text) > LONGEST:
        raise InvalidInputError(
            f"A concept is called by words of letters and digits, {LONGEST} characters at most, not {name!r:.200}.",
            remedy="For example: red shoes",
        )
    return text


class KeptConcepts:
    """The concepts of an index, in ``concepts.jsonl`` and ``said.jsonl``, see ``kept_rows``."""

    def __init__(self, index: Index) -> None:
        self._rows = KeptRows(index, FILE, "concept", _ROW, "concepts")

    def all(self) -> Sequence[Concept]:
        """All of them, by their names."""
        found = [Concept.from_dict(row) for row in self._rows.all().values()]
        return sorted(found, key=lambda concept: concept.name.casefold())

    def find(self, name: str) -> Concept:
        """The concept of this name, in capitals or not. Raises NotFoundError."""
        there = self.all()
        wanted = unicodedata.normalize("NFC", name).strip().casefold()
        for concept in there:
            if concept.name.casefold() == wanted:
                return concept
        raise unknown_name("concept", name, [concept.name for concept in there])

    def put(self, concept: Concept) -> None:
        """Store a concept, in the place of the one with its id. Raises InvalidInputError or StorageError."""
        row = concept.to_dict()
        del row["images"]
        self._rows.put(row)

    def remove(self, id: str) -> None:
        """Raises StorageError."""
        self._rows.remove(id)

    def write_all(self, concepts: Sequence[Concept], former: Sequence[Concept]) -> None:
        """Keep only these of the former concepts. Hold ``writing``. Raises StorageError."""
        rows = [{k: v for k, v in one.to_dict().items() if k != "images"} for one in concepts]
        self._rows.write_all(rows, [one.id for one in former])


def purge_concepts(index: Index, there: Collection[str]) -> set[str]:
    """Forget what concepts say of contents other than those that are ``there``; which contents that were. A concept
    stays, by its name, as long as it has a query in words, a filter or an image that is there. Raises StorageError."""
    kept = KeptConcepts(index)
    with index.writing:
        found = kept.all()
        gone = {content for one in found for content in _contents(one)} - set(there)
        if gone:
            left = [_without(one, gone) for one in found]
            kept.write_all([one for one in left if one.parts or one.liked or one.filter], found)
    return gone


def _contents(concept: Concept) -> set[str]:
    judged = {j.content_hash for j in (*concept.liked, *concept.disliked)}
    return judged | {str(part["content_hash"]) for part in concept.parts if "content_hash" in part}


def _without(concept: Concept, gone: Collection[str]) -> Concept:
    return replace(
        concept,
        parts=tuple(part for part in concept.parts if part.get("content_hash") not in gone),
        liked=tuple(j for j in concept.liked if j.content_hash not in gone),
        disliked=tuple(j for j in concept.disliked if j.content_hash not in gone),
    )
