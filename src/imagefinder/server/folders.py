"""Looking through the folders of the server's machine, so that a person can choose one in the page."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagefinder._util.files import expanded
from imagefinder.errors import NotFoundError
from imagefinder.images.formats import BY_ENDING
from imagefinder.images.remote.schemes import is_bucket
from imagefinder.images.sources import FolderSource
from imagefinder.server.errors import RefusedError
from imagefinder.server.settings import place_of

if TYPE_CHECKING:
    from imagefinder.server.settings import ServerSettings

SHOWN = 1000  # folders
COUNTED = 200_000  # files looked at
COUNT_S = 3.0  # at most, as a folder on a slow drive would keep a thread for long


def look_into(path: str | None, settings: ServerSettings) -> dict[str, Any]:
    """The folders below ``path`` (by default the person's own), the folder above, and how many images lie in it.

    Raises RefusedError where clients may not look, NotFoundError where there is no folder.
    """
    if not settings.may_add_folders:
        raise RefusedError(403, "The folders of the server's machine can't be seen from here.", remedy=_HOW)
    shortcuts = _shortcuts(settings)
    if path is None and settings.folders:
        roots = [{"name": one["name"], "path": one["path"]} for one in shortcuts]
        return {"path": "", "parent": None, "folders": roots, "images": 0, "complete": True, "shortcuts": shortcuts}
    place = _allowed(path or "~", settings)
    try:
        with os.scandir(place) as entries:
            folders, images, complete = _sorted_out(entries)
    except OSError as error:
        raise _not_seen(place, error) from None
    parent = str(place.parent) if place.parent != place and settings.may_add(str(place.parent)) else None
    found = {"path": str(place), "parent": parent, "folders": folders, "images": images}
    return {**found, "complete": complete, "shortcuts": shortcuts}


def count_below(path: str, settings: ServerSettings) -> dict[str, Any]:
    """How many pictures indexing would find in ``path`` and below it, or how many of them were seen in a moment.

    Raises RefusedError where clients may not look, NotFoundError where there is no folder.
    """
    if not settings.may_add_folders:
        raise RefusedError(403, "The folders of the server's machine can't be seen from here.", remedy=_HOW)
    place = _allowed(path, settings)
    try:
        with os.scandir(place):
            pass
    except OSError as error:
        raise _not_seen(place, error) from None
    counting = FolderSource(str(place), within=settings.within).counting()
    end = time.monotonic() + COUNT_S
    images = 0
    for seen, found in enumerate(counting):
        if seen >= COUNTED or time.monotonic() > end:
            return {"path": str(place), "images": images, "complete": False}
        images += found
    return {"path": str(place), "images": images, "complete": True}


_HOW = "Start the server with --allow-folder DIR."
_USUAL = {"home": "~", "pictures": "~/Pictures", "downloads": "~/Downloads", "desktop": "~/Desktop"}


def _allowed(path: str, settings: ServerSettings) -> Path:
    place = Path(place_of(path))
    if not settings.may_add(str(place)):
        raise RefusedError(403, f"Images of {place} may not be added from here.", remedy=_HOW)
    return place


def _not_seen(place: Path, error: OSError) -> NotFoundError:
    if isinstance(error, FileNotFoundError):
        return NotFoundError(
            f"That folder doesn't exist: {place}", remedy="Correct the path, or choose a folder below."
        )
    if isinstance(error, NotADirectoryError):
        return NotFoundError(f"That is a file, not a folder: {place}", remedy="Name the folder that it lies in.")
    return NotFoundError(f"{place} can't be looked into: {error.strerror}.")


def _shortcuts(settings: ServerSettings) -> list[dict[str, str]]:
    """Where pictures usually lie: the person's own folders, or those that the server was started with."""
    if settings.folders:
        shared = [(f, os.path.realpath(expanded(f))) for f in settings.folders if not is_bucket(f)]
        return [{"kind": "shared", "name": name, "path": path} for name, path in shared]
    usual = {kind: os.path.expanduser(path) for kind, path in _USUAL.items()}
    there = {kind: path for kind, path in usual.items() if os.path.isdir(path) and settings.may_add(path)}
    return [{"kind": kind, "name": os.path.basename(path) or path, "path": path} for kind, path in there.items()]


def _sorted_out(entries: Any) -> tuple[list[dict[str, str]], int, bool]:
    folders: list[dict[str, str]] = []
    images = 0
    complete = True
    for seen, entry in enumerate(entries):
        if seen >= COUNTED:
            complete = False
            break
        if entry.name.startswith("."):
            continue
        if _is_folder(entry):
            folders.append({"name": entry.name, "path": entry.path})
        else:
            images += os.path.splitext(entry.name)[1].lower() in BY_ENDING
    return sorted(folders, key=lambda f: f["name"].casefold())[:SHOWN], images, complete


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
