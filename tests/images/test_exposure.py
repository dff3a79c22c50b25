"""What a camera wrote of how it took a picture."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from PIL import Image, TiffImagePlugin

from imagefinder.images.exposure import exposure_of

Ratio = TiffImagePlugin.IFDRational
TAKEN = {33434: Ratio(1, 250), 33437: Ratio(28, 10), 34855: 200, 37386: Ratio(50, 1), 41989: 75}


def written(format: str, fields: dict[int, Any]) -> BytesIO:
    exif = Image.Exif()
    exif[271] = "Maker"
    exif.get_ifd(0x8769).update(fields)
    file = BytesIO()
    Image.new("RGB", (40, 30), "teal").save(file, format, exif=exif)
    return BytesIO(file.getvalue())


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_exposure_is_read_of_every_format(format: str) -> None:
    assert exposure_of(written(format, TAKEN)) == {
        "shutter": pytest.approx(1 / 250),
        "aperture": pytest.approx(2.8),
        "iso": 200,
        "focal_length": 50,
        "focal_length_35mm": 75,
    }


def test_a_raw_file_is_a_tiff_itself() -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769).update(TAKEN)
    assert exposure_of(BytesIO(exif.tobytes()[6:] + bytes(1000)))["aperture"] == pytest.approx(2.8)


def test_heif_has_it_at_its_end() -> None:
    block = written("JPEG", TAKEN).getvalue()
    head = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
    assert exposure_of(BytesIO(head + bytes(400_000) + block[block.index(b"Exif\0\0") :]))["iso"] == 200


@pytest.mark.parametrize("fields", [{}, {33434: Ratio(1, 0), 34855: 0}, {33437: "f/2"}])
def test_nonsense_is_left_out(fields: dict[int, Any]) -> None:
    assert exposure_of(written("JPEG", fields)) == {}


def test_any_bytes_can_be_asked() -> None:
    block = written("JPEG", TAKEN).getvalue()
    for end in (0, 1, 30, 60, 100):
        assert isinstance(exposure_of(BytesIO(block[:end])), dict)
    assert exposure_of(BytesIO(b"Exif\0\0II*\0" + b"\xff" * 100)) == {}
