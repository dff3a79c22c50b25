"""Where a backup goes and comes from: a file, or a stream that is open already, such as stdout."""

from __future__ import annotations

import contextlib
import os
import stat
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeAlias

from imagefinder._util.addresses import is_address
from imagefinder._util.files import expanded, sync_folder
from imagefinder.errors import InvalidInputError, NotFoundError, StorageError
from imagefinder.whole.archive import FIRST

BackupPlace: TypeAlias = str | os.PathLike[str] | BinaryIO
_PIPE = "Use a pipe: imagefinder backup - | PROGRAM; PROGRAM | imagefinder restore -"


@contextmanager
def written(place: BackupPlace, apart_from: Path | str) -> Iterator[tuple[str, BinaryIO]]:
    """The name and the stream of a backup that is to be written. A file gets its name when it is whole: it takes the
    place of a former backup, and of nothing else. Raises InvalidInputError or StorageError."""
    if not isinstance(place, str | os.PathLike):
        try:
            yield "the stream", place
            place.flush()
        except OSError as error:  # whoever reads it has ended
            if isinstance(error, StorageError):
                raise
            raise StorageError(f"The stream can't be written: {error.strerror or error}.") from error
        return
    path = _path(place)
    _check(path, apart_from)
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}.part")
    try:
        with temporary.open("xb") as file:
            yield str(path), file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync_folder(path.parent)
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(
            f"{path} can't be written: {error.strerror or error}. What was there before is untouched.",
            remedy="Make room or allow writing there, then run again.",
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


@contextmanager
def read(place: BackupPlace) -> Iterator[tuple[str, BinaryIO]]:
    """The name and the stream of a backup that is there. Raises InvalidInputError, NotFoundError or StorageError."""
    if not isinstance(place, str | os.PathLike):
        yield "The stream", place
        return
    path = _path(place)
    try:
        file = path.open("rb")
    except (FileNotFoundError, NotADirectoryError):
        raise NotFoundError(f"There is no file {path}.") from None
    except OSError as error:
        raise StorageError(f"{path} can't be read: {error.strerror or error}.") from error
    with file:
        yield str(path), file


def _path(place: str | os.PathLike[str]) -> Path:
    text = os.fspath(place)
    if is_address(text):
        raise InvalidInputError("A backup is a file or a stream, not an address.", remedy=_PIPE)
    return expanded(text).absolute()


def _check(path: Path, apart_from: Path | str) -> None:
    if isinstance(apart_from, Path) and path.parent.resolve().is_relative_to(apart_from.resolve()):
        raise InvalidInputError(f"{path} lies in the index itself.", remedy="Choose a place on another disk.")
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StorageError(f"{path} can't be written: {error.strerror or error}.") from error
    if not stat.S_ISREG(found.st_mode) or not is_backup(path):
        raise InvalidInputError(
            f"{path} is there, and is no backup of ImageFinder: it is not written over.", remedy="Choose another name."
        )


def is_backup(path: Path) -> bool:
    """Whether a file begins as a backup does."""
    try:
        with tarfile.open(path, "r:") as tar:
            first = tar.next()
            return first is not None and first.name == FIRST
    except (tarfile.TarError, OSError, EOFError):
        return False
