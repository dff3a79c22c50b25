"""Pictures to search by, which every server of an index knows, whichever of them it was sent to.

servers/pictures/ab12...       the latest, by the hash of their content
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from imagefinder.errors import ImageFinderError

if TYPE_CHECKING:
    from imagefinder.index.board import Board

KEPT, KEPT_BYTES = 500, 256 * 1024**2
LARGEST = 32 * 1024**2  # of one; a larger one is known to the machine that it was sent to
log = logging.getLogger("imagefinder.server")


class SharedPictures:
    """Those of one index."""

    def __init__(self, board: Board) -> None:
        self._board, self._folder = board, board.folder / "pictures"

    def keep(self, name: str, content: bytes) -> None:
        """Let the other servers know a picture. Where that can't be done it is known to this one."""
        if len(content) > LARGEST:
            return
        gone: list[str] = []

        def note(board: dict[str, Any]) -> None:
            rows = [row for row in board["pictures"] if row["name"] != name]
            rows.append({"name": name, "bytes": len(content)})
            gone.clear()
            while len(rows) > KEPT or sum(row["bytes"] for row in rows) > KEPT_BYTES:
                gone.append(rows.pop(0)["name"])
            board["pictures"] = rows

        try:
            (self._folder / name).write(content)
            self._board.update(note)
            for old in gone:
                (self._folder / old).unlink(missing_ok=True)
        except ImageFinderError as error:
            log.warning("A picture to search by is known to this server only: %s", error.message)

    def find(self, name: str) -> bytes | None:
        """What was kept under a name. Raises UnreachableError."""
        try:
            return (self._folder / name).read()
        except FileNotFoundError:
            return None
