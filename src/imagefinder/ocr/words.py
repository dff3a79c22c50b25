"""Words with their places, as they are kept with an image."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

LONGEST, WORDS = 20_000, 3000  # characters and words kept of one picture
STANDING = 1.5  # times as high as wide: such lines are turned before they are read
SIDE = 1000  # parts of a side in which places are given

Box: TypeAlias = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True, slots=True)
class Text:
    """What is written in a picture.

    ``text`` has its lines, from the top to the bottom, with one space between two words. ``boxes`` has four whole
    numbers for each word of ``text.split()``: left, top, right and bottom, in thousandths of the picture's width and
    height.
    """

    text: str = ""
    boxes: tuple[int, ...] = ()

    @classmethod
    def of(cls, lines: Iterable[Sequence[tuple[str, Box]]], width: int, height: int) -> Text:
        """The text of lines of words, each with its box in pixels of a picture of this size. What goes beyond
        ``LONGEST`` and ``WORDS`` is left out."""
        written: list[str] = []
        boxes: list[int] = []
        length = 0
        for line in lines:
            kept = []
            for word, box in line:
                length += len(word) + 1
                if length > LONGEST or len(boxes) >= 4 * WORDS:
                    break
                kept.append(word)
                boxes += _thousandths(box, width, height)
            if kept:
                written.append(" ".join(kept))
        return cls("\n".join(written), tuple(boxes))


def reading_order(lines: np.ndarray, *, over: bool) -> list[int]:
    """The places of lines in the order in which they are read, of their corners (n, 4, 2) in pixels, two neighbours of
    which are the ends of a side along the text. They come in the order of an upright picture, and stay so in one. Where
    most lines stand, it lies on its side. ``over`` says that most of them are upside down, or, where they stand, are
    read from the bottom to the top."""
    x, y = lines.mean(axis=1).T
    along, across = (np.linalg.norm(lines[:, 0] - lines[:, corner], axis=1) for corner in (1, 3))
    standing = bool(np.mean(across >= STANDING * along) > 0.5)
    if not standing and not over:
        return list(range(len(lines)))
    if standing:
        x, y, across = y, -x, along
    if over:
        x, y = -x, -y
    down = np.argsort(y, kind="stable")
    row = np.empty(len(lines), np.int64)
    row[down] = np.cumsum(np.diff(y[down], prepend=y[down][:1]) > np.median(across) / 2)
    return [int(place) for place in np.lexsort((x, row))]


def _thousandths(box: Box, width: int, height: int) -> list[int]:
    sides = zip(box, (width, height, width, height), strict=True)
    return [min(SIDE, max(0, round(SIDE * at / side))) for at, side in sides]


def split_line(text: str, chars: Sequence[Box], whole: Box) -> list[tuple[str, Box]]:
    """The words of a line with their boxes, from those of its characters without spaces. Where these are not as many,
    the ``whole`` line's width is shared out by the characters."""
    words = text.split()
    if len(chars) != sum(map(len, words)):
        chars = _shared(text, whole)
    found, at = [], 0
    for word in words:
        some = chars[at : at + len(word)]
        found.append((word, _around(some)))
        at += len(word)
    return found


def _shared(text: str, box: Box) -> list[Box]:
    left, top, right, bottom = box
    step = (right - left) / max(1, len(text))
    return [(left + i * step, top, left + (i + 1) * step, bottom) for i, c in enumerate(text) if not c.isspace()]


def _around(boxes: Sequence[Box]) -> Box:
    left, top, right, bottom = zip(*boxes, strict=True)
    return min(left), min(top), max(right), max(bottom)
