"""Moves one file so that no other file is ever overwritten, and so that it is whole in one place at every moment.

Within a file system a file is renamed, by a call that refuses a name that is taken. Between two, it is copied to a name
of its own, forced to the disk, compared, renamed, and only then removed where it was. A kill leaves it whole in its old
place, in its new one, or in both.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import shutil
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from imagefinder._util.systems import patiently, rename_path, sync_file, sync_folder

CHUNK = 1024 * 1024
# What a system says that has no such call, and a file system that has no such renaming or no links.
_NO_CALL = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
_NO_LINKS = {errno.EPERM, errno.EMLINK, *_NO_CALL}
# The renaming that refuses a taken name: the function of the C library, and its flag (renameat2(2), renamex_np(2)).
_CALLS = {"linux": ("renameat2", 1), "darwin": ("renameatx_np", 4)}
_HERE = {"linux": -100, "darwin": -2}  # AT_FDCWD: the paths are absolute or relative to the working folder


def move(source: Path, target: Path) -> None:
    """Move a file. Raises FileExistsError if there is something at ``target``, which then is untouched, and OSError.

    After an error, as after a kill, the file is whole at ``source`` or at ``target``, or at both.
    """
    try:
        _rename(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _carry(source, target)


def content_hash(path: Path) -> str:
    """Hex BLAKE2b-128 of a file, as in the index. Raises OSError."""
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _rename(source: Path, target: Path) -> None:
    """Rename within a file system. Raises FileExistsError, or OSError, with EXDEV where there are two of them."""
    if os.name == "nt":
        rename_path(source, target)  # Windows itself refuses a name that is taken
        return
    number = _exclusively(source, target)
    if number in _NO_CALL:
        _link(source, target)
    elif number:
        raise OSError(number, os.strerror(number), str(source), None, str(target))


def _exclusively(source: Path, target: Path) -> int:
    """Rename by the call of the system that refuses a taken name. Gives the number of the error, 0 for none."""
    call = _system_call()
    if call is None:
        return errno.ENOSYS
    here, flag = _HERE[sys.platform], _CALLS[sys.platform][1]
    done = call(here, os.fsencode(source), here, os.fsencode(target), flag)
    return ctypes.get_errno() if done else 0


@cache
def _system_call() -> Any:
    name, _ = _CALLS.get(sys.platform, ("", 0))
    call = getattr(ctypes.CDLL(None, use_errno=True), name, None) if name else None
    if call is not None:
        call.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
    return call


def _link(source: Path, target: Path) -> None:
    """A second name, which can't be one that is taken, and then the first one removed."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _reserve(source, target)
        return
    sync_folder(target.parent)
    patiently(lambda: os.unlink(source))


def _reserve(source: Path, target: Path) -> None:
    """For file systems without links: an empty file, which can't be made where there is one, is renamed over."""
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    try:
        os.rename(source, target)
    except OSError:
        with suppress(OSError):
            if os.path.lexists(source) and not os.stat(target).st_size:
                os.unlink(target)
        raise


def _carry(source: Path, target: Path) -> None:
    """Move to another file system."""
    part = target.with_name(f".imagefinder-{os.urandom(8).hex()}.part")
    try:
        with source.open("rb") as old, part.open("xb") as new:
            shutil.copyfileobj(old, new, CHUNK)
            new.flush()
            sync_file(new.fileno())
        with suppress(OSError):  # a file system may not keep the times and rights
            shutil.copystat(source, part)
        if os.path.getsize(part) != os.path.getsize(source) or content_hash(part) != content_hash(source):
            raise OSError(errno.EIO, "The copy differs from the file", str(source))
        _rename(part, target)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    sync_folder(target.parent)
    patiently(lambda: os.unlink(source))
