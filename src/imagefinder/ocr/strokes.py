"""Tells at little cost that a picture has no text: letters are rows of thin strokes that differ from their ground."""

from __future__ import annotations

from typing import Any

import numpy as np

STROKE = 9  # pixels: a wider one is no letter at the size that is looked at
CONTRAST = 40  # of 255, of a stroke to its ground
LEAST, MOST = 5, 90  # pixels of height of a row of letters


def may_hold_text(pixels: np.ndarray) -> bool:
    """Whether there is anything like a row of letters in a picture, uint8 (height, width, 3), of at most 640 pixels.

    Thin strokes are what a morphological closing or opening takes away (black and white top-hat); strokes that stand
    close together make rows, and rows of letters are wide, low, and neither empty nor full. About 2 ms.
    """
    import cv2

    grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (STROKE, STROKE))
    return any(_has_rows(cv2.morphologyEx(grey, kind, kernel)) for kind in (cv2.MORPH_BLACKHAT, cv2.MORPH_TOPHAT))


def _has_rows(strokes: Any) -> bool:
    import cv2

    marked = (strokes > CONTRAST).astype(np.uint8)
    for axis in ((STROKE, 1), (1, STROKE)):  # along the rows, and along the columns of a picture that lies on its side
        rows = cv2.morphologyEx(marked, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_RECT, axis))
        found, _, boxes, _ = cv2.connectedComponentsWithStats(rows, connectivity=8)
        for _, _, width, height, area in boxes[1:found].tolist():
            long, short = (width, height) if axis[0] > 1 else (height, width)
            if LEAST <= short <= MOST and long >= 2 * short and area >= 0.3 * long * short:
                return True
    return False
