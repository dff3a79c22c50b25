"""The original files of images as one ZIP, made while it is read: it holds one part of one file at a time, however many
there are. Pictures are not compressed once more."""

from __future__ import annotations

import os
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO

from imagefinder._util.files import plain_name
from imagefinder.errors import ImageFinderError
from imagefinder.images.inside import whole_of
from imagefinder.types import Record, Skipped

CHUNK = 256 * 1024
LEFT_OUT = "not in this archive.txt"
FIRST = (1980, 1, 1, 0, 0, 0)  # the earliest time that a ZIP can tell


class Names:
    """Names for files in one folder: each is given once, also where capitals make no difference."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = {name.casefold() for name in taken}

    def give(self, name: str) -> str:
        """This name, or with a number if it is taken: "beach (2).jpg"."""
        stem, ending = os.path.splitext(name)
        found, number = name, 1
        while found.casefold() in self._taken:
            number += 1
            found = f"{stem} ({number}){ending}"
        self._taken.add(found.casefold())
        return found


def zipped(
    records: Iterable[Record], open_original: Callable[[Record], BinaryIO], left: list[Skipped]
) -> Iterator[bytes]:
    """The bytes of a ZIP with the originals of these records; the pages of one file bring it once. An original that
    can't be read is ``left`` out, and named in a text in the ZIP."""
    out, names, given = _Out(), Names([LEFT_OUT]), set[str]()
    written: Any = out  # it only needs to be written to
    with zipfile.ZipFile(written, "w", zipfile.ZIP_STORED) as archive:
        for record in records:
            whole = whole_of(record.uri)
            if whole in given:
                continue
            given.add(whole)
            try:
                file = open_original(record)
            except (ImageFinderError, OSError) as error:
                left.append(Skipped(record.uri, getattr(error, "code", "unreadable"), str(error)))
                continue
            with file:
                yield from _add(archive, out, names.give(_name(record)), file, record)
        if left:
            archive.writestr(
                LEFT_OUT, "".join(f"{one.uri}: {one.reason}\r\n" for one in left).encode("utf-8", "replace")
            )
    yield out.take()


def _add(archive: zipfile.ZipFile, out: _Out, name: str, file: BinaryIO, record: Record) -> Iterator[bytes]:
    entry = zipfile.ZipInfo(name, _time(record))
    with archive.open(entry, "w", force_zip64=True) as target:
        while part := file.read(CHUNK):
            target.write(part)
            yield out.take()
    yield out.take()


def _name(record: Record) -> str:
    return plain_name(str(record.extra.get("name") or os.path.basename(whole_of(record.uri).partition("?")[0])))


def _time(record: Record) -> Any:
    if record.mtime_ns is None or record.mtime_ns < 0:
        return FIRST
    found = time.gmtime(record.mtime_ns // 10**9)[:6]
    return found if FIRST <= found < (2108,) else FIRST


class _Out:
    """What a ZIP is written to that is sent at once: it can't go back."""

    def __init__(self) -> None:
        self._parts = bytearray()

    def write(self, data: bytes) -> int:
        self._parts += data
        return len(data)

    def flush(self) -> None:
        pass

    def take(self) -> bytes:
        """What was written since."""
        found = bytes(self._parts)
        self._parts.clear()
        return found
