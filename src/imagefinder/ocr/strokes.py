"""Tells at little cost that a picture has no text: letters are thin strokes of one height, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from imagefinder.types import Float32

STROKE = 9  # pixels: a wider one is no letter at the size that is looked at
CONTRAST = 40  # of 255, of a stroke to its ground; with 30 more text passes, and many more photos
LOWEST, HIGHEST = 5, 60  # pixels of a letter's height
ROW = 4  # letters in a row that are a word
LETTERS = 1000  # looked at; more are a pattern, or enough


def may_hold_text(pixels: np.ndarray) -> bool:
    """Whether there are letters in a row in a picture, uint8 (height, width, 3), of at most 640 pixels; 1 to 6 ms.

    Thin strokes are what a morphological closing or opening takes away (black and white top-hat). Of the connected ones
    those count that are shaped like letters, and rows of them are looked for, as in the stroke width transform
    (Epshtein, Ofek and Wexler 2010): along the picture, and across one that lies on its side.
    """
    import cv2

    grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (STROKE, STROKE))
    for kind in (cv2.MORPH_BLACKHAT, cv2.MORPH_TOPHAT):
        marked = (cv2.morphologyEx(grey, kind, kernel) > CONTRAST).astype(np.uint8)
        found = cv2.connectedComponentsWithStats(marked, connectivity=8)[2][1:].astype(np.float32)
        if any(longest_row(_letters(found[:, turned])) >= ROW for turned in ([0, 1, 2, 3, 4], [1, 0, 3, 2, 4])):
            return True
    return False


def _letters(parts: Float32) -> Float32:
    """Those of the connected parts, (n, 5) of left, top, width, height and area, that are shaped like a letter, as
    left, top, right and bottom, from the left to the right."""
    left, top, width, height, area = parts.T
    share = area / (width * height)
    fits = (
        (height >= LOWEST) & (height <= HIGHEST) & (width <= 2.5 * height) & (width >= 0.08 * height) & (share >= 0.15)
    )
    boxes = np.stack([left, top, left + width, top + height], axis=1)[fits][:LETTERS]
    return np.asarray(boxes[np.argsort(boxes[:, 0], kind="stable")], np.float32)


def longest_row(boxes: Float32) -> int:
    """How many letters the longest row has: each next one begins right of the last one, at most its height away, and is
    about as high and at the same level. ``boxes`` are (n, 4), left, top, right, bottom, from the left to the right."""
    if len(boxes) < ROW:
        return len(boxes)
    left, top, right, bottom = boxes.T
    height = bottom - top
    low, high = np.minimum.outer(height, height), np.maximum.outer(height, height)
    gap = left[None, :] - right[:, None]
    level = np.minimum.outer(bottom, bottom) - np.maximum.outer(top, top)
    after = left[None, :] > left[:, None]
    fits = after & (gap > -0.3 * low) & (gap < high) & (level > 0.7 * low) & (high < 1.7 * low)
    nearest = np.where(fits, gap, np.inf).argmin(axis=1)
    length = np.ones(len(boxes), np.int64)
    for i in np.flatnonzero(fits.any(axis=1))[::-1]:
        length[i] = length[nearest[i]] + 1
    return int(length.max())
