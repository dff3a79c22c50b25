"""Sidecars: files of XMP beside images, in which programs note what they don't write into the images themselves.

``photo.jpg.xmp`` speaks of ``photo.jpg`` alone, ``photo.xmp`` of all images of that name in its folder.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from imagefinder.images.dates import taken_by_xmp
from imagefinder.images.files import open_file
from imagefinder.images.metadata import told_by_xmp
from imagefinder.images.xmp import BYTES

ENDING = ".xmp"


class Sidecars:
    """The sidecars in a folder, of which ``entries`` are what it holds."""

    def __init__(self, entries: Iterable[os.DirEntry[str]]) -> None:
        self._found = {e.name[: -len(ENDING)]: e for e in entries if e.name.lower().endswith(ENDING)}

    def of(self, name: str) -> tuple[str, int | None]:
        """The path of the sidecar of the image ``name``, and when it was last changed, in nanoseconds; "" and None
        where there is none."""
        entry = self._found and (self._found.get(name) or self._found.get(os.path.splitext(name)[0]))
        if not entry:
            return "", None
        return _dated(entry.path, entry.stat)


def beside(path: str) -> tuple[str, int | None]:
    """The same of one image, by its path."""
    for place in (path + ENDING, os.path.splitext(path)[0] + ENDING):
        if (found := _dated(place, partial(os.stat, place)))[0]:
            return found
    return "", None


def _dated(path: str, look: Callable[[], os.stat_result]) -> tuple[str, int | None]:
    try:
        return path, min(max(look().st_mtime_ns, -(2**63)), 2**63 - 1)  # what an index can hold
    except OSError:
        return "", None


def told_beside(path: str, within: Sequence[str] | None) -> dict[str, Any]:
    """What a sidecar says, as ``metadata.told`` has it, with ``taken_at`` and ``taken_from`` where it knows the date.
    Nothing for one that can't be read, or that links lead out of ``within`` to."""
    try:
        with open_file(path, within) as file:
            packet = file.read(BYTES)
    except OSError:
        return {}
    at = taken_by_xmp(packet)
    return {**told_by_xmp(packet), **({"taken_at": at, "taken_from": "xmp"} if at else {})}
