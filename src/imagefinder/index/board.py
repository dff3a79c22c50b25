"""What the servers of one index at an address tell each other, in one small document that all of them read and write:
the jobs that wait or run, what has changed, the links that open a page once. No clock is compared with that of another
machine, but for the end of a link."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from imagefinder._util.places import Shared, stamp
from imagefinder.errors import StorageError
from imagefinder.index.jsonfile import json_text, read_json, write_json

if TYPE_CHECKING:
    from imagefinder.store.calls import CallFigures

NAME = "board.json"
TRIES = 100  # of a change that those of others came before
JOB = {
    "kind": str, "options": {str: object}, "state": frozenset({"queued", "running"}), "stage": str, "done": int,
    "total": int, "eta_s": (float, None), "created": str, "started": (str, None), "server": (str, None), "beat": int,
    "tries": int, "cancel": bool,
}  # fmt: skip
SHAPE = {
    "jobs": {str: JOB},
    "ended": [str],
    "changed": {str: int},
    "links": {str: float},
    "pictures": [{"name": str, "bytes": int}],
}


class Board:
    """The document, as an object with the keys of ``SHAPE``:

    ``jobs`` that wait or run, by id: ``server`` names the one that runs it, which adds one to ``beat`` every second;
    ``tries`` counts the servers that ended meanwhile. ``ended`` jobs, the oldest first; each has a document of its own.
    ``changed`` counts how often each part of the index has. ``links``: when each ends, in seconds since 1970, by the
    digest of its token. ``pictures`` to search by, the oldest first.

    ``check`` raises IndexVersionError where a newer ImageFinder has made of the index what this one can't use, and
    ``figures`` gives what calls to its store have cost this process. ``name`` is that of the index. ``folder`` holds
    what goes with it: the documents of jobs, and the pictures. Errors are those of the documents.
    """

    def __init__(
        self,
        name: str,
        documents: Shared,
        checking: Callable[[], AbstractContextManager[None]],
        check: Callable[[], object] = lambda: None,
        figures: Callable[[], CallFigures | None] = lambda: None,
    ) -> None:
        self.name = name
        self.check, self.figures = check, figures
        self.folder = documents / "servers"
        self._place = self.folder / NAME
        self._checking = checking

    def stamp(self) -> object:
        """What changes whenever the board does."""
        return stamp(self._place)

    def read(self) -> dict[str, Any]:
        """What it says now. Raises IndexDamagedError."""
        try:
            return read_json(self._place, SHAPE, "Stop all servers of this index, and remove that document.")
        except FileNotFoundError:
            return {"jobs": {}, "ended": [], "changed": {}, "links": {}, "pictures": []}

    def update(self, change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        """Change the board, and give it as it is then. If another server changes it meanwhile, ``change`` is called
        again with what that made of it. Raises StorageError, and whatever ``change`` raises."""
        for tried in range(1, TRIES + 1):
            with self._checking():
                before = self.stamp()
                board = self.read()
                text = json_text(board)
                change(board)
                if json_text(board) == text:
                    return board
                try:
                    write_json(self._place, board, indent=None)
                    return board
                except StorageError:
                    if tried == TRIES or self.stamp() == before:
                        raise
            time.sleep(random.uniform(0, 0.01 * min(tried, 10)))
        raise AssertionError
