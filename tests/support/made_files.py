"""Files of formats beside the usual ones, made on the spot: drawings, JPEG XL, Photoshop, camera raw, PDF and videos.
What needs an optional package skips the test without it."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from PIL import Image

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def halves(left: Any = RED, right: Any = BLUE, size: tuple[int, int] = (64, 48)) -> Image.Image:
    """A picture of two colours."""
    picture = Image.new("RGB", size, right)
    picture.paste(left, (0, 0, size[0] // 2, size[1]))
    return picture


def svg(body: str = "", size: str = 'width="64" height="48"', before: str = "") -> bytes:
    """A drawing of a red half and a blue one, and what else is given."""
    return (
        f'{before}<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" {size} '
        f'viewBox="0 0 64 48"><rect width="32" height="48" fill="red"/>'
        f'<rect x="32" width="32" height="48" fill="blue"/>'
        f"{body}</svg>"
    ).encode()


def jxl(values: np.ndarray | None = None, **options: Any) -> bytes:
    """JPEG XL, without loss."""
    codec = pytest.importorskip("imagecodecs")
    return bytes(codec.jpegxl_encode(np.asarray(halves()) if values is None else values, lossless=True, **options))


def boxed(codestream: bytes, *others: tuple[bytes, bytes]) -> bytes:
    """A codestream of JPEG XL in its boxes, with others before it."""
    head = b"\0\0\0\x0cJXL \r\n\x87\n" + _box(b"ftyp", b"jxl \0\0\0\0jxl ")
    return head + b"".join(_box(kind, data) for kind, data in others) + _box(b"jxlc", codestream)


def _box(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", 8 + len(data)) + kind + data


def psd(picture: Image.Image, *, mode: int = 3, size: tuple[int, int] | None = None, version: int = 1) -> bytes:
    """A Photoshop document of a composite picture and no layer."""
    bands = picture.split()
    width, height = size or picture.size
    head = b"8BPS" + struct.pack(">H6xHIIHH", version, len(bands), height, width, 8, mode)
    return head + struct.pack(">IIIH", 0, 0, 0, 0) + b"".join(band.tobytes() for band in bands)


# --- camera raw -------------------------------------------------------------------------------------------------------

_KINDS = {"B": 1, "A": 2, "H": 3, "I": 4, "R": 5, "S": 10}


class _Directory:
    """A directory of a TIFF, little end first."""

    def __init__(self) -> None:
        self.rows: dict[int, tuple[str, list[Any]]] = {}

    def put(self, tag: int, kind: str, *values: Any) -> None:
        self.rows[tag] = (kind, list(values))

    def size(self) -> int:
        return 2 + 12 * len(self.rows) + 4 + sum(len(v) for v in map(self._packed, self.rows) if len(v) > 4)

    def bytes(self, at: int) -> bytes:
        after = at + 2 + 12 * len(self.rows) + 4
        entries, rest = struct.pack("<H", len(self.rows)), b""
        for tag in sorted(self.rows):
            kind, values = self.rows[tag]
            packed = self._packed(tag)
            count = len(packed) if kind in "AB" else len(values) // (2 if kind in "RS" else 1)
            entries += struct.pack("<HHI", tag, _KINDS[kind], count)
            if len(packed) <= 4:
                entries += packed.ljust(4, b"\0")
            else:
                entries += struct.pack("<I", after + len(rest))
                rest += packed
        return entries + bytes(4) + rest

    def _packed(self, tag: int) -> bytes:
        kind, values = self.rows[tag]
        if kind == "A":
            return values[0].encode() + b"\0"
        packed = struct.pack(f"<{len(values)}{ {'B': 'B', 'H': 'H', 'I': 'I', 'R': 'I', 'S': 'i'}[kind] }", *values)
        return packed + b"\0" * (len(packed) % 2)


def dng(
    preview: Image.Image | None = None,
    *,
    size: tuple[int, int] = (128, 96),
    turn: int = 1,
    levels: tuple[int, int, int] = (40000, 4000, 4000),
) -> bytes:
    """A camera raw file: values of a sensor in a mosaic, of ``levels`` of red, green and blue, and a preview (JPEG).
    ``turn`` is its EXIF orientation."""
    width, height = size
    jpeg = io.BytesIO()
    if preview is not None:
        preview.save(jpeg, "JPEG", quality=95)
    sensor = np.empty((height, width), "<u2")
    sensor[0::2, 0::2], sensor[1::2, 1::2] = levels[0], levels[2]
    sensor[0::2, 1::2] = sensor[1::2, 0::2] = levels[1]
    first, below, exif = _Directory(), _Directory(), _Directory()
    _pixels_of(below, 0, size, [16], 32803, len(sensor.tobytes()))
    below.put(33421, "H", 2, 2)
    below.put(33422, "B", 0, 1, 1, 2)
    below.put(50717, "I", 65535)
    exif.put(36867, "A", "2021:03:04 05:06:07")
    _described(first, turn)
    if preview is not None:
        _pixels_of(first, 1, preview.size, [8, 8, 8], 6, len(jpeg.getvalue()), compression=7)
    starts = [8]
    for one in (first, below, exif):
        starts.append(starts[-1] + one.size())
    pixels = starts[3]
    first.put(330, "I", starts[1])
    first.put(34665, "I", starts[2])
    starts = [8]
    for one in (first, below, exif):
        starts.append(starts[-1] + one.size())
    pixels = starts[3]
    first.put(330, "I", starts[1])
    first.put(34665, "I", starts[2])
    below.put(273, "I", pixels)
    if preview is not None:
        first.put(273, "I", pixels + sensor.nbytes)
    parts = [one.bytes(start) for one, start in zip((first, below, exif), starts, strict=False)]
    return b"II*\0" + struct.pack("<I", 8) + b"".join(parts) + sensor.tobytes() + jpeg.getvalue()


def _pixels_of(
    directory: _Directory,
    kind: int,
    size: tuple[int, int],
    bits: Sequence[int],
    meaning: int,
    length: int,
    compression: int = 1,
) -> None:
    directory.put(254, "I", kind)
    directory.put(256, "I", size[0])
    directory.put(257, "I", size[1])
    directory.put(258, "H", *bits)
    directory.put(259, "H", compression)
    directory.put(262, "H", meaning)
    directory.put(273, "I", 0)
    directory.put(277, "H", len(bits))
    directory.put(278, "I", size[1])
    directory.put(279, "I", length)


def _described(directory: _Directory, turn: int) -> None:
    directory.put(271, "A", "Maker")
    directory.put(272, "A", "Camera One")
    directory.put(274, "H", turn)
    directory.put(50706, "B", 1, 4, 0, 0)
    directory.put(50708, "A", "Maker Camera One")
    directory.put(50721, "S", *(n for value in (1, 0, 0, 0, 1, 0, 0, 0, 1) for n in (value, 1)))
    directory.put(50728, "R", 1, 1, 1, 1, 1, 1)
    directory.put(50778, "H", 21)
