"""Writing a small file whole or not at all; names that fit; what a folder takes on the disk."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from imagefinder._util.places import Place
from imagefinder._util.systems import rename_path, replace_path, sync_file, sync_folder
from imagefinder.errors import InvalidInputError, StorageError

DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{i}" for port in ("com", "lpt") for i in "0123456789¹²³")}  # Windows
LONGEST = 255  # bytes of a file's name, on nearly every file system


def write_whole(path: Place, data: bytes) -> None:
    """Write ``data`` to a temporary name, force it to the disk, and rename it to ``path``.

    Raises:
        StorageError: the disk is full or can't be written; a file that was there is untouched.
    """
    if not isinstance(path, Path):
        path.write(data)
        return
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            sync_file(file.fileno())
        replace_path(temporary, path)
        sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise StorageError(
            f"{path} can't be written: {error.strerror or error}. What was there before is untouched.",
            remedy="Make room or allow writing there, then run again.",
        ) from error


def write_named(path: Path, data: bytes) -> None:
    """Write a file that a user named, whole or not at all. What is there is replaced if it is a file; never a link, or
    what one leads to, and no device.

    Raises:
        InvalidInputError: the name is that of a link, a folder, a device or a pipe.
        StorageError: as ``write_whole``.
    """
    try:
        found = os.lstat(path)
    except (OSError, ValueError):
        found = None
    if found and not stat.S_ISREG(found.st_mode):
        what = "a link" if stat.S_ISLNK(found.st_mode) else "a folder" if stat.S_ISDIR(found.st_mode) else "no file"
        raise InvalidInputError(f"{path} is {what}, which is not written over.", remedy="Name the file itself.")
    write_whole(path, data)


def write_new(path: Path, data: bytes) -> None:
    """Write a file that is not there yet, also not as a link that leads nowhere. Raises OSError, FileExistsError among
    them; nothing is left then."""
    with _new(path) as file:
        file.write(data)


def copy_new(source: str | os.PathLike[str], path: Path) -> None:
    """Copy a file, with its times and permissions, to a name that is not there yet. Raises OSError as ``write_new``."""
    with open(source, "rb") as old, _new(path) as new:
        shutil.copyfileobj(old, new, 1 << 20)
    shutil.copystat(source, path)


def rename_new(source: Path, path: Path) -> None:
    """Give a file a name that nothing has yet. Raises OSError, FileExistsError among them."""
    if os.name == "posix":
        try:
            os.link(source, path)
        except FileExistsError:
            raise
        except OSError:  # a file system without links
            if os.path.lexists(path):
                raise FileExistsError(path) from None
            os.rename(source, path)
        else:
            source.unlink()
    else:
        rename_path(source, path)  # which replaces nothing there


@contextlib.contextmanager
def _new(path: Path) -> Iterator[BinaryIO]:
    with path.open("xb") as file:
        try:
            yield file
            file.flush()
        except BaseException:
            with contextlib.suppress(OSError):
                file.close()
                path.unlink()
            raise


def expanded(path: str | os.PathLike[str]) -> Path:
    """A path that may begin with ``~``, the user's home, or ``~name``, that of another. A file that is really called
    so is taken as it is written. Raises InvalidInputError for a user who is not there."""
    text = os.fspath(path)
    found = os.path.expanduser(text)
    if found == text and text.startswith("~") and not _exists(text):
        user = re.split(r"[/\\]", text, maxsplit=1)[0]
        raise InvalidInputError(
            f"The home folder that {user[:100]!r} stands for is not known.",
            remedy=f"Write ./{text[:100]} if it is the name of a file here.",
        )
    return Path(found)


def _exists(path: str) -> bool:
    try:
        return os.path.lexists(path)
    except ValueError:  # a NUL
        return False


def fitting_name(prefix: str, name: str) -> str:
    """``prefix`` before the name of a file; of a stem too long for a file system the end is left out."""
    stem, ending = os.path.splitext(name)
    room = LONGEST - len(os.fsencode(prefix + ending))
    if len(os.fsencode(stem)) > room:
        stem = os.fsencode(stem)[: max(room, 0)].decode("utf-8", "ignore")
    return f"{prefix}{stem}{ending}"


def plain_name(name: str) -> str:
    """A name of a file, without what Windows refuses in one: control characters, signs such as ``?``, names of devices,
    dots and spaces at the end."""
    name = re.sub(r'[\x00-\x1f\x7f-\x9f<>:"/\\|?*\u2028-\u202e\u2066-\u2069]', "_", name).rstrip(". ") or "image"
    return f"_{name}" if name.partition(".")[0].strip().lower() in DEVICES else name


def holes_to_fill(folder: Path) -> int:
    """The bytes that reading the files below a folder through memory maps takes from the disk: in a file system in
    memory (tmpfs) a hole that is read is filled; elsewhere none is."""
    if not _in_memory(folder):
        return 0
    return sum(max(0, file.st_size - 512 * file.st_blocks) for file in facts_below(folder))


def _in_memory(folder: Path) -> bool:
    device = os.stat(folder).st_dev
    try:
        mounts = Path("/proc/self/mountinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        return False
    number = f"{os.major(device)}:{os.minor(device)}"
    kinds = [line.partition(" - ")[2].split(" ")[0] for line in mounts if line.split(" ")[2] == number]
    return bool({"tmpfs", "ramfs"} & set(kinds))


def disk_use(folder: Path) -> int:
    """The bytes that the files below a folder take on the disk, a file of several names once. Files and folders that
    go meanwhile don't count."""
    sizes = {(f.st_dev, f.st_ino): 512 * getattr(f, "st_blocks", f.st_size // 512) for f in facts_below(folder)}
    return sum(sizes.values())


def facts_below(folder: Path) -> Iterator[os.stat_result]:
    """The system's facts of each file below a folder, links themselves; those that others remove meanwhile are passed
    over."""
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                yield os.lstat(os.path.join(place, name))
