"""Where a backup goes and comes from: a file, an object of a bucket, or a stream that is open, such as stdout."""

from __future__ import annotations

import contextlib
import io
import os
import stat
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeAlias

from imagefinder._util.addresses import is_address
from imagefinder._util.files import expanded
from imagefinder._util.systems import replace_path, sync_file, sync_folder
from imagefinder.errors import FetchError, InvalidInputError, NotFoundError, StorageError
from imagefinder.images.remote.access import Entry, open_bucket
from imagefinder.images.remote.objects import Objects
from imagefinder.images.remote.schemes import is_bucket, is_remote
from imagefinder.types import Limits, SkipCode
from imagefinder.whole.archive import FIRST

BLOCK = 10 * 512  # bytes, in which a tar has its first member
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
    if is_bucket(text := os.fspath(place)):
        bucket, key = _in_bucket(text)
        _check_object(bucket, key, text)
        with bucket.writing(key) as file:
            yield text, file
        return
    path = _path(text)
    _check(path, apart_from)
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}.part")
    try:
        with temporary.open("xb") as file:
            yield str(path), file
            file.flush()
            sync_file(file.fileno())
        replace_path(temporary, path)
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
    if is_bucket(text := os.fspath(place)):
        bucket, key = _in_bucket(text)
        _head(bucket, key, text)
        with bucket.reading(key) as coming:
            yield text, coming
        return
    path = _path(text)
    try:
        file = path.open("rb")
    except (FileNotFoundError, NotADirectoryError):
        raise NotFoundError(f"There is no file {path}.") from None
    except OSError as error:
        raise StorageError(f"{path} can't be read: {error.strerror or error}.") from error
    with file:
        yield str(path), file


def _path(text: str) -> Path:
    if is_address(text) or is_remote(text):
        raise InvalidInputError("A backup is a file, an object of a bucket or a stream, not an address.", remedy=_PIPE)
    return expanded(text).absolute()


def _in_bucket(text: str) -> tuple[Objects, str]:
    bucket, key = open_bucket(text, Limits())
    if not isinstance(bucket, Objects):
        raise InvalidInputError("A data set of the hub can't hold a backup.", remedy="Name a file or a bucket.")
    if not key or key.endswith("/"):
        raise InvalidInputError(f"{text} names no object.", remedy=f"Give it a name: {text.rstrip('/')}/pictures.tar")
    return bucket, key


def _head(bucket: Objects, key: str, text: str) -> Entry:
    """Raises NotFoundError where there is no such object."""
    try:
        return bucket.head(key)
    except FetchError as error:
        if error.code is SkipCode.NOT_FOUND:
            raise NotFoundError(f"There is no object {text}.", remedy="Check the name of the bucket, too.") from None
        raise


def _check_object(bucket: Objects, key: str, text: str) -> None:
    try:
        found = _head(bucket, key, text)
    except NotFoundError:
        return
    if not _begins_a_backup(io.BytesIO(bucket.part(key, 0, min(found.size, BLOCK), found.version))):
        raise _no_backup(text)


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
        raise _no_backup(path)


def _no_backup(place: Path | str) -> InvalidInputError:
    return InvalidInputError(
        f"{place} is there, and is no backup of ImageFinder: it is not written over.", remedy="Choose another name."
    )


def is_backup(path: Path) -> bool:
    """Whether a file begins as a backup does."""
    try:
        with path.open("rb") as file:
            return _begins_a_backup(file)
    except OSError:
        return False


def _begins_a_backup(file: BinaryIO) -> bool:
    try:
        with tarfile.open(fileobj=file, mode="r:") as tar:
            first = tar.next()
            return first is not None and first.name == FIRST
    except (tarfile.TarError, OSError, EOFError):
        return False
