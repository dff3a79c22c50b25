"""What is left between two pictures that lie on each other, in units of what is usual in this pair at such contrast.

Compression, resampling and a fraction of a pixel of shift leave the more the more contrast there is around a pixel. How
much, is fitted to the pair itself: a line through the 90th percentiles of the residue in each range of contrast.
Another digit in small print is far above it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from imagefinder.types import Float32

    Mask: TypeAlias = npt.NDArray[np.bool_]

STEP, BINS, LEAST_PIXELS = 12, 21, 150  # grey levels of contrast in a range; ranges; pixels that tell of one
AROUND, SMOOTH = 7, 15  # pixels: contrast is measured over the first; a change over the second is one of light
MUCH = 3.0  # times what is usual, that is unusual
FLOOR, PER_TONE, MOST_SLOPE = (
    2.0,
    0.25,
    0.25,
)  # grey levels; of the change in tone, which leaves traces; of the contrast


def residue(x: Float32, y: Float32, inside: Mask, toned: float) -> Float32:
    """How unusual the difference at each pixel is, float32 (h, w), 1 where it begins to be; 0 outside.

    ``x`` and ``y`` are grey pictures of one tone and sharpness; ``toned`` are the grey levels that it took.
    """
    import cv2

    away = x - y
    quick = away - cv2.boxFilter(away, -1, (SMOOTH, SMOOTH))
    left = np.minimum(np.abs(quick), np.abs(away))
    near = np.ones((AROUND, AROUND), np.uint8)
    contrast = np.maximum(*(cv2.dilate(p, near) - cv2.erode(p, near) for p in (x, y)))
    level, slope = _usual(left[inside], contrast[inside])
    limit = MUCH * (FLOOR + PER_TONE * toned + level + slope * contrast)
    return np.asarray(np.where(inside, left / limit, 0), np.float32)


def _usual(left: Float32, contrast: Float32) -> tuple[float, float]:
    """Level and slope of the line through the 90th percentiles; ranges that lie above it count less, as those do in
    which much of what there is has changed."""
    place = np.minimum(contrast / STEP, BINS - 1).astype(np.intp)
    count = np.bincount(place, minlength=BINS)
    order, ends = np.argsort(place, kind="stable"), np.cumsum(count)
    held = [k for k in range(BINS) if count[k] >= LEAST_PIXELS]
    tops = np.array([np.percentile(left[order[ends[k] - count[k] : ends[k]]], 90) for k in held])
    if len(held) < 2:
        return float(tops[0]) if held else 0.0, MOST_SLOPE / 5
    line = np.stack([np.ones(len(held)), (np.array(held) + 0.5) * STEP], axis=1)
    weights = np.sqrt(count[held])
    for _ in range(3):
        level, slope = np.linalg.lstsq(line * weights[:, None], tops * weights, rcond=None)[0]
        weights = weights / (1 + np.maximum(tops - line @ (level, slope), 0) / 2)
    return max(0.0, float(level)), float(np.clip(slope, 0, MOST_SLOPE))
