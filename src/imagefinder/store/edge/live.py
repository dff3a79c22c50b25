"""Which folder the engine works in: that of the points, or one in it that a merge has made, see ``merging``."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from pathlib import Path

from imagefinder._util.files import write_whole
from imagefinder._util.lines import read_plain
from imagefinder.errors import IndexDamagedError
from imagefinder.store.edge.engine import CONFIG, DAMAGED_REMEDY

POINTER = "current.json"  # names the folder, if it is not that of the points itself
PREFIX = "merged-"
ENGINES = ("segments", "wal", CONFIG, "sealed.json")  # what is in such a folder
MOST_BYTES = 1000


def live_folder(home: Path) -> Path:
    """The folder of the points in ``home`` that counts. Raises IndexDamagedError."""
    try:
        name = json.loads(read_plain(home / POINTER, MOST_BYTES))["folder"]
    except FileNotFoundError:
        return home
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IndexDamagedError(f"{home / POINTER} can't be read: {error}", remedy=DAMAGED_REMEDY) from error
    if not isinstance(name, str) or not name.startswith(PREFIX) or Path(name).name != name:
        raise IndexDamagedError(f"{home / POINTER} names no folder of points.", remedy=DAMAGED_REMEDY)
    return home / name


def were_merged(home: Path) -> bool:
    """Whether the points in ``home`` lie in a folder of their own, where earlier versions don't look for them."""
    return os.path.lexists(home / POINTER)


def new_folder(home: Path) -> Path:
    """One that is not there yet."""
    return home / f"{PREFIX}{os.urandom(6).hex()}"


def make_live(home: Path, folder: Path) -> None:
    """From now on ``folder`` counts; it lies in ``home`` and is on the disk. Raises StorageError."""
    write_whole(home / POINTER, json.dumps({"folder": folder.name}).encode())


def clear(home: Path) -> None:
    """Remove what merges have left: what does not count, of those that were killed as well. What can't be removed
    stays, and does no harm."""
    live = live_folder(home)
    for folder in home.glob(f"{PREFIX}*"):
        if folder != live:
            shutil.rmtree(folder, ignore_errors=True)
    for name in ENGINES if live != home else ():
        if (home / name).is_dir():
            shutil.rmtree(home / name, ignore_errors=True)
        else:
            with suppress(OSError):
                (home / name).unlink()
