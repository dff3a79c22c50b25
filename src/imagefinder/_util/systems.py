"""What differs by system, for all modules: names of files, and files that another program holds for a moment."""

from __future__ import annotations

import errno
import os
import sys
import time
import unicodedata
from collections.abc import Callable
from typing import TypeVar

WINDOWS, MACOS = os.name == "nt", sys.platform == "darwin"
WAITS_S = tuple(0.01 * 2**n for n in range(7))  # 1.3 s in all
# Of the errors of Windows: the file is used by others, or a part of it is locked; access is denied, as to a file that
# is being removed or looked through by a virus scanner.
_HELD = (5, 32, 33)
_NO_FOLDER_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EBADF}

T = TypeVar("T")


def patiently(call: Callable[[], T]) -> T:
    """What ``call`` gives. Where Windows refuses it since another program has the file open, as virus scanners and
    those that index and back up have for a moment, it is tried again for about a second. Raises what the call raises.
    """
    for wait in WAITS_S if WINDOWS else ():
        try:
            return call()
        except PermissionError as error:
            if getattr(error, "winerror", None) not in _HELD:
                raise
            time.sleep(wait)
    return call()


def replace_path(source: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
    """``os.replace``, with patience."""
    patiently(lambda: os.replace(source, target))


def rename_path(source: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
    """``os.rename``, with patience."""
    patiently(lambda: os.rename(source, target))


def sync_file(handle: int) -> None:
    """Have an open file written to the medium. On macOS ``fsync`` only hands it to the drive, which may lose it in a
    power cut; ``F_FULLFSYNC`` has the drive write it, where the file system knows it. Raises OSError."""
    if MACOS:
        import fcntl

        try:
            fcntl.fcntl(handle, getattr(fcntl, "F_FULLFSYNC", 51))  # of sys/fcntl.h
            return
        except OSError:  # a file system on another machine
            pass
    os.fsync(handle)


def sync_folder(folder: str | os.PathLike[str]) -> None:
    """Make the names in a folder last. Windows neither needs nor allows it; some file systems of other machines don't
    know it, and what was written there is written. Raises OSError."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(handle)


def composed(text: str) -> str:
    """A name in Unicode's composed form (NFC): macOS may give the same name in another form than people type."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def as_on_disk(path: str) -> str:
    """An absolute path as its file system spells it. Where capitals make no difference, or the form of accents, one
    file has many spellings, and would be indexed once for each. A part that isn't there, or may not be looked at,
    stays as it is."""
    drive, rest = os.path.splitdrive(path)
    found = drive.upper() if drive[1:] == ":" else drive
    found += os.sep if rest[:1] == os.sep else ""
    for name in filter(None, rest.split(os.sep)):
        found = os.path.join(found, _spelling(found, name))
    return found if found and os.path.lexists(found) else path


def real_path(path: str | os.PathLike[str]) -> str:
    """Where links lead, as it is spelled there."""
    return as_on_disk(os.path.realpath(path))


def _spelling(folder: str, name: str) -> str:
    """How ``folder`` spells a name. It is listed only where another spelling leads to the same file."""
    others = {name.swapcase(), *(unicodedata.normalize(form, name) for form in ("NFC", "NFD"))} - {name}
    try:
        here = os.lstat(os.path.join(folder, name))
        if not any(_is_same(os.path.join(folder, other), here) for other in others):
            return name
        names = os.listdir(folder)
        if name in names:
            return name
        alike = [other for other in names if _plain(other) == _plain(name)]
        return next((other for other in alike if _is_same(os.path.join(folder, other), here)), name)
    except (OSError, ValueError):
        return name


def _is_same(path: str, here: os.stat_result) -> bool:
    try:
        found = os.lstat(path)
    except (OSError, ValueError):
        return False
    return (found.st_dev, found.st_ino) == (here.st_dev, here.st_ino)


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
