"""Every exception ImageFinder raises on purpose.

    ImageFinderError
    ├── InvalidInputError (ValueError)      a wrong argument
    │   ├── InvalidQueryError               a search query that can't be read
    │   ├── InvalidFilterError              a filter expression that can't be read
    │   └── InvalidTableError               a CSV or Parquet file without the column it needs
    ├── NotFoundError (LookupError)         an id, a space, a model or a source that isn't there
    ├── ImageError (ValueError)             one image can't be used; carries a skip code
    │   └── FetchError (OSError)            one URL can't be fetched
    ├── IndexFolderError (RuntimeError)     the index can't be opened
    │   ├── IndexLockedError                another process holds it
    │   ├── IndexVersionError               made by a newer ImageFinder
    │   ├── IndexDamagedError               a file of it is missing or unreadable
    │   └── ModelMismatchError              made with another model
    ├── StorageError (OSError)              the disk is full or can't be written
    ├── ModelError (RuntimeError)           a model's files are missing, corrupt or of the wrong shape
    ├── MissingExtraError (ImportError)     an optional package is needed
    └── ServerError (RuntimeError)          a server that was asked refuses or fails; carries its code
        ├── UnreachableError                no server answers
        └── UnauthorizedError               it wants a key, or another one

A message says what was wrong, what was given and what is allowed; ``remedy`` says what to do.
"""

from __future__ import annotations

from typing import Any


class ImageFinderError(Exception):
    """Base of all our errors: ``message`` says what is wrong, ``remedy`` what to do about it."""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}" if self.remedy else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        """So that one that is raised in another process arrives as it is, with what it carries."""
        return _remade, (type(self), self.args, self.__dict__)


def _remade(kind: type[ImageFinderError], args: tuple[Any, ...], facts: dict[str, Any]) -> ImageFinderError:
    error = (OSError if issubclass(kind, OSError) else Exception).__new__(kind, *args)
    error.args = args
    error.__dict__.update(facts)
    return error


class InvalidInputError(ImageFinderError, ValueError):
    """A wrong argument."""


class InvalidQueryError(InvalidInputError):
    """A search query that can't be read."""


class InvalidFilterError(InvalidInputError):
    """A filter expression that can't be read."""


class InvalidTableError(InvalidInputError):
    """A CSV or Parquet file that can't be read or lacks the column it needs."""


class NotFoundError(ImageFinderError, LookupError):
    """An id, a space, a model or a source that isn't there."""


class ImageError(ImageFinderError, ValueError):
    """One image can't be used. ``code`` is one of ``types.SkipCode``."""

    def __init__(self, message: str, *, code: str, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.code = code


class FetchError(ImageError, OSError):
    """One URL can't be fetched."""


class IndexFolderError(ImageFinderError, RuntimeError):
    """The index can't be opened."""


class IndexLockedError(IndexFolderError):
    """Another process holds the index. ``url`` is where it serves it; empty when it doesn't."""

    def __init__(self, message: str, *, remedy: str = "", url: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.url = url


class IndexVersionError(IndexFolderError):
    """The index was made by a newer ImageFinder."""


class IndexDamagedError(IndexFolderError):
    """A file of the index is missing or unreadable."""


class ModelMismatchError(IndexFolderError):
    """The index was made with another model, or another version of it."""


class StorageError(ImageFinderError, OSError):
    """The disk is full or can't be written."""


class ModelError(ImageFinderError, RuntimeError):
    """A model's files are missing, corrupt or of the wrong shape."""


class MissingExtraError(ImageFinderError, ImportError):
    """An optional package is needed for this."""


class ServerError(ImageFinderError, RuntimeError):
    """A server that was asked refuses, or fails. ``code`` is what it says: forbidden, read-only, too-large,
    rate-limited, busy, timeout, cancelled, unexpected and so on."""

    def __init__(self, message: str, *, code: str = "unexpected", remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.code = code


class UnreachableError(ServerError):
    """No server answers."""


class UnauthorizedError(ServerError):
    """The server wants a key, or another one."""
