"""What the first bytes of an image file say before decoding: its format, and how much memory decoding needs."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from PIL import Image

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "PPM", "JPEG2000", "ICO")
AVIF_BRANDS = {b"avif", b"avis"}
HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
ANY_BRANDS = {b"mif1", b"mif2", b"msf1", b"miaf", b"heif"}  # of the container that AVIF and HEIC share
_PROGRESSIVE = (0xC2, 0xC6, 0xCA, 0xCE)
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_ALONE = {0x01, *range(0xD0, 0xD9)}  # markers with nothing behind them


def format_of(data: bytes) -> str:
    """Pillow's name of the format of a file that starts with these bytes; empty for formats that are not opened."""
    prefix = data[:16].ljust(16, b"\0")
    if prefix[4:8] == b"ftyp":
        return _brand(data)
    Image.init()
    for name in FORMATS:
        accept = Image.OPEN.get(name, (None, None))[1]
        if accept is not None and accept(prefix) is True:
            return name
    return ""


def _brand(data: bytes) -> str:
    """AVIF or HEIF, by the major brand or, where that is one that both may have, the compatible ones."""
    brands = [data[8:12], *(data[i : i + 4] for i in range(16, min(int.from_bytes(data[:4], "big"), 1024), 4))]
    for brand in brands:
        if brand in AVIF_BRANDS:
            return "AVIF"
        if brand in HEIF_BRANDS:
            return "HEIF"
    return "HEIF" if ANY_BRANDS.intersection(brands) else ""


def pixels_held(image: Image.Image, full: tuple[int, int], data: bytes) -> int:
    """How many pixels decoding keeps in memory at once; ``image`` may be about to be decoded smaller than ``full``."""
    held = image.width * image.height
    if image.size != full and not _is_one_scan(data):
        held = full[0] * full[1]
    if image.format == "TIFF":
        tags = image.tag_v2  # type: ignore[attr-defined]
        held = max(held, _whole(tags.get(322)) * _whole(tags.get(323)))  # a tile may be larger than the picture
    return held


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def _is_one_scan(data: bytes) -> bool:
    """Whether a JPEG has everything in one scan. If not, as in progressive ones, libjpeg keeps the coefficients of the
    whole picture, two bytes for each sample, at whatever scale it is read.

    Goes from marker to marker as libjpeg does.
    """
    components, at = 0, 2
    while 0 <= (at := data.find(b"\xff", at)) < len(data) - 9:
        marker = data[at + 1]
        if marker in (0x00, 0xFF) or marker in _ALONE:
            at += 1 if marker == 0xFF else 2
            continue
        if marker == 0xDA:
            return data[at + 4] == components
        if marker in _PROGRESSIVE:
            return False
        if marker in _FRAMES:
            components = data[at + 9]
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return False


def icon_sizes(data: bytes) -> Iterator[tuple[int, int]]:
    """The sizes that the pictures inside an icon claim: PNGs, or bitmaps that count their mask as height."""
    for entry in range(min(int.from_bytes(data[4:6], "little"), 1000)):
        try:
            (at,) = struct.unpack_from("<I", data, 6 + 16 * entry + 12)
            if data[at : at + 4] == b"\x89PNG":
                yield struct.unpack_from(">II", data, at + 16)
            else:
                old = struct.unpack_from("<I", data, at) == (12,)  # the header of OS/2
                width, height = struct.unpack_from("<HH" if old else "<ii", data, at + 4)
                yield abs(width), abs(height) // 2
        except struct.error:
            return
