"""Rows that people made, such as judgements and concepts: each is a line of a file, and is kept a second time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from imagefinder._util.files import write_whole
from imagefinder._util.lines import add_lines
from imagefinder._util.shapes import check_shape
from imagefinder.errors import InvalidInputError, StorageError
from imagefinder.index.jsonfile import line, read_lines
from imagefinder.index.said import load_few, note

if TYPE_CHECKING:
    from imagefinder.index.folder import Index


class KeptRows:
    """The rows of one kind, each with an ``id`` and the time ``created``, in a file of the index and in ``said.jsonl``.
    A row is on the disk when ``put`` returns. One that comes again takes the place of the one before; removing one adds
    a line that says so, and a line that a crash cut short is ignored. ``kind`` is the key of a row in ``said.jsonl``
    and what it is called, ``shape`` what it looks like."""

    def __init__(self, index: Index, file: str, kind: str, shape: Mapping[str, Any], several: str) -> None:
        self._index, self._path = index, index.documents / file
        self._kind, self._shape, self._several = kind, dict(shape), several
        self._told = 0

    def all(self) -> dict[str, dict[str, Any]]:
        """The rows by id, in the order of their first lines; those that the file lacks are taken from what was kept a
        second time."""
        found: dict[str, dict[str, Any]] = {}
        for row in self._rows():
            if "removed" in row:
                found.pop(str(row["removed"]), None)
            else:
                found[str(row["id"])] = row
        kept = load_few(self._index.documents).made[self._kind]
        lost = {id: row for id, row in kept.items() if id not in found and self._fits(row)}
        if not lost:
            return found
        if len(lost) != self._told:
            self._told = len(lost)
            self._index.notice(f"{self._path} lacks {len(lost)} {self._several}; they are taken from said.jsonl.")
        return dict(sorted({**lost, **found}.items(), key=lambda item: str(item[1].get("created", ""))))

    def put(self, row: Mapping[str, Any]) -> None:
        """Add a row, or replace the one with its id. Raises InvalidInputError for what is no JSON, and StorageError."""
        self._append(row, str(row["id"]), row)

    def remove(self, id: str) -> None:
        """Remove a row. Raises StorageError."""
        self._append({"removed": id}, id, None)

    def write_all(self, rows: Iterable[Mapping[str, Any]], former: Iterable[str]) -> None:
        """Write the file anew, whole, with these rows; those of the ``former`` ids that are not among them are
        forgotten. Hold ``writing``. Raises StorageError."""
        left = {str(row["id"]): row for row in rows}
        note(self._index, ({self._kind: id, "row": left.get(id)} for id in former))
        write_whole(self._path, b"".join(map(line, left.values())))

    def _rows(self) -> list[dict[str, Any]]:
        rows, lost = read_lines(self._path, (self._shape, {"removed": str}))
        if lost and lost != self._told:
            self._told = lost
            self._index.notice(f"{self._path} is damaged: {lost} of its lines can't be read, and are passed over.")
        return rows

    def _fits(self, row: Mapping[str, Any]) -> bool:
        try:
            check_shape(row, self._shape)
        except ValueError:
            return False
        return True

    def _append(self, row: Mapping[str, Any], id: str, kept: Mapping[str, Any] | None) -> None:
        try:
            text = line(row)
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidInputError(
                f"The query is not JSON: {error}.", remedy="Give texts, numbers and lists."
            ) from error
        try:
            with self._index.writing:
                note(self._index, [{self._kind: id, "row": kept}])
                add_lines(self._path, text)
        except OSError as error:
            raise StorageError(
                f"{self._path} can't be written: {error.strerror or error}.", remedy="Make room on the disk."
            ) from error
