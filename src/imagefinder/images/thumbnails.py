"""Small pictures, and sheets of them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from imagefinder._util.files import write_named
from imagefinder.errors import InvalidInputError

PADDING, TEXT = 12, 13  # pixels; height of the text under a picture
INK, FAINT, EMPTY = "#1b1b1f", "#5f6368", "#f1f3f4"


def thumbnail(image: Image.Image, size: int) -> Image.Image:
    """A copy whose longest side is at most ``size`` pixels."""
    small = image.convert("RGB")
    small.thumbnail((size, size), Image.Resampling.LANCZOS)
    return small


def to_data_uri(image: Image.Image, quality: int = 80) -> str:
    """The picture as a JPEG in a ``data:`` URI, to stand inside a page."""
    buffer = BytesIO()
    image.convert("RGB").save(buffer, "JPEG", quality=quality)
    return f"data:image/jpeg;base64,{b64encode(buffer.getvalue()).decode()}"


def save_picture(image: Image.Image, path: Path, **options: Any) -> None:
    """Write a picture that a user named, in the format of its extension (``_util.files.write_named``). Raises
    InvalidInputError and StorageError."""
    format = Image.registered_extensions().get(path.suffix.lower())
    if format not in Image.SAVE:
        raise InvalidInputError(f"{path} has no picture's extension.", remedy="Name it .png, .jpg or .webp.")
    buffer = BytesIO()
    try:
        image.save(buffer, format, **options)
    except (OSError, ValueError) as error:
        raise InvalidInputError(f"{path} can't hold this picture: {error}.", remedy="Name it .png.") from error
    write_named(path, buffer.getvalue())


def contact_sheet(
    items: Sequence[tuple[Image.Image | None, str]], *, columns: int = 5, size: int = 200, title: str = ""
) -> Image.Image:
    """Pictures in rows, each with a line of text under it; None leaves its place empty."""
    columns = max(1, min(columns, len(items)))
    rows = -(-len(items) // columns)
    cell_width, cell_height = size + PADDING, size + TEXT + 2 * PADDING
    top = PADDING + (28 if title else 0)
    sheet = Image.new("RGB", (columns * cell_width + PADDING, top + rows * cell_height), "white")
    draw = ImageDraw.Draw(sheet)
    if title:
        heading = ImageFont.load_default(18)
        draw.text((PADDING, PADDING), _fitted(title, heading, sheet.width - 2 * PADDING), INK, heading)
    font = ImageFont.load_default(TEXT)
    for i, (image, text) in enumerate(items):
        left, above = PADDING + i % columns * cell_width, top + i // columns * cell_height
        _place(sheet, draw, image, (left, above, size))
        draw.text((left, above + size + 4), _fitted(text, font, size), FAINT, font)
    return sheet


def _place(sheet: Image.Image, draw: ImageDraw.ImageDraw, image: Image.Image | None, at: tuple[int, int, int]) -> None:
    left, top, size = at
    if image is None:
        draw.rectangle((left, top, left + size, top + size), fill=EMPTY)
        return
    small = thumbnail(image, size)
    if max(small.size) < size:  # small originals are enlarged, so that a row looks even
        scale = size / max(small.size)
        small = small.resize((round(small.width * scale) or 1, round(small.height * scale) or 1))
    sheet.paste(small, (left + (size - small.width) // 2, top + (size - small.height)))


def _fitted(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> str:
    """The text, cut with an ellipsis to be at most ``width`` pixels wide."""
    text = " ".join(text.split())
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "...") > width:
        text = text[:-1]
    return text.rstrip() + "..."
