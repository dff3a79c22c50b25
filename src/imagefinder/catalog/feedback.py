"""Feedback: which hits people liked and disliked. It is stored in the index folder, one line each, for later use."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from imagefinder._util.arguments import checked
from imagefinder._util.files import write_whole
from imagefinder._util.lines import add_lines
from imagefinder._util.shapes import check_shape
from imagefinder._util.values import is_plain, plain
from imagefinder.errors import InvalidInputError, NotFoundError, StorageError
from imagefinder.index.jsonfile import line, read_lines
from imagefinder.index.said import load_few, note

if TYPE_CHECKING:
    from imagefinder.index.folder import Index

FILE = "feedback.jsonl"
QUERY = 200_000  # characters and values in the query of a judgement
_JUDGED = [{"id": str, "content_hash": str}]
_ROW = {"id": str, "created": str, "query": {str: object}, "liked": _JUDGED, "disliked": _JUDGED}
_SHAPE = (_ROW, {"removed": str})


@dataclass(frozen=True, slots=True)
class Judged:
    """An image that was judged: its id, and its content hash, which stays the same when the file moves."""

    id: str
    content_hash: str


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
            "liked": [{"id": j.id, "content_hash": j.content_hash} for j in self.liked],
            "disliked": [{"id": j.id, "content_hash": j.content_hash} for j in self.disliked],
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
        self._path = index.path / FILE
        self._told = 0

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
            liked=self._judged(liked),
            disliked=self._judged(disliked),
        )
        self._append(judgement.to_dict(), judgement.id)
        return judgement

    def list(self) -> Sequence[Judgement]:
        """All judgements, the newest first. Their images may have been removed from the index."""
        found: dict[str, Judgement] = {}
        for row in self._rows():
            if "removed" in row:
                found.pop(str(row["removed"]), None)
                continue
            judgement = Judgement.from_dict(row)
            found[judgement.id] = judgement
        return tuple(self._with_lost(found).values())[::-1]

    def _with_lost(self, found: dict[str, Judgement]) -> dict[str, Judgement]:
        """Those that are in the file, and those that were kept a second time and are not in it any more."""
        kept = load_few(self._index.path).feedback
        lost = {id: row for id, row in kept.items() if id not in found and not _misfit(row)}
        if lost and len(lost) != self._told:
            self._told = len(lost)
            self._index.notice(f"{self._path} lacks {len(lost)} judgements; they are taken from said.jsonl.")
        again = {**{id: Judgement.from_dict(row) for id, row in lost.items()}, **found}
        return dict(sorted(again.items(), key=lambda item: item[1].created)) if lost else found

    def remove(self, id: str) -> None:
        """Remove a judgement. Raises NotFoundError."""
        with self._index.writing:
            if all(j.id != id for j in self.list()):
                raise NotFoundError(f"There is no feedback with the id {id!r}.")
            self._append({"removed": id}, id)

    def __len__(self) -> int:
        return len(self.list())

    def _judged(self, ids: Sequence[str]) -> tuple[Judged, ...]:
        found = []
        for id in dict.fromkeys(ids):
            points = self._index.store.retrieve([id])
            if not points:
                raise NotFoundError(f"There is no image with the id {id}.")
            found.append(Judged(points[0].id, str(points[0].payload.get("content_hash", ""))))
        return tuple(found)

    def _rows(self) -> Sequence[dict[str, Any]]:
        rows, lost = read_lines(self._path, _SHAPE)
        if lost and lost != self._told:
            self._told = lost
            self._index.notice(f"{self._path} is damaged: {lost} of its lines can't be read, and are passed over.")
        return rows

    def _append(self, row: Mapping[str, Any], id: str) -> None:
        try:
            text = line(row)
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidInputError(
                f"The query is not JSON: {error}.", remedy="Give texts, numbers and lists."
            ) from error
        try:
            with self._index.writing:
                note(self._index, [{"feedback": id, "row": None if "removed" in row else row}])
                add_lines(self._path, text)
        except OSError as error:
            raise StorageError(
                f"{self._path} can't be written: {error.strerror or error}.", remedy="Make room on the disk."
            ) from error


def _misfit(row: Mapping[str, Any]) -> bool:
    try:
        check_shape(row, _ROW)
    except ValueError:
        return True
    return False


def purge_feedback(index: Index, there: Collection[str]) -> set[str]:
    """Forget what was said of contents other than those that are ``there``, and judgements of nothing else; which
    contents that were. The file is written anew, whole. Raises StorageError."""
    with index.writing:
        found = Feedback(index).list()[::-1]
        gone = {j.content_hash for one in found for j in (*one.liked, *one.disliked)} - set(there)
        if gone:
            left = [_without(one, gone) for one in found]
            rows = [one.to_dict() for one in left if one.liked or one.disliked]
            left_of = {row["id"]: row for row in rows}
            note(index, ({"feedback": one.id, "row": left_of.get(one.id)} for one in found))
            write_whole(index.path / FILE, b"".join(map(line, rows)))
    return gone


def _without(judgement: Judgement, gone: Collection[str]) -> Judgement:
    liked, disliked = (
        tuple(j for j in judged if j.content_hash not in gone) for judged in (judgement.liked, judgement.disliked)
    )
    return replace(judgement, liked=liked, disliked=disliked)
