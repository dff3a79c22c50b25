"""Preprocessing: from an upright RGB picture of any size to the input of a model."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image

    from imagefinder.models.spec import Preprocess

MOST_PIXELS = 16_000_000  # of a picture resized before it is cropped: 48 MB

_rooms = threading.local()


def prepare(image: Image, wanted: Preprocess) -> np.ndarray:
    """An upright RGB picture as uint8 (height, width, 3), resized and cropped for the model. Still RGB: ``normalise``
    changes the order of channels."""
    from PIL.Image import Resampling

    method = Resampling[wanted.resample.upper()]
    height, width = wanted.size
    if wanted.resize == "half_squash":
        return half_squash(image, height)
    if wanted.resize == "longest_edge":
        return pad(np.asarray(image.resize(longest_edge(*image.size, height, width), method)), height, width)
    if wanted.resize == "squash" and wanted.edge is None:
        return np.asarray(image.resize((width, height), method))
    edge = wanted.edge or height
    size = (edge, edge) if wanted.resize == "squash" else shortest_edge(*image.size, edge)
    if size[0] * size[1] > MOST_PIXELS:
        return _thin(image, size, wanted)
    return centre_crop(np.asarray(image.resize(size, method)), height, width, round_half=wanted.round_crop)


def normalise(batch: np.ndarray, wanted: Preprocess) -> np.ndarray:
    """uint8 (n, height, width, 3) to the input of the graph, in its layout: the bytes unchanged, or float32."""
    values = batch[..., ::-1] if wanted.bgr else batch
    if wanted.layout == "NCHW":
        values = values.transpose(0, 3, 1, 2)
    if wanted.scale is None and wanted.mean is None and wanted.std is None:
        return np.ascontiguousarray(values)
    axes = (3, 1, 1) if wanted.layout == "NCHW" else (3,)
    scale = 1.0 if wanted.scale is None else wanted.scale
    mean = np.array(wanted.mean or (0, 0, 0)).reshape(axes)
    std = np.array(wanted.std or (1, 1, 1)).reshape(axes)
    out = np.empty(values.shape, np.float32)
    np.multiply(values, (scale / std).astype(np.float32), out=out)
    out -= (mean / std).astype(np.float32)
    return out


def shortest_edge(width: int, height: int, edge: int) -> tuple[int, int]:
    """The size with the short side at ``edge``, width and height; the long side is rounded down, as ``transformers``
    and torchvision do."""
    short, long = min(width, height), max(width, height)
    longer = int(edge * long / short)
    return (edge, longer) if width <= height else (longer, edge)


def longest_edge(width: int, height: int, most_high: int, most_wide: int) -> tuple[int, int]:
    """The largest size that fits, width and height, rounded as open_clip does; never less than a pixel."""
    ratio = max(height / most_high, width / most_wide)
    return max(1, round(width / ratio)), max(1, round(height / ratio))


def centre_crop(pixels: np.ndarray, height: int, width: int, *, round_half: bool = False) -> np.ndarray:
    """The centre of (h, w, 3) as (height, width, 3), with black around where there is too little."""
    top, left = crop_start(pixels.shape[0], height, round_half), crop_start(pixels.shape[1], width, round_half)
    if top >= 0 and left >= 0:
        return pixels[top : top + height, left : left + width]
    room = np.zeros((max(height, pixels.shape[0]), max(width, pixels.shape[1]), 3), pixels.dtype)
    above, before = (room.shape[0] - pixels.shape[0] + 1) // 2, (room.shape[1] - pixels.shape[1] + 1) // 2
    room[above : above + pixels.shape[0], before : before + pixels.shape[1]] = pixels
    return centre_crop(room, height, width, round_half=round_half)


def crop_start(there: int, wanted: int, round_half: bool) -> int:
    """Where the middle ``wanted`` of ``there`` pixels start; negative where there are too few."""
    return round((there - wanted) / 2) if round_half else (there - wanted) // 2


def pad(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """(h, w, 3), not larger, in the middle of black (height, width, 3)."""
    room = np.zeros((height, width, 3), pixels.dtype)
    top, left = (height - pixels.shape[0]) // 2, (width - pixels.shape[1]) // 2
    room[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
    return room


def _thin(image: Image, size: tuple[int, int], wanted: Preprocess) -> np.ndarray:
    """A crop of the picture at ``size``, without resizing all of it: for a picture one pixel wide that would need
    gigabytes. Only the part that is used is resized. Its borders are 32-bit floats in Pillow, so a value may differ by
    one level."""
    from PIL.Image import Resampling

    height, width = (min(wanted.size[0], size[1]), min(wanted.size[1], size[0]))
    top, left = crop_start(size[1], height, wanted.round_crop), crop_start(size[0], width, wanted.round_crop)
    across, down = image.width / size[0], image.height / size[1]
    box = (left * across, top * down, (left + width) * across, (top + height) * down)
    part = image.resize((width, height), Resampling[wanted.resample.upper()], box=box)
    return centre_crop(np.asarray(part), *wanted.size, round_half=wanted.round_crop)


def half_squash_box(width: int, height: int) -> tuple[float, float, float, float]:
    """The centred part of a ``width`` x ``height`` picture that ``half_squash`` keeps: left, top, right, bottom."""
    ratio = math.sqrt(max(width, height) / min(width, height))
    if width >= height:
        margin = (width - width / ratio) / 2
        return margin, 0.0, width - margin, float(height)
    margin = (height - height / ratio) / 2
    return 0.0, margin, float(width), height - margin


def seen_box(width: int, height: int, wanted: Preprocess) -> tuple[float, float, float, float]:
    """The part of a ``width`` x ``height`` picture that ``prepare`` gives to a model: left, top, right, bottom as
    fractions of its sides. Beyond 0 to 1 is padding."""
    if wanted.resize == "half_squash":
        left, top, right, bottom = half_squash_box(width, height)
        return left / width, top / height, right / width, bottom / height
    high, wide = wanted.size
    if wanted.resize == "longest_edge":
        size = longest_edge(width, height, high, wide)
    elif wanted.resize == "squash":
        size = (wanted.edge or wide, wanted.edge or high)
    else:
        size = shortest_edge(width, height, wanted.edge or high)
    across, down = (size[0] - wide) / 2 / size[0], (size[1] - high) / 2 / size[1]
    return across, down, 1 - across, 1 - down


def half_squash(image: Image, size: int) -> np.ndarray:
    """Half squash, half crop: uint8 (size, size, 3), RGB.

    The picture is resized so that its aspect ratio r becomes sqrt(r), with the short side at ``size``; then the centre
    is cropped. Less of a tall or wide subject is lost than by a centre crop, and it is less distorted than by a squash.
    Both steps are one resize of the part that is used. A picture that is made smaller is averaged over whole blocks of
    pixels until it is less than twice too large, then interpolated cubically at twice the size, which is larger than it
    and so loses nothing, and halved: by OpenCV in a third of the time of Pillow's bicubic filter, and as near to it as
    Pillow's others (``benchmarks/model_speed.py``). One that is made larger is interpolated bicubically.
    """
    from PIL.Image import Resampling

    left, top, right, bottom = box = half_squash_box(*image.size)
    across, down = int((right - left) / size), int((bottom - top) / size)
    if min(right - left, bottom - top) <= size:
        return np.asarray(image.resize((size, size), Resampling.BICUBIC, box=box, reducing_gap=2.0))
    import cv2

    left, right = whole_blocks(left, right, across, image.width)
    top, bottom = whole_blocks(top, bottom, down, image.height)
    if across == down == 1:
        pixels = np.asarray(image)[top:bottom, left:right]
    else:
        pixels = np.asarray(image.reduce((across, down), (left, top, right, bottom)))
    twice = cv2.resize(pixels, (2 * size, 2 * size), dst=_room(2 * size), interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.resize(twice, (size, size), interpolation=cv2.INTER_AREA))


def _room(side: int) -> np.ndarray:
    """uint8 (side, side, 3) of this thread, for what is used at once: new memory is cleared by the system each time."""
    held: np.ndarray | None = getattr(_rooms, "held", None)
    if held is None or len(held) != side:
        held = _rooms.held = np.empty((side, side, 3), np.uint8)
    return held


def whole_blocks(start: float, end: float, block: int, most: int) -> tuple[int, int]:
    """The pixels nearest to those from ``start`` to ``end`` that are a multiple of ``block``, of ``most`` that there
    are. For blocks of one pixel each end is rounded, so that what is centred stays so."""
    length = min(round((round(end) - round(start)) / block), most // block) * block
    first = min(max(0, round((start + end - length) / 2)), most - length)
    return first, first + length
