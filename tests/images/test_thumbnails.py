"""Small pictures and sheets of them."""

from __future__ import annotations

from PIL import Image

from imagefinder.images.thumbnails import contact_sheet, thumbnail, to_data_uri


def test_a_thumbnail_keeps_its_shape_and_is_never_larger() -> None:
    assert thumbnail(Image.new("RGB", (1000, 500)), 100).size == (100, 50)
    assert thumbnail(Image.new("RGBA", (30, 20)), 100).size == (30, 20)
    for mode in ("RGB", "RGBA", "P", "I;16"):
        assert to_data_uri(Image.new(mode, (4, 4))).startswith("data:image/jpeg;base64,/9j/")


def test_a_sheet_has_a_place_for_every_picture() -> None:
    items = [(Image.new("RGB", (300, 200), "red"), f"{i}. a very long name of a file {i}") for i in range(7)]
    sheet = contact_sheet([*items, (None, "gone")], columns=3, size=100, title="a title " * 50)
    assert sheet.width == 3 * 112 + 12
    colours = {c for _, c in sheet.getcolors(1 << 20) or []}
    assert (255, 0, 0) in colours
    assert contact_sheet([], columns=3).size[0] > 0
