"""What may lie in the folder of an index, which may come from somebody else: files and folders of its own, no links."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from imagefinder.errors import IndexDamagedError, InvalidInputError
from imagefinder.index import manifest as manifests
from imagefinder.index.half import refuse_half

# Folders with many files, each written whole or removed under a name that we give: what lies in them is not looked at.
MANY = frozenset({"jobs", "images", "tables", "queries", "training"})
THUMBS = "thumbs"  # of this one the folders in it are looked at, for pictures are removed from them
REBUILD = "Make it again from its sources, with all that was said of its images: imagefinder index --rebuild"
LEVELS = 7  # of folders, more than an index has


def refuse_links(folder: Path) -> None:
    """Raise IndexDamagedError for a link, a pipe or a device in the folder of an index: what is written there would be
    written elsewhere. The folder itself may be named by a link."""
    for path, mode in _entries(str(folder), LEVELS):
        if stat.S_ISLNK(mode):
            raise IndexDamagedError(
                f"{path} is a link, to {os.readlink(path)}. There are none in an index: what is written there would be "
                "written elsewhere.",
                remedy="Put what it leads to in its place, or remove it if the index came from somebody else.",
            )
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            raise IndexDamagedError(f"{path} is neither a file nor a folder.", remedy="Remove it.")


def _entries(folder: str, levels: int) -> Iterator[tuple[str, int]]:
    with suppress(FileNotFoundError, NotADirectoryError, PermissionError), os.scandir(folder) as found:
        for entry in found:
            is_folder = entry.is_dir(follow_symlinks=False)
            if is_folder or entry.is_file(follow_symlinks=False):
                mode = stat.S_IFDIR if is_folder else stat.S_IFREG
            else:
                mode = entry.stat(follow_symlinks=False).st_mode
            yield entry.path, mode
            if is_folder and levels and entry.name not in MANY:
                yield from _entries(entry.path, 0 if entry.name == THUMBS else levels - 1)


def refuse_foreign(folder: Path) -> None:
    """Refuse a folder with other files in it, one whose points are there but whose ``index.json`` is lost, and a copy
    that is not whole. Raises InvalidInputError, IndexDamagedError or IndexFolderError."""
    refuse_half(folder)
    if manifests.exists(folder) or not folder.is_dir():
        return
    there = sorted(p.name for p in folder.iterdir() if not p.name.startswith((".lock", ".index.", "index.")))
    if {manifests.POINTS, *manifests.MADE} & set(there):
        raise IndexDamagedError(f"{folder / manifests.NAME} is missing.", remedy=f"{REBUILD} SOURCE...")
    if there:
        raise InvalidInputError(
            f"{folder} is not an index, and not empty (it holds '{there[0]}').", remedy="Choose a new or empty folder."
        )
