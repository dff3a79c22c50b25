"""Names that copies of images get as files."""

from __future__ import annotations

import os
from urllib.parse import unquote

from imagefinder._util.files import plain_name
from imagefinder.images.inside import inside, is_bucket, is_url, member_of, part_of
from imagefinder.images.loader import split_url

ENDINGS = {
    "JPEG": ".jpg",
    "TIFF": ".tif",
    "HEIF": ".heic",
    "JPEG2000": ".jp2",
    "RAW": ".dng",
}  # of formats not called as theirs


def ending_of(format: str) -> str:
    """The ending of files of a format, by its name in Pillow, such as .jpg for JPEG."""
    return ENDINGS.get(format, f".{format.lower()}" if format else "")


def copied_name(uri: str, data: bytes = b"") -> str:
    """The name of a copy of an image, which every system takes. One inside a table gets the name that the table gives,
    else the number of its row, and where that has no ending the one of the format of ``data``."""
    if member := member_of(uri):
        return plain_name(os.path.basename(member.name))
    if is_bucket(uri):
        return plain_name(uri.rpartition("/")[2])
    if is_url(uri):
        return plain_name(unquote(split_url(uri).path.rpartition("/")[2]))
    if place := inside(uri):
        from imagefinder.images.headers import format_of

        name = place.name or f"{place.row}" + ("" if place.part is None else f".{place.part}")
        named = place.name and os.path.splitext(name)[1]
        return plain_name(name if named else name + ending_of(format_of(data)))
    if part := part_of(uri):
        which = f"page{part.page}" if part.page else f"{part.place:.3f}s"
        return plain_name(f"{os.path.basename(part.file)}-{which}.jpg")
    return plain_name(os.path.basename(uri))
