"""Thumbnails made before anybody looks at them, so that the first look waits for none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagefinder._util.threads import cores, ordered_map
from imagefinder.errors import ImageError
from imagefinder.images.loader import is_remote
from imagefinder.server.pictures import Pictures
from imagefinder.types import Progress

if TYPE_CHECKING:
    from imagefinder.finder import ImageFinder
    from imagefinder.types import Limits, OnProgress, Record

SIZE = 256  # what grids of pictures ask for
PAGE = 500
FULL = 0.9  # of the room for thumbnails: more would push out others


def make_thumbnails(finder: ImageFinder, limits: Limits, max_bytes: int, progress: OnProgress | None = None) -> int:
    """Make and keep a thumbnail of each image that has none, as long as there is room, the newest first, which the page
    shows first. What lies behind a URL is left until it is looked at. Returns how many were made."""
    pictures = Pictures(finder.home, limits, max_bytes)
    made, done, total = 0, 0, len(finder)

    def make(record: Record) -> bool:
        if is_remote(record.uri) or pictures.is_kept(record, SIZE):
            return False
        try:
            pictures.thumbnail(record, SIZE)
        except ImageError:  # it is said when it is looked at
            return False
        return True

    while pictures.bytes_kept() < FULL * max_bytes:
        records, total = finder.list(sort="-mtime", k=PAGE, offset=done)
        for new in ordered_map(make, records, workers=cores(), window=4 * cores()):
            made += new
            done += 1
            if progress:
                progress(Progress("thumbnails", done, total))
        if not records:
            break
    return made
