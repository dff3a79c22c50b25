"""Camera raw files, by LibRaw (rawpy): the picture that the camera itself made of it and put into the file, in
milliseconds; where there is none of the size that is wanted, the sensor's values are developed."""

from __future__ import annotations

import struct
from contextlib import suppress
from io import BytesIO
from typing import Any

from PIL import Image, JpegImagePlugin

from imagefinder.images.colour import orientation, upright

_STARTS = (b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FUJIFILMCCD-RAW", b"FOVb", b"\0MRM", b"II\x1a\0\0\0HEAPCCDR")
_TIFF = {b"II*\0": "<", b"MM\0*": ">"}
_SENSOR = (32803, 34892)  # what the pixels are: values under a mosaic of colours, and linear values
_DNG, _PIXELS, _BELOW, _XMP = 50706, 262, 330, 700  # tags: DNG's version, what pixels are, more directories, XMP
_TURNS = {3: Image.Transpose.ROTATE_180, 5: Image.Transpose.ROTATE_90, 6: Image.Transpose.ROTATE_270}  # of LibRaw


def is_raw(data: bytes) -> bool:
    """Whether a file that begins with these bytes is a camera raw file: by its first bytes, or as a TIFF that holds
    values of a sensor."""
    if data.startswith(_STARTS) or (data[4:8] == b"ftyp" and data[8:12] == b"crx "):
        return True
    order = _TIFF.get(data[:4])
    if order is None:
        return False
    try:
        places = [struct.unpack_from(f"{order}I", data, 4)[0]]
        for place in places:  # grows by what lies below the first directory
            for tag, kind, count, value in _entries(data, order, place):
                if tag == _DNG or (tag == _PIXELS and _short(value, order) in _SENSOR):
                    return True
                if tag == _BELOW and len(places) == 1:
                    places += _places(data, order, kind, count, value)
    except struct.error:  # cut, or no TIFF
        pass
    return False


def _entries(data: bytes, order: str, place: int) -> list[tuple[int, int, int, bytes]]:
    (count,) = struct.unpack_from(f"{order}H", data, place)
    return [struct.unpack_from(f"{order}HHI4s", data, place + 2 + 12 * i) for i in range(min(count, 200))]


def _short(value: bytes, order: str) -> int:
    return int(struct.unpack_from(f"{order}H", value)[0])


def _places(data: bytes, order: str, kind: int, count: int, value: bytes) -> list[int]:
    (at,) = struct.unpack(f"{order}I", value)
    return [at] if count == 1 else list(struct.unpack_from(f"{order}{min(count, 8)}I", data, at))


class Picture:
    """A raw file that is open. ``size`` is that of the developed, upright picture."""

    def __init__(self, data: bytes) -> None:
        import rawpy

        self._data = data
        try:
            self._raw = rawpy.imread(BytesIO(data))
        except rawpy.LibRawIOError as error:
            raise ValueError("end of file within its values") from error
        except rawpy.LibRawUnsufficientMemoryError as error:
            raise MemoryError from error
        except rawpy.LibRawError as error:  # its messages are bytes
            raise ValueError(
                b" ".join(a for a in error.args if isinstance(a, bytes)).decode("utf-8", "replace")
            ) from error
        self._across = (self._raw.sizes.width, self._raw.sizes.height)
        self._turn = self._raw.sizes.flip
        self.size = self._across[::-1] if self._turn in (5, 6) else self._across
        self._preview = self._embedded()

    def pixels(self, short_side: int | None) -> int:
        """How many pixels are decoded for a picture of this short side; None: the whole."""
        held = self._preview.size if self._preview and self._is_enough(self._preview, short_side) else self._across
        return held[0] * held[1]

    def picture(self, short_side: int | None) -> Image.Image:
        """The upright picture; smaller where that is enough."""
        preview = self._preview
        if preview is not None and self._is_enough(preview, short_side):
            return self._upright(preview, short_side)
        try:
            half = short_side is not None and min(self._across) >= 2 * short_side
            return Image.fromarray(self._raw.postprocess(use_camera_wb=True, half_size=half, output_bps=8))
        except Exception as error:  # cut, or values of a camera that is newer than LibRaw
            if preview is None:
                raise ValueError("end of file within its values, or values that LibRaw does not know") from error
            return self._upright(preview, short_side)

    def says(self) -> Image.Image:
        """An image with the EXIF of the file."""
        if self._data[:4] not in _TIFF and self._preview is not None:
            return self._preview
        told = Image.new("RGB", (1, 1))
        told.info["exif"] = self._data
        with suppress(Exception):  # EXIF is written by anything and broken in any way
            told.info["xmp"] = told.getexif().get(_XMP, b"")
        return told

    def _embedded(self) -> Image.Image | None:
        import rawpy

        try:
            found = self._raw.extract_thumb()
            data: Any = found.data  # bytes of a JPEG, or an array
            if found.format == rawpy.ThumbFormat.JPEG:
                return JpegImagePlugin.JpegImageFile(BytesIO(data), "")
            return Image.fromarray(data)
        except Exception:  # there is none, or none that can be read
            return None

    def _is_enough(self, preview: Image.Image, short_side: int | None) -> bool:
        """Whether a preview is as large as wanted, or half as large as the picture: that shows as much."""
        wanted = min(self.size) if short_side is None else short_side
        return min(preview.size) >= wanted or 2 * max(preview.size) >= max(self.size)

    def _upright(self, preview: Image.Image, short_side: int | None) -> Image.Image:
        if short_side is not None:
            scale = min(1.0, short_side / min(preview.size))
            preview.draft(preview.mode, (-int(-preview.width * scale // 1), -int(-preview.height * scale // 1)))
        preview.load()
        if orientation(preview) != 1:
            return upright(preview)
        lies = (preview.width > preview.height) == (self._across[0] > self._across[1])
        turn = _TURNS.get(self._turn) if lies or self._turn == 3 else None
        return preview.transpose(turn) if turn is not None else preview


def open_picture(data: bytes) -> Any:
    return Picture(data)
