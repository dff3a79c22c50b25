"""The pages and frames of an image file, and what is appended to its picture."""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any

import numpy as np

from imagefinder.images import apart
from imagefinder.images.headers import factory, format_of
from imagefinder.images.plain import is_plain
from imagefinder.types import Limits

MOST = 24  # frames compared, evenly chosen where there are more
LARGEST = 768  # pixels, longest side at which frames are compared
APART, BLOCK = 24.0, 4  # grey levels that blocks of so many pixels each way may differ by
APPENDED = 16 * 1024  # bytes after a JPEG that are more than notes of a program
MORE = {"RAW": "a camera raw file", "PSD": "a Photoshop document", "SVG": "a drawing"}
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


def same_frames(a: bytes, b: bytes, limits: Limits | None = None) -> str | None:
    """None if two files hold as many pictures and all of them agree, and nothing but those; otherwise what is
    different, in words. Files that may cost much are compared in a process of its own, within the limits."""
    if a == b:
        return None
    if more := next((MORE[name] for data in (a, b) if (name := format_of(data)) in MORE), ""):
        return f"one file is {more}, which holds more than the picture"
    if all(is_plain(format_of(data), data) for data in (a, b)):
        return same_frames_here(a, b)
    return apart.same_frames(a, b, limits or Limits())


def same_frames_here(a: bytes, b: bytes) -> str | None:
    """``same_frames`` of two different files in this process, whatever it costs."""
    if appended(a) != appended(b):
        return "one file has a video or another picture behind its picture"
    first, second = _opened(a), _opened(b)
    counts = [_count(image) for image in (first, second)]
    if counts[0] != counts[1]:
        return f"one file holds {counts[0]} pictures, the other {counts[1]}"
    if counts[0] == 1:
        return None
    chosen = np.unique(np.linspace(0, counts[0] - 1, min(MOST, counts[0])).round().astype(int)).tolist()
    for number in chosen:
        one, other = _picture(first, number), _picture(second, number)
        if one is None or other is None:
            return f"picture {number + 1} of {counts[0]} can't be compared"
        if not _alike(one, other):
            return f"they differ from picture {number + 1} of {counts[0]} on"
    return None


def _opened(data: bytes) -> Any:
    try:
        return factory(format_of(data))(BytesIO(data), "")
    except Exception:  # a decoder given damaged bytes raises anything
        return None


def _count(image: Any) -> int:
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception:  # a decoder given damaged bytes raises anything
        return 1


def _picture(image: Any, number: int) -> Any:
    try:
        image.seek(number)
        return image.convert("RGB")
    except Exception:  # a decoder given damaged bytes raises anything
        return None


def _alike(one: Any, other: Any) -> bool:
    """Whether two frames agree in every small block, at the size of the smaller."""
    from PIL.Image import Resampling

    scale = min(1.0, LARGEST / max(*one.size, *other.size))
    size = (min(one.width, other.width), min(one.height, other.height))
    size = (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))
    first, second = (np.asarray(p.resize(size, Resampling.BOX), np.float32) for p in (one, other))
    across, down = max(1, size[0] // BLOCK), max(1, size[1] // BLOCK)
    off = (first - second)[: down * BLOCK, : across * BLOCK]
    if min(size) < BLOCK:
        return bool(np.abs(off).max() <= APART)
    blocks = off.reshape(down, BLOCK, across, BLOCK, 3).mean(axis=(1, 3))
    return bool(np.abs(blocks).max() <= APART)


def appended(data: bytes) -> int:
    """How many bytes follow the picture of a JPEG, such as the video of a motion photo; 0 if they are only notes."""
    if not data.startswith(b"\xff\xd8"):
        return 0
    place = 2
    while found := _MARKER.search(data, place):
        if found.group()[1] == 0xD9:
            rest = data[found.end() :].rstrip(b"\0")
            telling = b"ftyp" in rest or b"\xff\xd8\xff" in rest
            return len(rest) if telling or len(rest) > APPENDED else 0
        place = found.end() + int.from_bytes(data[found.end() : found.end() + 2], "big")
    return 0
