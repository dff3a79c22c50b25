"""Which files of a folder are indexed: ignore files in gitignore syntax, include and exclude globs, and defaults."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from imagefinder._util.systems import composed
from imagefinder.errors import InvalidInputError
from imagefinder.images.files import decode_text, open_file
from imagefinder.images.globs import Globs

IGNORE_FILE = ".imagefinderignore"
IGNORE_BYTES, PATTERNS = 1_000_000, 10_000  # of an ignore file
HIDDEN = "."  # files and folders whose names begin so are left out
FOLDERS_LEFT_OUT = frozenset(
    (
        "@eaDir",  # thumbnails of Synology
        "#recycle",
        "$RECYCLE.BIN",
        "System Volume Information",
        "lost+found",
        "__MACOSX",
        "node_modules",
        "__pycache__",
    )
)


class Rules:
    """What is left out below a folder. Later rules override earlier ones: defaults, then ignore files from the top
    down, then ``exclude``. If there are ``include`` globs, only files that match one of them are taken."""

    def __init__(
        self, include: Sequence[str] = (), exclude: Sequence[str] = (), files: Sequence[tuple[str, Globs]] = ()
    ) -> None:
        self._include = _compiled(tuple(map(composed, include)))
        self._exclude = _compiled(tuple(map(composed, exclude)))
        self._given = (include, exclude)
        self._files = tuple(files)

    def with_file(self, path: str, below: str) -> Rules:
        """These rules and those of an ignore file in the folder ``below`` (path from the root, slash at the end).

        Raises OSError when the file can't be read, and InvalidInputError when it is no text or a pattern is none.
        """
        with open_file(path) as file:
            data = file.read(IGNORE_BYTES + 1)
        if len(data) > IGNORE_BYTES:
            raise InvalidInputError(
                f"{path} is larger than {IGNORE_BYTES:,} bytes.", remedy="Leave out whole folders by one pattern."
            )
        text = decode_text(data)
        if "\0" in text:
            raise InvalidInputError(f"{path} is not a text file.", remedy="Save it as plain text, in UTF-8.")
        try:
            spec = _compiled(tuple(composed(text).splitlines()))
        except InvalidInputError as error:
            raise InvalidInputError(f"{path}: {error.message}", remedy=error.remedy) from error
        return Rules(*self._given, (*self._files, (below, spec)))

    def leaves_out(self, path: str, *, folder: bool) -> bool:
        """Whether a path from the root is left out. A folder left out is never entered, as with git."""
        path = composed(path)
        name, last = path + "/" if folder else path, path.rpartition("/")[2]
        out = last.startswith(HIDDEN) or (folder and last in FOLDERS_LEFT_OUT)
        for below, spec in self._files:
            said = spec.check(name[len(below) :])
            out = out if said is None else said
        if self._exclude.check(name):
            return True
        return out or (not folder and bool(self._given[0]) and not self._include.check(name))


@lru_cache(maxsize=1024)
def _compiled(patterns: tuple[str, ...]) -> Globs:
    if len(patterns) > PATTERNS:
        raise InvalidInputError(
            f"There are {len(patterns):,} patterns, and {PATTERNS:,} are allowed.",
            remedy="Leave out whole folders by one pattern.",
        )
    try:
        return Globs(patterns)
    except (ValueError, TypeError, AttributeError) as error:
        raise InvalidInputError(
            f"A pattern can't be read: {error}", remedy="Patterns are as in .gitignore, e.g. *.png or drafts/"
        ) from error
