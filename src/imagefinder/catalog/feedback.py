"""Feedback: which hits people liked and disliked. It is stored in the index folder, one line each, for later use."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from imagefinder._util.arguments import checked
from imagefinder._util.values import is_plain, plain
from imagefinder.errors import InvalidInputError, NotFoundError
from imagefinder.index.judged import JUDGED, Judged, judged
from imagefinder.index.kept_rows import KeptRows

if TYPE_CHECKING:
    from imagefinder.index.folder import Index

FILE = "feedback.jsonl"
QUERY = 200_000  # characters and values in the query of a judgement
_ROW = {"id": str, "created": str, "query": {str: object}, "liked": JUDGED, "disliked": JUDGED}


@dataclass(frozen=True, slots=True)
class Judgement:
    """Which hits of a ``query`` (JSON values) were right and wrong. ``created`` is ISO 8601 in UTC."""

    id: str
    created: str
    query: Mapping[str, Any]
    liked: tuple[Judged, ...]
    disliked: tuple[Judged, ...]

    def to_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "created": self.created,
            "query": dict(self.query),
            "liked": [j.to_dict() for j in self.liked],
            "disliked": [j.to_dict() for j in self.disliked],
        }

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Judgement:
        """The judgement that ``to_dict`` wrote; a query that can't be shown, as older versions kept them, is left out.
        Raises KeyError, TypeError or ValueError for anything else."""
        liked, disliked = (
            tuple(Judged(str(j["id"]), str(j["content_hash"])) for j in row[name]) for name in ("liked", "disliked")
        )
        query = dict(row["query"]) if is_plain(row["query"]) else {}
        return cls(str(row["id"]), str(row["created"]), query, liked, disliked)


@checked
class Feedback:
    """The judgements of an index, in ``feedback.jsonl``. Each is one line, which is on the disk when ``add`` returns. A
    line that a crash cut short is ignored. Removing a judgement adds a line that says so."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._kept = _kept(index)

    def add(self, query: Mapping[str, Any], liked: Sequence[str] = (), disliked: Sequence[str] = ()) -> Judgement:
        """Store which hits of a query a person liked and disliked, by id.

        Raises InvalidInputError (nothing judged, an image both liked and disliked, a query that can't be kept: see
        ``_util.values.plain``), NotFoundError (no such image) or StorageError.
        """
        if not liked and not disliked:
            raise InvalidInputError("Nothing was judged.", remedy="Name images that were right or wrong.")
        if both := set(liked) & set(disliked):
            raise InvalidInputError(f"{min(both)} is both liked and disliked.", remedy="Leave one out.")
        judgement = Judgement(
            id=uuid4().hex,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            query=plain(query, "query", most=QUERY),
            liked=judged(self._index, liked),
            disliked=judged(self._index, disliked),
        )
        self._kept.put(judgement.to_dict())
        return judgement

    def list(self) -> Sequence[Judgement]:
        """All judgements, the newest first. Their images may have been removed from the index."""
        return tuple(Judgement.from_dict(row) for row in self._kept.all().values())[::-1]

    def remove(self, id: str) -> None:
        """Remove a judgement. Raises NotFoundError."""
        with self._index.writing:
            if all(j.id != id for j in self.list()):
                raise NotFoundError(f"There is no feedback with the id {id!r}.")
            self._kept.remove(id)

    def __len__(self) -> int:
        return len(self.list())


def _kept(index: Index) -> KeptRows:
    return KeptRows(index, FILE, "feedback", _ROW, "judgements")


def purge_feedback(index: Index, there: Collection[str]) -> set[str]:
    """Forget what was said of contents other than those that are ``there``, and judgements of nothing else; which
    contents that were. The file is written anew, whole. Raises StorageError."""
    with index.writing:
        found = Feedback(index).list()[::-1]
        gone = {j.content_hash for one in found for j in (*one.liked, *one.disliked)} - set(there)
        if gone:
            left = [_without(one, gone) for one in found]
            rows = (one.to_dict() for one in left if one.liked or one.disliked)
            _kept(index).write_all(rows, (one.id for one in found))
    return gone


def _without(judgement: Judgement, gone: Collection[str]) -> Judgement:
    liked, disliked = (
        tuple(j for j in some if j.content_hash not in gone) for some in (judgement.liked, judgement.disliked)
    )
    return replace(judgement, liked=liked, disliked=disliked)
