"""What the first bytes of an image file say before decoding: its format, and how much memory decoding needs."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import Any

from PIL import Image

from imagefinder.images.colour import is_done, is_transparent
from imagefinder.images.jxl import is_jxl
from imagefinder.images.pdf import is_pdf
from imagefinder.images.raw import is_raw
from imagefinder.images.svg import is_svg
from imagefinder.images.video import is_video

OPENED = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "PPM", "JPEG2000", "ICO", "PSD")  # by Pillow itself
PLUGINS = ("Jpeg", "Mpo", "Png", "WebP", "Gif", "Bmp", "Tiff", "Ppm", "Jpeg2K", "Ico", "Psd", "Avif")
AVIF_BRANDS = {b"avif", b"avis"}
HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
ANY_BRANDS = {b"mif1", b"mif2", b"msf1", b"miaf", b"heif"}  # of the container that AVIF and HEIC share
_PROGRESSIVE = (0xC2, 0xC6, 0xCA, 0xCE)
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_ALONE = {0x01, *range(0xD0, 0xD9)}  # markers with nothing behind them


def format_of(data: bytes) -> str:
    """The name of the format of a file that starts with these bytes, as ``formats`` has it; empty for formats that are
    not opened."""
    prefix = data[:16].ljust(16, b"\0")
    if prefix[4:8] == b"ftyp" and (brand := _brand(data)):
        return brand
    _plugins()
    for name in OPENED:
        accept = Image.OPEN.get(name, (None, None))[1]
        if accept is not None and accept(prefix) is True:
            return "RAW" if name == "TIFF" and is_raw(data) else name
    return next((name for name, is_this in _OTHERS if is_this(data)), "")


def factory(name: str) -> Any:
    """The Pillow plugin for a format."""
    if name == "HEIF":
        from pillow_heif import HeifImageFile

        return HeifImageFile
    _plugins()
    return Image.OPEN[name][0]


@cache
def _plugins() -> None:
    """Load the plugins of Pillow that are used here; ``Image.init`` would load 40 more."""
    for name in PLUGINS:
        import_module(f"PIL.{name}ImagePlugin")


def _brand(data: bytes) -> str:
    """AVIF or HEIF, by the major brand or, where that is one that both may have, the compatible ones."""
    brands = [data[8:12], *(data[i : i + 4] for i in range(16, min(int.from_bytes(data[:4], "big"), 1024), 4))]
    for brand in brands:
        if brand in AVIF_BRANDS:
            return "AVIF"
        if brand in HEIF_BRANDS:
            return "HEIF"
    return "HEIF" if ANY_BRANDS.intersection(brands) else ""


_OTHERS = (("JXL", is_jxl), ("RAW", is_raw), ("PDF", is_pdf), ("VIDEO", is_video), ("SVG", is_svg))


def pixels_held(image: Image.Image, full: tuple[int, int], data: bytes) -> int:
    """How many pixels decoding keeps in memory at once; ``image`` may be about to be decoded smaller than ``full``."""
    held = image.width * image.height
    if image.size != full and not _is_one_scan(data):
        held = full[0] * full[1]
    if image.format == "TIFF":
        tags = image.tag_v2  # type: ignore[attr-defined]
        held = max(held, _whole(tags.get(322)) * _whole(tags.get(323)))  # a tile may be larger than the picture
    return held


_BESIDE = {
    "WEBP": 13,
    "JPEG2000": 16,
    "AVIF": 6,
    "HEIF": 7,
    "GIF": 8,
    "PSD": 8,
}  # bytes a pixel that decoders themselves hold
_COEFFICIENTS = 6  # bytes a pixel of a JPEG that is not in one scan


def bytes_held(image: Image.Image, full: tuple[int, int], pixels: int) -> int:
    """About how much memory it takes to decode an opened image and to make it an upright RGB picture; ``pixels`` is
    what ``pixels_held`` says. Measured (benchmarks/hostile_files.py)."""
    size = image.width * image.height
    own = 1 if image.mode in ("1", "L", "P") else 4
    if is_done(image):
        may_turn = image.info.get("exif") or 274 in getattr(image, "tag_v2", ())
        made = 8 if may_turn and image.format != "HEIF" else 4
    else:
        made = own + (8 if is_transparent(image) and image.info.get("icc_profile") else 4)
    in_scans = image.format in ("JPEG", "MPO") and (pixels > size or "progressive" in image.info)
    tiles = 4 * pixels if image.format == "TIFF" and pixels > size else 0
    beside = _BESIDE.get(image.format or "", 0) * full[0] * full[1]
    return made * size + beside + tiles + _COEFFICIENTS * full[0] * full[1] * in_scans


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
