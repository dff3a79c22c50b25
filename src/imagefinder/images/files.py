"""Opens files from anyone. Only regular files are read, because a pipe could block for ever."""

from __future__ import annotations

import codecs
import errno
import os
import stat
from io import BytesIO
from typing import BinaryIO

from imagefinder.errors import ImageError
from imagefinder.types import SkipCode

BLOCK = 1 << 20  # bytes read at once


def look(path: str | os.PathLike[str]) -> os.stat_result:
    """The system's facts of a regular file. Raises OSError, also for other kinds of files and for impossible names."""
    try:
        return regular(os.stat(path))
    except ValueError as error:  # a NUL, or what the system's encoding can't say
        raise OSError(errno.ENOENT, str(error)) from error


def regular(found: os.stat_result) -> os.stat_result:
    """The same facts, if they are of a regular file. Raises OSError."""
    if stat.S_ISDIR(found.st_mode):
        raise OSError(errno.EISDIR, "It is a folder")
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.ENXIO, "It is a pipe, a socket or a device")
    return found


def open_file(path: str | os.PathLike[str]) -> BinaryIO:
    """A regular file, opened for reading. Raises OSError, and never blocks."""
    look(path)  # before it is opened, for to open a device may do something
    return open(path, "rb", opener=_opener)


def _opener(path: str, flags: int) -> int:
    file = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # a pipe may have taken the file's place just now
    try:
        regular(os.fstat(file))
    except OSError:
        os.close(file)
        raise
    return file


def codec_of(file: BinaryIO) -> str:
    """How the text of a file that anyone wrote is encoded: UTF-16 where it says so or looks so, else UTF-8, else
    Windows-1252. Reads the file from where it is, in small parts."""
    part = file.read(BLOCK)
    if part.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    start = part[:1000]
    for first, codec in ((0, "utf-16-be"), (1, "utf-16-le")):  # of letters of Europe every other byte is zero
        if start[first::2].count(0) > 0.4 * len(start) and not start[1 - first :: 2].count(0):
            return codec
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while part:
            decoder.decode(part)
            part = file.read(BLOCK)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig"


def decode_text(data: bytes) -> str:
    """The text of a file that anyone wrote, see ``codec_of``."""
    return data.decode(codec_of(BytesIO(data)), "replace")


def unreadable(error: OSError) -> ImageError:
    """The ImageError for an error of the operating system."""
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return ImageError("There is no such file, or it is a link to nowhere.", code=SkipCode.NOT_FOUND)
    if error.errno in (errno.EACCES, errno.EPERM):
        return ImageError("The file may not be read.", code=SkipCode.PERMISSION, remedy="Change its permissions.")
    if error.errno == errno.EISDIR:
        return ImageError("It is a folder.", code=SkipCode.NOT_AN_IMAGE)
    if error.errno == errno.ENXIO:
        return ImageError("It is a pipe, a socket or a device.", code=SkipCode.NOT_AN_IMAGE)
    return ImageError(f"The file can't be read: {error.strerror or error}.", code=SkipCode.NOT_FOUND)
