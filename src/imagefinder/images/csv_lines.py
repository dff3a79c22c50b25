"""The lines of a CSV file, one by one: however large the file is, only one row of it is in memory."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from io import TextIOWrapper
from itertools import chain
from pathlib import Path

from imagefinder.errors import InvalidTableError
from imagefinder.images.files import codec_of, open_file
from imagefinder.images.table_limits import LINE, LINES, TEXT, too_much

HEAD = 65_536  # characters looked at to tell the delimiter
_TOLD = re.compile(r'"?sep=([^\r\n"])"?[ \t]*(?:\r\n|\r|\n)', re.IGNORECASE)


class Lines:
    """The lines of a table, with their ends, without empty ones at the top, and without the line "sep=;" that some
    programs put above it. ``above`` are the lines left out, ``delimiter`` what that line says, else None, and ``head``
    how the table begins. ``within``: see ``files.open_file``. Raises InvalidTableError, also while they are read: for a
    row that is too long."""

    def __init__(self, path: Path, within: Sequence[str] | None = None) -> None:
        self._path = path
        self.above = 0
        self.delimiter: str | None = None
        self._row = 0
        lines = _decoded(path, within)
        for line in lines:
            if told := None if self.delimiter else _TOLD.fullmatch(line):
                self.delimiter = told[1]
            elif line.strip():
                break
            self.above += 1
        else:
            line = ""
        first = [line]
        while sum(map(len, first)) < HEAD and (more := next(lines, "")):
            first.append(more)
        self.head = "".join(first)
        self._lines = chain(first, lines)

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self._row += len(line)
            if self._row > LINE:
                raise too_much(self._path, self._row, LINE, "characters and more in one row")
            yield line

    def begin_row(self) -> None:
        """The lines from here on are those of another row."""
        self._row = 0


def _decoded(path: Path, within: Sequence[str] | None) -> Iterator[str]:
    total = count = 0
    try:
        with open_file(path, within) as file:
            codec = codec_of(file)
            file.seek(0)
            text = TextIOWrapper(file, codec, "replace", newline="")
            while line := text.readline(LINE + 1):
                total += len(line)
                if total > TEXT:
                    raise too_much(path, total, TEXT, "characters and more")
                count += 1
                if count > LINES:
                    raise too_much(path, count, LINES, "lines and more")
                if cleaned := line.replace("\0", ""):
                    yield cleaned
    except OSError as error:
        raise InvalidTableError(f"{path} can't be read: {error.strerror}.") from error
