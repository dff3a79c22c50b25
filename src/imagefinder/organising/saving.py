"""Writes the originals of images to a ZIP on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from imagefinder.duplicates.moving import move
from imagefinder.errors import StorageError
from imagefinder.images.files import open_file
from imagefinder.images.inside import is_file, whole_of
from imagefinder.images.loader import Loader
from imagefinder.images.refs import ref_of
from imagefinder.organising.zipping import zipped
from imagefinder.types import Limits, Record, Skipped


def save_zip(path: Path, records: Iterable[Record]) -> list[Skipped]:
    """Write a new ZIP, whole or not at all; what could not be read. Raises StorageError."""
    left: list[Skipped] = []
    loader = Loader(Limits())

    def original(record: Record) -> BinaryIO:
        whole = whole_of(record.uri)
        return open_file(whole) if is_file(whole) else BytesIO(loader.read(ref_of(record)).data)

    try:
        save_parts(path, zipped(records, original, left))
    finally:
        loader.close()
    return left


def save_parts(path: Path, parts: Iterable[bytes]) -> None:
    """Write a new file, whole or not at all. Raises StorageError."""
    part = path.with_name(f".imagefinder-{os.urandom(8).hex()}.part")
    try:
        with part.open("xb") as file:
            for data in parts:
                file.write(data)
        move(part, path)
    except FileExistsError:
        raise StorageError(f"{path} is there already.", remedy="Choose another name.") from None
    except OSError as error:
        raise StorageError(f"{path} can't be written: {error.strerror or error}.") from error
    finally:
        part.unlink(missing_ok=True)
