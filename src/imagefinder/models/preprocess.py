"""From an upright RGB picture of any size to the numbers a model wants."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image

    from imagefinder.models.spec import Preprocess


def prepare(image: Image, wanted: Preprocess) -> np.ndarray:
    """An upright RGB picture as uint8 (height, width, 3), resized and cropped as the model wants it."""
    from PIL import ImageOps
    from PIL.Image import Resampling

    method = Resampling[wanted.resample.upper()]
    height, width = wanted.size
    if wanted.resize == "half_squash":
        return half_squash(image, height)
    if wanted.resize == "squash":
        return np.asarray(image.resize((width, height), method))
    if wanted.resize == "longest_edge":
        return np.asarray(ImageOps.pad(image, (width, height), method))
    return centre_crop(
        np.asarray(image.resize(shortest_edge(*image.size, wanted.edge or height), method)), height, width
    )


def normalise(batch: np.ndarray, wanted: Preprocess) -> np.ndarray:
    """uint8 (n, height, width, 3) to what goes into the graph: bytes as they are, or float32, in the layout wanted."""
    values = batch
    if wanted.scale is not None or wanted.mean is not None or wanted.std is not None:
        scale = np.float32(1.0 if wanted.scale is None else wanted.scale)
        mean = np.asarray(wanted.mean or (0, 0, 0), np.float32)
        std = np.asarray(wanted.std or (1, 1, 1), np.float32)
        values = batch * (scale / std) - mean / std
    return np.ascontiguousarray(values.transpose(0, 3, 1, 2)) if wanted.layout == "NCHW" else values


def shortest_edge(width: int, height: int, edge: int) -> tuple[int, int]:
    """The size with the short side at ``edge``, width and height; the long side is rounded down, as ``transformers``
    does."""
    short, long = min(width, height), max(width, height)
    longer = int(edge * long / short)
    return (edge, longer) if width <= height else (longer, edge)


def centre_crop(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """The centre of (h, w, 3) as (height, width, 3), with black around where there is too little."""
    top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
    if top >= 0 and left >= 0:
        return pixels[top : top + height, left : left + width]
    room = np.zeros((max(height, pixels.shape[0]), max(width, pixels.shape[1]), 3), pixels.dtype)
    above, before = (room.shape[0] - pixels.shape[0] + 1) // 2, (room.shape[1] - pixels.shape[1] + 1) // 2
    room[above : above + pixels.shape[0], before : before + pixels.shape[1]] = pixels
    return centre_crop(room, height, width)


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
