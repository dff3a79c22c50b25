"""Which files of a folder are indexed: ignore files in gitignore syntax, include and exclude globs, and defaults."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from imagefinder.errors import InvalidInputError
from imagefinder.images.files import decode_text, open_file

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

IGNORE_FILE = ".imagefinderignore"
DEFAULT_EXCLUDES = (
    ".*",  # hidden files and folders
    "@eaDir/",  # thumbnails of Synology
    "#recycle/",
    "$RECYCLE.BIN/",
    "System Volume Information/",
    "lost+found/",
    "__MACOSX/",
    "node_modules/",
    "__pycache__/",
)


class Rules:
    """What is left out below a folder. Later rules override earlier ones: defaults, then ignore files from the top
    down, then ``exclude``. If there are ``include`` globs, only files that match one of them are taken."""

    def __init__(
        self, include: Sequence[str] = (), exclude: Sequence[str] = (), files: Sequence[tuple[str, GitIgnoreSpec]] = ()
    ) -> None:
        self._include = _compiled(tuple(include))
        self._exclude = _compiled(tuple(exclude))
        self._given = (include, exclude)
        self._files = tuple(files)

    def with_file(self, path: str, below: str) -> Rules:
        """These rules and those of an ignore file in the folder ``below`` (path from the root, slash at the end).

        Raises OSError when the file can't be read, and InvalidInputError when it is no text or a pattern is none.
        """
        with open_file(path) as file:
            text = decode_text(file.read())
        if "\0" in text:
            raise InvalidInputError(f"{path} is not a text file.", remedy="Save it as plain text, in UTF-8.")
        try:
            spec = _compiled(tuple(text.splitlines()))
        except InvalidInputError as error:
            raise InvalidInputError(f"{path}: {error.message}", remedy=error.remedy) from error
        return Rules(*self._given, (*self._files, (below, spec)))

    def leaves_out(self, path: str, *, folder: bool) -> bool:
        """Whether a path from the root is left out. A folder left out is never entered, as with git."""
        name = path + "/" if folder else path
        out = bool(_compiled(DEFAULT_EXCLUDES).match_file(name.rpartition("/")[2] or path.rpartition("/")[2] + "/"))
        for below, spec in self._files:
            said = spec.check_file(name[len(below) :]).include
            out = out if said is None else said
        if self._exclude.match_file(name):
            return True
        return out or (not folder and bool(self._given[0]) and not self._include.match_file(name))


@lru_cache(maxsize=1024)
def _compiled(patterns: tuple[str, ...]) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec

    try:
        return GitIgnoreSpec.from_lines(patterns)
    except (ValueError, TypeError) as error:
        raise InvalidInputError(
            f"A pattern can't be read: {error}", remedy="Patterns are as in .gitignore, e.g. *.png or drafts/"
        ) from error
