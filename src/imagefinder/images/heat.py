"""Draws a map of which part of a picture matters over the picture."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from imagefinder.types import Float32

KEPT = 0.35  # of the light of what does not matter
LINE = 0.5  # the value that is outlined
WIDTH = 0.006  # of the outline, as a share of the longer side


def draw_map(picture: Image.Image, map: Float32) -> Image.Image:
    """The RGB picture with what matters in its own colours, the rest grey and dark, and a white line around the parts
    above half of the map, float32 (h, w), 0 to 1. It says the same to all eyes, since no colour means anything."""
    rgb = np.asarray(picture.convert("RGB"), np.float32)
    values = np.asarray(Image.fromarray(map).resize(picture.size, Image.Resampling.BICUBIC), np.float32).clip(0, 1)
    grey = KEPT * (rgb @ np.array([0.299, 0.587, 0.114], np.float32))[..., None]
    shown = values[..., None] * rgb + (1 - values[..., None]) * grey
    width = max(1.0, WIDTH * max(picture.size))
    for thick, tone in ((2 * width, 0.0), (width, 255.0)):
        line = _outline(values, thick)[..., None]
        shown = line * tone + (1 - line) * shown
    return Image.fromarray(shown.round().astype(np.uint8))


def _outline(values: Float32, width: float) -> Float32:
    """How much of each pixel a line of this width covers, float32 (h, w), 0 to 1. The distance from the line is about
    the difference to its value over the slope there."""
    if min(values.shape) < 2:
        return np.zeros_like(values)
    slope = np.hypot(*np.gradient(values))
    away = np.abs(values - LINE) / np.maximum(slope, 1e-4)
    return np.asarray(np.clip(width / 2 + 0.5 - away, 0, 1), np.float32)


def map_to_png(map: Float32) -> bytes:
    """A map, float32 (h, w), 0 to 1, as a grey PNG of 8 bits."""
    buffer = BytesIO()
    Image.fromarray((map * 255).round().astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def map_of_png(data: bytes) -> Float32:
    """The map that ``map_to_png`` wrote, to 1/255. Raises OSError or ValueError for what is no such picture."""
    with Image.open(BytesIO(data), formats=["PNG"]) as image:
        return np.asarray(image.convert("L"), np.float32) / np.float32(255)
