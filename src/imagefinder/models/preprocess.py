"""From an upright RGB picture of any size to the fixed square of pixels a model wants."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image


def half_squash_box(width: int, height: int) -> tuple[float, float, float, float]:
    """The centred part of a ``width`` x ``height`` picture that ``half_squash`` keeps: left, top, right, bottom."""
    ratio = math.sqrt(max(width, height) / min(width, height))
    if width >= height:
        margin = (width - width / ratio) / 2
        return margin, 0.0, width - margin, float(height)
    margin = (height - height / ratio) / 2
    return 0.0, margin, float(width), height - margin


def half_squash(image: Image, size: int) -> np.ndarray:
    """Half squash, half crop: uint8 (size, size, 3), RGB.

    The picture is resized so that its aspect ratio r becomes sqrt(r) with the short side at ``size``, then the centre
    is cropped: it loses less of a tall or wide subject than a centre crop and distorts it less than a squash. Both
    steps are one bicubic resize of the part that stays. Of a picture several times too large, whole blocks of pixels
    are averaged first (``reducing_gap``), which is quicker and hardly differs.
    """
    from PIL.Image import Resampling

    box = half_squash_box(*image.size)
    return np.asarray(image.resize((size, size), Resampling.BICUBIC, box=box, reducing_gap=2.0))
