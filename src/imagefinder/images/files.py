"""Opens files from anyone. Only regular files are read, because a pipe could block for ever."""

from __future__ import annotations

import codecs
import errno
import os
import stat
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from imagefinder._util.systems import WINDOWS, real_path
from imagefinder.errors import ImageError
from imagefinder.types import SkipCode

BLOCK = 1 << 20  # bytes read at once
LONGEST_PATH = 260  # characters with the end, where long ones are not switched on
OUTSIDE = "It lies outside the folders that images may come from"


def look(path: str | os.PathLike[str]) -> os.stat_result:
    """The system's facts of a regular file. Raises OSError, also for other kinds of files and for impossible names."""
    try:
        return regular(os.stat(path))
    except ValueError as error:  # a NUL, or what the system's encoding can't say
        raise OSError(errno.ENOENT, str(error), os.fspath(path)) from error


def regular(found: os.stat_result) -> os.stat_result:
    """The same facts, if they are of a regular file. Raises OSError."""
    if stat.S_ISDIR(found.st_mode):
        raise OSError(errno.EISDIR, "It is a folder")
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.ENXIO, "It is a pipe, a socket or a device")
    return found


class OutsideError(PermissionError):
    """A file that lies in none of the folders it has to be in."""


def open_file(path: str | os.PathLike[str], within: Sequence[str] | None = None) -> BinaryIO:
    """A regular file, opened for reading. Raises OSError, and never blocks.

    ``within`` are the real paths of folders. What was really opened must lie in one of them, wherever links led at that
    moment; else OutsideError is raised, also for what is not there at all, so that nothing is told of other places.
    """
    if within is not None:
        check_within(path, within)
    look(path)  # before it is opened, for to open a device may do something
    file = open(path, "rb", opener=_opener)  # noqa: SIM115 - for the caller to close
    try:
        if within is not None and not is_within(_path_of(file.fileno(), path), within):
            raise OutsideError(errno.EACCES, OUTSIDE)
    except BaseException:
        file.close()
        raise
    return file


def opened_path(file: BinaryIO, path: Path) -> Path:
    """A path by which to open an open file again, wherever its own leads by now, where the system has one."""
    again = Path(f"/proc/self/fd/{file.fileno()}")
    return again if again.exists() else path


def check_within(path: str | os.PathLike[str], within: Sequence[str] | None) -> None:
    """Raises OutsideError for a path that leads out of these folders now."""
    try:
        inside = within is None or is_within(real_path(path), within)
    except ValueError:  # a NUL
        inside = False
    if not inside:
        raise OutsideError(errno.EACCES, OUTSIDE)


def is_within(real: str, folders: Sequence[str]) -> bool:
    """Whether a real path is one of these folders or lies below one."""
    return any(real == folder or real.startswith(folder.rstrip(os.sep) + os.sep) for folder in folders)


def _path_of(file: int, path: str | os.PathLike[str]) -> str:
    """The real path of an open file: as the kernel knows it, or where ``path`` leads, if that is still this file."""
    try:
        return os.readlink(f"/proc/self/fd/{file}")
    except OSError:
        real = real_path(path)
        return real if _is_same(os.stat(real), os.fstat(file)) else ""


def _is_same(a: os.stat_result, b: os.stat_result) -> bool:
    return (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino)


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
    if isinstance(error, OutsideError):
        return ImageError(f"{OUTSIDE}.", code=SkipCode.PERMISSION, remedy="Move it there, or allow its folder.")
    if WINDOWS and len(str(error.filename or "")) >= LONGEST_PATH:
        return ImageError(
            f"Its path has {LONGEST_PATH} characters or more, which this Windows does not take.",
            code=SkipCode.BAD_NAME,
            remedy="Have Windows take long paths (LongPathsEnabled, see imagefinder doctor), or shorten it.",
        )
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return ImageError("There is no such file, or it is a link to nowhere.", code=SkipCode.NOT_FOUND)
    if error.errno in (errno.EACCES, errno.EPERM):
        return ImageError("The file may not be read.", code=SkipCode.PERMISSION, remedy="Change its permissions.")
    if error.errno == errno.EISDIR:
        return ImageError("It is a folder.", code=SkipCode.NOT_AN_IMAGE)
    if error.errno == errno.ENXIO:
        return ImageError("It is a pipe, a socket or a device.", code=SkipCode.NOT_AN_IMAGE)
    return ImageError(f"The file can't be read: {error.strerror or error}.", code=SkipCode.NOT_FOUND)
