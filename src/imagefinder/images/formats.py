"""The formats of images: the one list of what is opened, by which endings a folder takes it in, and what it needs.

What a file is, is told by its content (``headers.format_of``), never by its name; the endings only say which files of a
folder are looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from imagefinder._util.extras import install_command, missing_modules
from imagefinder.errors import ImageError
from imagefinder.types import SkipCode


class Format(NamedTuple):
    """A format by its ``name``, in Pillow where that opens it, with the ``endings`` of its files.

    ``what`` people call such files, ``extra`` the optional packages that open them. ``module`` of ``images`` opens what
    Pillow doesn't. A file of several pictures is known by its ``parts``: "page" or "t", as in ``film.mp4#t=12.5``.
    ``held`` are the bytes that another package takes for each pixel at most.
    """

    name: str
    endings: tuple[str, ...]
    what: str = ""
    extra: str = ""
    module: str = ""
    parts: str = ""
    held: int = 0


FORMATS = (
    Format("JPEG", (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo")),
    Format("PNG", (".png", ".apng")),
    Format("WEBP", (".webp",)),
    Format("GIF", (".gif",)),
    Format("BMP", (".bmp",)),
    Format("DIB", (".dib",)),
    Format("TIFF", (".tif", ".tiff")),
    Format("AVIF", (".avif", ".avifs")),
    Format("HEIF", (".heic", ".heif", ".hif")),
    Format("PPM", (".ppm", ".pgm", ".pbm", ".pnm")),
    Format("JPEG2000", (".jp2", ".j2k", ".jpx")),
    Format("ICO", (".ico",)),
    Format("PSD", (".psd",)),
    Format(
        "RAW",
        (".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".iiq", ".kdc", ".mef", ".mrw", ".nef", ".nrw")
        + (".orf", ".pef", ".raf", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"),
        "Camera raw files",
        "raw",
        "raw",
        held=24,
    ),
    Format("JXL", (".jxl",), "JPEG XL", "jxl", "jxl", held=32),
    Format("SVG", (".svg", ".svgz"), "SVG drawings", "svg", "svg", held=12),
    Format("PDF", (".pdf",), "Pages of PDF files", "pdf", "pdf", "page", held=8),
    Format(
        "VIDEO",
        (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".m2ts", ".mts", ".3gp", ".wmv", ".flv")
        + (".ogv",),
        "Frames of videos",
        "video",
        "video",
        "t",
        held=12,
    ),
)
NAMED: Mapping[str, Format] = {format.name: format for format in FORMATS}
BY_ENDING: Mapping[str, Format] = {ending: format for format in FORMATS for ending in format.endings}
UNSUPPORTED = {
    ".psb": "Photoshop documents of the large kind (PSB) are not supported.",
    ".eps": "PostScript is not supported.",
}


def check_usable(format: Format) -> None:
    """Raises ImageError for a format whose extra is not installed, and for a file of several pictures."""
    if error := why_not(format):
        raise error
    if format.parts:
        raise ImageError(
            f"{format.what} are indexed one by one, from files only: not from URLs, tables or uploads.",
            code=SkipCode.UNSUPPORTED_FORMAT,
            remedy=f"Put the file into a folder, with the ending {format.endings[0]}, and index that.",
        )


def why_not(format: Format) -> ImageError | None:
    """The error that says which extra a format needs, where that is not installed."""
    if not format.extra or not (missing := missing_modules(format.extra)):
        return None
    return ImageError(
        f"{format.what} need {' and '.join(missing)}, which is not installed.",
        code=SkipCode.UNSUPPORTED_FORMAT,
        remedy=f"Install it with: {install_command(format.extra)}",
    )
