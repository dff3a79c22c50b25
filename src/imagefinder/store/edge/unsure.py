"""Which points may say other words than their fields do. Fields that many points share are written apart from the words
that follow from them, in two operations of the engine: a kill or a power cut may leave the first without the second."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from imagefinder._util.lines import add_lines

NAME = ".unsure-words"
_ID = re.compile(r"[0-9a-f-]{36}")


class Unsure:
    """A file with the ids of such points in the folder of a store; it goes once the engine has all on the disk."""

    def __init__(self, home: Path) -> None:
        self._path = home / NAME
        self._there = False
        self._needed = 0  # by how many that have begun, or failed: these stay until the store is opened again
        self.n = 0  # ids that were noted

    @contextmanager
    def of(self, ids: Sequence[str]) -> Iterator[None]:
        """Note these before both operations are done, inside. Raises OSError."""
        self._there = True
        self._needed += 1
        self.n += len(ids)
        add_lines(self._path, "".join(f"{id}\n" for id in ids).encode())
        yield
        self._needed -= 1

    def flushed(self) -> None:
        """All that was done is on the disk."""
        if self._there and not self._needed:
            with suppress(OSError):  # it is read at the next opening, and does no harm
                self._path.unlink(missing_ok=True)
                self._there, self.n = False, 0

    def read(self) -> list[str]:
        """Those that an earlier process has noted."""
        try:
            found = self._path.read_text("ascii", errors="replace").split()
        except OSError:
            return []
        self._there = True
        return [*dict.fromkeys(id for id in found if _ID.fullmatch(id))]
