"""``finder.history``: who did what when, and the way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imagefinder._util.arguments import checked
from imagefinder.catalog.changes import forget, kept, undo_fields, undoable
from imagefinder.clusters.state import HISTORY, go_back, last_change
from imagefinder.duplicates.journal import JOURNAL, TRASH, entries
from imagefinder.duplicates.taking_back import undo as undo_trash
from imagefinder.errors import NotFoundError
from imagefinder.index.audit import Audit, Entry
from imagefinder.ingest.sources import add_sources
from imagefinder.organising.files import FOLDER, move_one
from imagefinder.types import Skipped

if TYPE_CHECKING:
    from imagefinder.index.collection import Collection
    from imagefinder.index.folder import Index


@dataclass(frozen=True, slots=True)
class Event:
    """Something that was done, as the audit log tells it, and whether it can be taken back (``undoable``)."""

    entry: Entry
    undoable: bool

    def to_dict(self) -> dict[str, Any]:
        return {**self.entry.to_dict(), "undoable": self.undoable}

    @classmethod
    def from_dict(cls, row: dict[str, Any]) -> Event:
        return cls(Entry.from_dict(row), bool(row["undoable"]))


@dataclass(frozen=True, slots=True)
class Undone:
    """Of how many images or files a change was taken back, 1 for one of the clusters, and what stays as it is, and why.
    ``sources`` are to be gone over for images to be in the index again."""

    changed: int
    left: tuple[Skipped, ...] = ()
    sources: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {"changed": self.changed, "left": [one.to_dict() for one in self.left]}


@checked
class History:
    """What was done to the images of an index, the newest first, but for what is about keys.

    >>> finder.history.undo(finder.history.list()[0].entry.id)
    """

    def __init__(self, collection: Collection) -> None:
        self._collection, self._index = collection, collection.index

    def list(self, k: int = 100, offset: int = 0) -> Sequence[Event]:
        """``k`` events from ``offset`` on, the newest first. Raises InvalidInputError or IndexDamagedError."""
        there = undoable(self._index) | {last_change(self._index)}
        log = Audit(self._index.documents, self._index.notice).of_images(k, offset)
        return [Event(entry, entry.id in there and entry.action != "undone") for entry in log]

    def undo(self, id: str) -> Undone:
        """Take back the change with this id, and wait until images that come back are in the index again. What was
        changed again since stays. Raises NotFoundError for what can't be taken back, or has been, and StorageError."""
        done = self.take_back(id)
        if done.sources:
            add_sources(self._collection, done.sources, {})
        return done

    def take_back(self, id: str) -> Undone:
        """The same, leaving it to the caller to go over the ``sources`` of what comes back."""
        if id.startswith(HISTORY):
            return self._regroup(id)
        with self._index.writing:  # nothing is taken back twice
            facts = kept(self._index, id)
            done = self._undone(facts, id)
            forget(self._index, id)
        return done

    def _regroup(self, id: str) -> Undone:
        """Corrections of the clusters build upon each other: only the last one can be taken back."""
        with self._index.grouping:
            if id != last_change(self._index):
                raise NotFoundError("The groups have changed again since.", remedy="Undo the later changes first.")
            go_back(self._index)
        return Undone(1)

    def _undone(self, facts: dict[str, Any], id: str) -> Undone:
        sources = tuple(str(source.uri) for source in self._index.manifest.sources)
        if facts["kind"] == "fields":
            return Undone(undo_fields(self._index, facts["rows"], id))
        if facts["kind"] == "removed":
            back = tuple(uri for uri in facts["sources"] if uri in sources)
            if not back:
                raise NotFoundError("The sources of these images are not known any more.", remedy="Add them again.")
            self._tell(id, back)
            return Undone(0, sources=back)
        if facts["kind"] == "trashed":
            moved = undo_trash(self._index, self._index.path / TRASH / facts["journal"] / JOURNAL, anywhere=True)
            paths = [target for _, target in moved.files]
            self._tell(id, paths)
            return Undone(len(moved.files), moved.left, _covering(self._index, paths))
        return self._move_back(facts["journal"], id)

    def _move_back(self, journal: str, id: str) -> Undone:
        left: list[Skipped] = []
        back = []
        for row in reversed(entries(self._index.path / FOLDER / journal)):
            if move_one(self._index, row["to"], row["from"], left):
                back.append(row["from"])
        self._tell(id, back)
        return Undone(len(back), tuple(left))

    def _tell(self, id: str, names: Sequence[str]) -> None:
        Audit(self._index.documents).add("undone", names, id=id)


def _covering(index: Index, paths: Sequence[str]) -> tuple[str, ...]:
    return tuple(s.uri for s in index.manifest.sources if any(s.covers(path, "") for path in paths))
