"""JPEG XL, by libjxl (imagecodecs). The size is read here before anything is decoded (ISO/IEC 18181-1)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image

STARTS = (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))  # of width to height
_BITS = (9, 13, 18, 30)


def is_jxl(data: bytes) -> bool:
    """Whether a file that begins with these bytes is JPEG XL: a bare codestream or one in boxes."""
    return data.startswith(STARTS)


class Picture:
    """A JPEG XL file. Of an animation it is the first frame. ``size`` is what the header claims; once it is decoded,
    that of the upright picture."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._boxes = dict(_boxes(data))
        self.size = claimed(self._codestream())

    def pixels(self, short_side: int | None) -> int:
        """How many pixels are decoded: all, whatever is wanted."""
        return self.size[0] * self.size[1]

    def picture(self, short_side: int | None) -> Image.Image:
        """The upright picture, of any mode."""
        from imagecodecs import jpegxl_decode

        values = jpegxl_decode(self._data, index=0, numthreads=1)
        image = Image.fromarray(_eight_bit(values))
        self.size = image.size
        return image

    def says(self) -> Image.Image:
        """An image with the EXIF and the XMP of the file."""
        told = Image.new("RGB", (1, 1))
        if len(exif := self._boxes.get(b"Exif", b"")) > 4:
            told.info["exif"] = b"Exif\0\0" + exif[4 + int.from_bytes(exif[:4], "big") :]
        if xmp := self._boxes.get(b"xml "):
            told.info["xmp"] = xmp
        return told

    def _codestream(self) -> bytes:
        if self._data.startswith(STARTS[0]):
            return self._data
        return self._boxes.get(b"jxlc") or self._boxes.get(b"jxlp", b"")[4:]


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The first boxes of each kind that are read, from the last to the first, so that the first one counts."""
    found: list[tuple[bytes, bytes]] = []
    at = 0
    while data.startswith(STARTS[1]) and at + 8 <= len(data) and len(found) < 1000:
        size, kind, head = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], 8
        if size == 1:
            size, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        end = len(data) if size == 0 else at + max(size, head)
        if kind in (b"jxlc", b"jxlp", b"Exif", b"xml "):
            found.append((kind, data[at + head : end]))
        at = end
    yield from reversed(found)


def claimed(codestream: bytes) -> tuple[int, int]:
    """Width and height by the header. Raises ValueError where there is none."""
    if not codestream.startswith(STARTS[0]) or len(codestream) < 4:
        raise ValueError("truncated header of JPEG XL")
    bits, at = int.from_bytes(codestream[2:14], "little"), 0

    def take(n: int) -> int:
        nonlocal at
        at += n
        return bits >> (at - n) & ((1 << n) - 1)

    small = take(1)

    def side() -> int:
        return 8 * (take(5) + 1) if small else take(_BITS[take(2)]) + 1

    height, ratio = side(), take(3)
    if ratio == 0:
        return side(), height
    wide, high = _RATIOS[ratio - 1]
    return height * wide // high, height


def _eight_bit(values: np.ndarray) -> np.ndarray:
    """Grey, RGB or RGBA as uint8, (h, w) or (h, w, channels)."""
    if values.ndim == 3 and values.shape[2] in (1, 2):  # of grey with transparency, the grey on white
        grey = values[..., 0]
        values = grey if values.shape[2] == 1 else np.stack([grey, grey, grey, values[..., 1]], axis=-1)
    values = values[..., :4] if values.ndim == 3 else values
    if values.dtype == np.uint8:
        return np.ascontiguousarray(values)
    if values.dtype == np.uint16:
        return np.ascontiguousarray((values >> 8).astype(np.uint8))
    floats = np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=1.0, neginf=0.0)
    return np.ascontiguousarray((floats.clip(0, 1) * 255).round().astype(np.uint8))


def open_picture(data: bytes) -> Picture:
    return Picture(data)
