"""Looking through the folders of the server's machine, so that a person can choose one in the page."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagefinder._util.files import expanded
from imagefinder.errors import NotFoundError
from imagefinder.images.formats import BY_ENDING
from imagefinder.images.remote.schemes import is_bucket
from imagefinder.server.errors import RefusedError
from imagefinder.server.settings import place_of

if TYPE_CHECKING:
    from imagefinder.server.settings import ServerSettings

SHOWN = 1000  # folders
COUNTED = 10_000  # files looked at in a folder


def look_into(path: str | None, settings: ServerSettings) -> dict[str, Any]:
    """The folders below ``path`` (by default the person's own), the folder above, and how many images lie in it.

    Raises RefusedError where clients may not look, NotFoundError where there is no folder.
    """
    if not settings.may_add_folders:
        raise RefusedError(403, "The folders of the server's machine can't be seen from here.", remedy=_HOW)
    if path is None and settings.folders:
        roots = [{"name": f, "path": os.path.realpath(expanded(f))} for f in settings.folders if not is_bucket(f)]
        return {"path": "", "parent": None, "folders": roots, "images": 0}
    place = Path(place_of(path or "~"))
    if not settings.may_add(str(place)):
        raise RefusedError(403, f"Images of {place} may not be added from here.", remedy=_HOW)
    try:
        with os.scandir(place) as entries:
            folders, images = _sorted_out(entries)
    except OSError as error:
        raise NotFoundError(f"{place} can't be looked into: {error.strerror}.") from None
    parent = str(place.parent) if place.parent != place and settings.may_add(str(place.parent)) else None
    return {"path": str(place), "parent": parent, "folders": folders, "images": images}


_HOW = "Start the server with --allow-folder DIR."


def _sorted_out(entries: Any) -> tuple[list[dict[str, str]], int]:
    folders: list[dict[str, str]] = []
    images = 0
    for seen, entry in enumerate(entries):
        if seen >= COUNTED:
            break
        if entry.name.startswith("."):
            continue
        if _is_folder(entry):
            folders.append({"name": entry.name, "path": entry.path})
        else:
            images += os.path.splitext(entry.name)[1].lower() in BY_ENDING
    return sorted(folders, key=lambda f: f["name"].casefold())[:SHOWN], images


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
