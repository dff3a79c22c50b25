"""Where documents lie: in files, or in what several processes share, such as tables of a database.

A *place* is the name of a document or of a folder of documents: a ``Path``, or a ``Shared``, which has the methods of
one that an index uses. Documents are read and written by ``lines.read_plain``, ``lines.add_lines``,
``files.write_whole`` and the functions here, which take both.
"""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import BinaryIO, Protocol, Self, TypeAlias

from imagefinder._util.systems import patiently


class Shared(Protocol):
    """A place that several processes share. Its text is what people are shown. All errors are those of ``errors.py``,
    and FileNotFoundError and FileExistsError."""

    @property
    def name(self) -> str: ...

    @property
    def parent(self) -> Self: ...

    def __truediv__(self, name: str) -> Self: ...

    def exists(self) -> bool:
        """Whether there is a document of this name, or one in this folder."""

    def is_file(self) -> bool:
        """Whether there is a document of this name."""

    def is_dir(self) -> bool:
        """Whether there is a document in this folder."""

    def iterdir(self) -> Iterator[Self]:
        """The documents and folders in this folder."""

    def unlink(self, missing_ok: bool = False) -> None:
        """Remove a document."""

    def rename(self, target: Self) -> Self:
        """Give this folder another name, which no folder has. Raises FileExistsError."""

    def read(self) -> bytes:
        """What a document holds. Raises FileNotFoundError."""

    def write(self, data: bytes) -> None:
        """Write a document, whole or not at all. Inside a lock of the index, only if it is as it was read there."""

    def add(self, lines: bytes) -> tuple[int, int]:
        """Add lines to a document. The size of the document then, and the one it had when it was last written whole."""

    def remove(self) -> None:
        """Remove all that is in this folder."""

    def stamp(self) -> object:
        """What changes whenever a document is written; None where there is none."""

    def together(self) -> AbstractContextManager[None]:
        """What is written meanwhile is seen by others all at once, or never."""


Place: TypeAlias = Path | Shared


def opened(place: Place) -> BinaryIO:
    """A document to be read from. Raises OSError."""
    return place.open("rb") if isinstance(place, Path) else io.BytesIO(place.read())


def make_folder(place: Place, *, parents: bool = False) -> None:
    """Make a folder, if it is not there. Raises OSError."""
    if isinstance(place, Path):
        place.mkdir(parents=parents, exist_ok=True)


def remove_folder(place: Place) -> None:
    """Remove a folder with all that is in it, as far as that can be done."""
    if isinstance(place, Path):
        shutil.rmtree(place, ignore_errors=True)
    else:
        place.remove()


def rename_folder(folder: Place, target: Place) -> Place:
    """Give a folder another name in the same place. In a shared place, another process may be as fast: then the next
    number is taken that no folder has. Raises OSError."""
    if isinstance(folder, Path):
        return patiently(lambda: folder.rename(str(target)))
    assert not isinstance(target, Path)
    while True:
        try:
            return folder.rename(target)
        except FileExistsError:
            target = target.parent / f"{int(target.name) + 1:04d}"


def copy_document(source: Place, target: Place) -> None:
    """Copy a document into a new folder; a file gets a second name instead, where the file system has such. Raises
    OSError."""
    if isinstance(source, Path) and isinstance(target, Path):
        target.parent.mkdir(parents=True)
        try:
            os.link(source, target)
        except OSError:
            shutil.copyfile(source, target)
    elif not isinstance(target, Path):
        with opened(source) as file:
            target.write(file.read())


def together(place: Place) -> AbstractContextManager[None]:
    """What is written in a shared place meanwhile is seen by others all at once, or never."""
    return nullcontext() if isinstance(place, Path) else place.together()


def stamp(place: Place) -> object:
    """What changes whenever a document is written or replaced; None where there is none."""
    if not isinstance(place, Path):
        return place.stamp()
    try:
        found = place.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
