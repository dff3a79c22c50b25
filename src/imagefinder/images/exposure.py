"""How a camera took a picture, by the EXIF of its file, in whatever format that is. Nothing is decoded for it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, BinaryIO

from imagefinder.images.headers import format_of

if TYPE_CHECKING:
    from PIL.Image import Exif

HEAD, MOST = 256 * 1024, 64 * 1024**2  # bytes that are read, and of HEIF, which may have it at the end
_EXIF_IFD = 0x8769
_FIELDS = {"shutter": 33434, "aperture": 33437, "iso": 34855, "focal_length": 37386, "focal_length_35mm": 41989}
# A TIFF header, behind what marks it as EXIF in JPEG and HEIF, in PNG, and with its length in WebP.
_START = re.compile(rb"(?:Exif\0\0|eXIf|EXIF.{4})(?=II\*\0|MM\0\*)", re.DOTALL)


def exposure_of(file: BinaryIO) -> dict[str, float]:
    """What the file says, of ``shutter`` (seconds), ``aperture`` (the f-number), ``iso``, ``focal_length`` and
    ``focal_length_35mm`` (both in mm). What it doesn't say, or what is nonsense, is left out."""
    data = file.read(HEAD)
    if not (block := _block(data)) and format_of(data[:1024]) == "HEIF":
        block = _block(data + file.read(MOST))
    if not block:
        return {}
    from PIL.Image import Exif

    exif = Exif()
    try:
        exif.load(block)
        return _numbers(exif)
    except Exception:  # metadata is written by anything and broken in any way
        return {}


def _block(data: bytes) -> bytes:
    """The part that begins with a TIFF header; empty if there is none."""
    if data.startswith((b"II*\0", b"MM\0*")):  # a TIFF itself, as many raw files are
        return data
    found = _START.search(data)
    return data[found.end() :] if found else b""


def _numbers(exif: Exif) -> dict[str, float]:
    said: Mapping[int, Any] = exif.get_ifd(_EXIF_IFD)
    found = {}
    for name, field in _FIELDS.items():
        value = said.get(field)
        first: Any = value[0] if isinstance(value, tuple) and value else value
        if first is None or isinstance(first, str | bytes | tuple):
            continue
        number = float(first)
        if math.isfinite(number) and number > 0:
            found[name] = number
    return found
