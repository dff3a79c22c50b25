"""What stands in a cell of a table as the place of an image: a path or a URL, as programs of all systems write them."""

from __future__ import annotations

import json
import os
import re
from typing import Any
from urllib.parse import unquote

from imagefinder.images.inside import inside, is_remote, is_url

_BETWEEN_URLS = re.compile(r"(?<![\s,;|])[\s,;|]+(?=(?:https?:)?//)", re.IGNORECASE)
_PICTURE = r"[^,;|]*\.(?:jpe?g|png|webp|gif|bmp|tiff?|avif|hei[cf])"
_PATHS = re.compile(rf"{_PICTURE}\s*(?:([,;|]){_PICTURE}\s*)+", re.IGNORECASE)
_HOST = re.compile(r"//(?:[^/\\\s]+\.[^/\\\s.]+|localhost|[^/\\\s]+:\d+)/", re.IGNORECASE)
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


def places(cell: Any) -> list[str]:
    """The paths or URLs in a cell: mostly one; several as shops list them, separated by commas, semicolons, bars or
    spaces, or as a JSON list; of an image's bytes and its path, as data sets have it, the path."""
    if isinstance(cell, dict):
        cell = next((cell[k] for k in ("path", "url", "src") if cell.get(k)), None)
    if isinstance(cell, (list, tuple)):
        return [place for one in cell for place in places(one)]
    text = str(cell or "").strip()
    if inside(text):
        return [text]
    if text.startswith("["):
        try:
            return places(json.loads(text))
        except (ValueError, RecursionError):
            pass
    if is_url(text) or text.startswith("//"):
        return [p for part in _BETWEEN_URLS.split(text) if (p := part.strip(" \t\r\n,;|"))]
    if several := _PATHS.fullmatch(text):
        return [p for part in text.split(several[1]) if (p := part.strip())]
    return [text] if text else []


def located(place: str, folder: str) -> str:
    """The URL or absolute path that a table in ``folder`` names by ``place``. Backslashes separate folders where no
    file has them in its name; ``file:`` URLs are paths; ``//host/x`` is a URL where ``host`` may be one on the net."""
    if is_remote(place):
        return place
    if place.lower().startswith("file:"):
        place = unquote(re.sub(r"^//(?:localhost)?(?=/)", "", place[5:], flags=re.IGNORECASE))
        place = place[1:] if _DRIVE.match(place[1:]) else place
    elif _HOST.match(place) and not os.path.exists(place):
        return f"https:{place}"
    if found := inside(place):  # the part behind the table's path is no path
        return found._replace(table=located(found.table, folder)).uri
    path = _path(place, folder)
    return path if "\\" not in place or os.path.lexists(path) else _path(place.replace("\\", "/"), folder)


def _path(place: str, folder: str) -> str:
    return os.path.abspath(os.path.join(folder, os.path.expanduser(place)))
