"""Files that are one picture together: RAW and JPEG, a photo and the video of its "live" version, a picture and what is
noted of it in a file beside it. They lie in one folder under one name, with other endings."""

from __future__ import annotations

import os
import re

from imagefinder.images.inside import is_file

# Endings of files, by what they hold.
RAW = frozenset(
    ["3fr", "arw", "cr2", "cr3", "crw", "dcr", "dng", "erf", "fff", "gpr", "iiq", "kdc", "mef", "mos", "mrw", "nef"]
    + ["nrw", "orf", "pef", "raf", "raw", "rw2", "rwl", "sr2", "srf", "srw", "x3f"]
)
HEIF, JPEG = frozenset(["heic", "heif", "hif"]), frozenset(["jpg", "jpeg", "jpe"])
OTHER = frozenset(["png", "tif", "tiff", "webp", "avif", "gif", "bmp", "jxl", "jp2", "psd"])
VIDEO = frozenset(["mov", "mp4", "m4v", "mp", "3gp", "avi", "mts"])
NOTES = frozenset(["xmp", "aae", "thm", "wav", "pp3", "dop", "cos", "json"])
KINDS = {ending: kind for kind in (RAW, HEIF, JPEG, OTHER, VIDEO, NOTES) for ending in kind}
TOGETHER = (RAW, VIDEO, NOTES)  # with a picture of any kind; JPEG and HEIF with each other too

# What phones of Google add to the names of files of one shot: PXL_1.RAW-01.MP.COVER.jpg, PXL_1.RAW-02.ORIGINAL.dng
_PARTS = re.compile(r"(\.raw-\d\d)?(\.mp)?(\.cover|\.original)?$")


class Companions:
    """Finds the companions of images on the disk. Each folder is listed once, when it is first asked for."""

    def __init__(self) -> None:
        self._folders: dict[str, dict[str, list[str]]] = {}

    def of(self, uri: str) -> tuple[str, ...]:
        """The paths of the other files that are one picture with this file, in order; none for a URL."""
        if not is_file(uri):
            return ()
        folder, name = os.path.split(uri)
        own = _kind(name)
        paths = [os.path.join(folder, n) for n in self._listed(folder).get(shot_of(name), ()) if _belong(own, _kind(n))]
        return tuple(path for path in paths if path != uri and os.path.lexists(path))

    def _listed(self, folder: str) -> dict[str, list[str]]:
        """The names in a folder that come with another ending too, by what they have in common."""
        if folder not in self._folders:
            names: dict[str, list[str]] = {}
            for name in sorted(_names(folder)):
                names.setdefault(shot_of(name), []).append(name)
            self._folders[folder] = {shot: several for shot, several in names.items() if len(several) > 1}
        return self._folders[folder]


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _ending(name: str) -> str:
    return os.path.splitext(name)[1][1:].casefold()


def _kind(name: str) -> frozenset[str]:
    """What a file is by its ending; for an ending that says nothing a kind that belongs to none."""
    return KINDS.get(_ending(name), frozenset())


def _belong(own: frozenset[str], other: frozenset[str]) -> bool:
    if not other or own == other:
        return other == NOTES
    return own in TOGETHER or other in TOGETHER or {own, other} == {JPEG, HEIF}


def shot_of(name: str) -> str:
    """What the names of the files of one shot have in common. Notes may be named after the whole name of a file
    (IMG_1.JPG.xmp, IMG_1.jpg.supplemental-metadata.json)."""
    stem = os.path.splitext(name)[0]
    if _ending(name) in NOTES:
        inner = stem
        while (shorter := os.path.splitext(inner)[0]) != inner:
            if KINDS.get(_ending(inner), NOTES) is not NOTES:
                stem = shorter
                break
            inner = shorter
    return _PARTS.sub("", stem.casefold())
