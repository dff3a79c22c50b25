"""Tells at little cost where a picture may have text: letters are thin strokes of one height, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from imagefinder.types import Float32

STROKE = 9  # pixels: a wider one is no letter at the size that is looked at
CONTRAST = 40  # of 255, of a stroke to its ground; with 30 more text passes, and many more photos
LOWEST, HIGHEST = 5, 60  # pixels of a letter's height
ROW = 3  # letters in a row that may be a word
ROWS = 4  # that are looked at, the longest ones
AROUND = 1.5  # of a letter's height: what is seen around a row
LETTERS = 1000  # looked at; more are a pattern, or enough
ALONG, ACROSS = [0, 1, 2, 3], [1, 0, 3, 2]  # the sides of a box as they are, and of a picture that lies on its side

Part: TypeAlias = tuple[int, int, int, int]  # left, top, right and bottom in pixels


def parts_with_letters(pixels: np.ndarray) -> list[Part]:
    """The parts of a picture, uint8 (height, width, 3) and at most 800 pixels long, where letters seem to stand in a
    row: at most ``ROWS``, those with most letters first, none over another. 1 to 10 ms.

    Thin strokes are what a morphological closing or opening takes away (black and white top-hat). Of the connected ones
    those count that are shaped like letters, and rows of them are looked for, as in the stroke width transform
    (Epshtein, Ofek and Wexler 2010): along the picture, and across one that lies on its side.
    """
    import cv2

    grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (STROKE, STROKE))
    found: list[tuple[int, Part]] = []
    for kind in (cv2.MORPH_BLACKHAT, cv2.MORPH_TOPHAT):
        marked = (cv2.morphologyEx(grey, kind, kernel) > CONTRAST).astype(np.uint8)
        strokes = cv2.connectedComponentsWithStats(marked, connectivity=8)[2][1:].astype(np.float32)
        for sides in (ALONG, ACROSS):
            letters = _letters(strokes[:, [*sides, 4]])
            found += [(len(row), _part(letters[row][:, sides], grey.shape)) for row in rows_of(letters)]
    chosen: list[Part] = []
    for _, part in sorted(found, key=lambda one: -one[0]):
        if len(chosen) < ROWS and not any(_meet(part, other) for other in chosen):
            chosen.append(part)
    return chosen


def _letters(strokes: Float32) -> Float32:
    """Those of the connected strokes, (n, 5) of left, top, width, height and area, that are shaped like a letter, as
    left, top, right and bottom, from the left to the right."""
    left, top, width, height, area = strokes.T
    share = area / (width * height)
    fits = (
        (height >= LOWEST) & (height <= HIGHEST) & (width <= 2.5 * height) & (width >= 0.08 * height) & (share >= 0.15)
    )
    boxes = np.stack([left, top, left + width, top + height], axis=1)[fits][:LETTERS]
    return np.asarray(boxes[np.argsort(boxes[:, 0], kind="stable")], np.float32)


def rows_of(boxes: Float32) -> list[list[int]]:
    """The letters that stand in rows of at least ``ROW``, row by row, by their places among the ``boxes``, (n, 4) of
    left, top, right and bottom, from the left to the right. The next letter of a row begins right of the last one, at
    most its height away, and is about as high and at the same level. No letter is in two rows."""
    if len(boxes) < ROW:
        return []
    left, top, right, bottom = boxes.T
    height = bottom - top
    low, high = np.minimum.outer(height, height), np.maximum.outer(height, height)
    gap = left[None, :] - right[:, None]
    level = np.minimum.outer(bottom, bottom) - np.maximum.outer(top, top)
    after = left[None, :] > left[:, None]
    fits = after & (gap > -0.3 * low) & (gap < high) & (level > 0.7 * low) & (high < 1.7 * low)
    following = np.where(fits.any(axis=1), np.where(fits, gap, np.inf).argmin(axis=1), -1).tolist()
    length = [1] * len(boxes)
    for i in range(len(boxes) - 1, -1, -1):
        length[i] += length[following[i]] if following[i] >= 0 else 0
    rows: list[list[int]] = []
    taken: set[int] = set()
    for first in sorted(range(len(boxes)), key=lambda i: -length[i]):
        row, at = [], first
        while at >= 0 and at not in taken:
            row.append(at)
            at = following[at]
        if len(row) >= ROW:
            rows.append(row)
            taken.update(row)
    return rows


def _part(letters: Float32, shape: tuple[int, ...]) -> Part:
    """What is seen of a picture of this shape, (height, width), to tell whether these letters are letters."""
    (left, top), (right, bottom) = letters[:, :2].min(axis=0).tolist(), letters[:, 2:].max(axis=0).tolist()
    around = AROUND * min(right - left, bottom - top)
    height, width = shape
    return (
        int(max(0, left - around)),
        int(max(0, top - around)),
        int(min(width, right + around)),
        int(min(height, bottom + around)),
    )


def _meet(one: Part, other: Part) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
