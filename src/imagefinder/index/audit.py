"""The audit log of an index: what was removed, trashed and restored, what people said of images, which keys were made
and removed, and by whom.

audit/000001.jsonl    lines are only ever added; a file that is full is followed by the next, and the oldest ones go
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Literal, get_args

from imagefinder._util.acting import actor
from imagefinder._util.arguments import checked
from imagefinder._util.hiding import hidden
from imagefinder._util.lines import add_lines
from imagefinder._util.places import Place, make_folder
from imagefinder.errors import InvalidInputError
from imagefinder.index.beside import changing
from imagefinder.index.jsonfile import line, read_lines

FOLDER = "audit"
FULL, KEPT = 4 * 1024**2, 10  # bytes of a file, files
NAMED, LONGEST = 100, 500  # names in an entry, characters of one; of more there is the count
_NAME = re.compile(r"[0-9]{6,9}\.jsonl")
Action = Literal[
    "removed", "gone", "forgotten", "trashed", "restored", "purged", "space-dropped", "key-added", "key-removed",
    "tagged", "captioned", "favorite", "rated", "album", "copied", "moved", "grouped", "undone",
]  # fmt: skip
OF_KEYS = ("key-added", "key-removed")
_ROW = {"time": str, "by": str, "as": str, "action": str, "count": int, "names": [str], "id?": str, "what?": str}


@dataclass(frozen=True, slots=True)
class Entry:
    """What was done. ``by`` is who did it, ``by_kind`` how they are known, see ``Actor``. ``count`` is of how many,
    ``names`` the first of them: URIs of images, paths of files, names of keys. ``time`` is ISO 8601 in UTC.

    Images are ``removed`` by somebody, ``gone`` with their files in a run of indexing, or ``forgotten`` with their
    source. Files are ``trashed``, ``restored``, ``copied`` and ``moved``. Images are
    ``grouped`` into so many clusters, anew or by a correction of them. What people said of images that had left is
    ``purged``. ``what`` was done to them, such as "+summer" or "4". A change with an ``id`` can be taken back, see
    ``organising.history``; one that is ``undone`` has the id of what it took back."""

    time: str
    by: str
    by_kind: str
    action: str
    count: int
    names: tuple[str, ...]
    what: str = ""
    id: str = ""

    def to_dict(self) -> dict[str, Any]:
        more = {name: value for name in ("what", "id") if (value := getattr(self, name))}
        return {name: value for name, value in asdict(self).items() if name not in ("what", "id")} | {
            "names": list(self.names),
            **more,
        }

    @classmethod
    def from_dict(cls, row: dict[str, Any]) -> Entry:
        """The entry that ``to_dict`` wrote."""
        facts = row["time"], row["by"], row["by_kind"], row["action"], row["count"], tuple(row["names"])
        return cls(*facts, row.get("what", ""), row.get("id", ""))


@checked
class Audit:
    """The audit log of an index, beside its other ``documents``. ``KEPT`` files of ``FULL`` bytes are kept.
    ``notice`` is told of damage."""

    def __init__(self, documents: Place, notice: Callable[[str], None] | None = None) -> None:
        self._home, self._notice = documents, notice
        self._folder = documents / FOLDER

    def list(
        self, k: int = 100, offset: int = 0, *, action: str | None = None, by: str | None = None
    ) -> Sequence[Entry]:
        """``k`` entries from ``offset`` on, the newest first; only those of an ``action``, or by somebody of this name.
        Raises InvalidInputError, and IndexDamagedError for a file that can't be read."""
        if action is not None and action not in get_args(Action):
            raise InvalidInputError(f"There is no action {action!r}; there are: {', '.join(get_args(Action))}.")
        if k < 0 or offset < 0:
            raise InvalidInputError("k and offset are 0 or more.")
        fitting = (e for e in self._newest() if action in (None, e.action) and by in (None, e.by))
        return tuple(islice(fitting, offset, offset + k))

    def of_images(self, k: int, offset: int) -> Sequence[Entry]:
        """The same without what is about keys, for those who are no admins."""
        return tuple(islice((e for e in self._newest() if e.action not in OF_KEYS), offset, offset + k))

    def add(
        self, action: Action, names: Sequence[str], count: int | None = None, *, what: str = "", id: str = ""
    ) -> None:
        """Add an entry by whoever is at work; without a ``count`` it is of as many as there are names. It is on the
        disk, or in the store, when this returns. Raises StorageError."""
        who = actor()
        row = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "by": who.name,
            "as": who.kind,
            "action": action,
            "count": len(names) if count is None else count,
            "names": [hidden(name)[:LONGEST].encode("utf-8", "replace").decode() for name in names[:NAMED]],
            **({"what": what[:LONGEST]} if what else {}),
            **({"id": id} if id else {}),
        }
        text = line(row)
        changing(self._home, lambda: self._append(text))

    def _append(self, text: bytes) -> None:
        make_folder(self._folder)
        files = self._files()
        path = files[-1] if files else self._numbered(1)
        if add_lines(path, text) >= FULL:
            add_lines(self._numbered(int(path.name[:-6]) + 1), b"\n")  # from now on the last one, for all processes
            for old in files[: 1 - KEPT]:
                old.unlink(missing_ok=True)

    def _numbered(self, number: int) -> Place:
        return self._folder / f"{number:06d}.jsonl"

    def _files(self) -> Sequence[Place]:
        """The oldest first."""
        there = self._folder.iterdir() if self._folder.is_dir() else ()
        return sorted((path for path in there if _NAME.fullmatch(path.name)), key=lambda path: path.name)

    def _newest(self) -> Iterator[Entry]:
        for path in reversed(self._files()):
            rows, lost = read_lines(path, _ROW)
            if lost and self._notice:
                self._notice(f"{path} is damaged: {lost} of its lines can't be read, and are passed over.")
            for row in reversed(rows):
                facts = row["time"], row["by"], row["as"], row["action"], row["count"], tuple(row["names"])
                yield Entry(*facts, row.get("what", ""), row.get("id", ""))
