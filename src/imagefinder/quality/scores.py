"""The technical quality of a picture: sharpness, brightness, contrast, shape, size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from imagefinder.quality.issues import Issue

if TYPE_CHECKING:
    from PIL.Image import Image

    from imagefinder.types import Float32

LONG_SIDE = 512  # pixels at which a picture is judged, so that a score does not depend on the camera
WINDOW = 11  # pixels of the blur that Crete et al. compare with
BLURRY, DARK, BRIGHT, FLAT = 0.5, 0.35, 0.7, 0.2
ODD, TINY = 3.0, 64


@dataclass(frozen=True, slots=True)
class Quality:
    """Scores of one picture.

    ``blur``: 0 sharp to 1 blurred (Crete et al. 2007). ``brightness``: mean luma, 0 black to 1 white. ``contrast``: the
    luma between its 5th and 95th percentile, 0 to 1. ``aspect``: long side over short side.
    """

    blur: float
    brightness: float
    contrast: float
    aspect: float
    issues: tuple[Issue, ...]

    def to_payload(self) -> dict[str, Any]:
        scores = {name: round(getattr(self, name), 3) for name in ("blur", "brightness", "contrast", "aspect")}
        return {**scores, "issues": [issue.value for issue in self.issues]}


def measure(picture: Image, width: int, height: int) -> Quality:
    """Measure an upright RGB picture, which may be a reduced copy; ``width`` x ``height`` is the full size in
    pixels."""
    luma = luma_of(picture)
    low, high, brightest = (float(v) for v in np.quantile(luma, (0.05, 0.95, 0.99)))
    blur, aspect = blur_of(luma), max(width, height) / max(1, min(width, height))
    dark = brightest < DARK
    found = {
        Issue.BLURRY: blur > BLURRY,
        Issue.DARK: dark,
        Issue.BRIGHT: low > BRIGHT,
        Issue.LOW_CONTRAST: high - low < FLAT and not dark,
        Issue.ODD_ASPECT: aspect > ODD,
        Issue.TINY: min(width, height) < TINY,
    }
    issues = tuple(issue for issue, is_so in found.items() if is_so)
    return Quality(blur, float(luma.mean()), high - low, aspect, issues)


def luma_of(picture: Image) -> Float32:
    """The picture's luma (ITU-R 601), float32 (height, width) from 0 to 1, no side longer than ``LONG_SIDE``."""
    from PIL.Image import Resampling

    grey = picture.convert("L")
    grey.thumbnail((LONG_SIDE, LONG_SIDE), resample=Resampling.BOX)  # every pixel counts once
    return np.asarray(grey, np.float32) / np.float32(255)


def blur_of(luma: Float32) -> float:
    """How little a picture changes when it is blurred (Crete, Dolmiere, Ladret and Nicolas 2007): the share of the
    differences between neighbouring pixels that remains after a blur of ``WINDOW`` pixels, the larger of both
    directions. A picture without any differences has 0, because it is flat, not blurred."""
    import cv2

    shares = []
    for axis, window in ((0, (1, WINDOW)), (1, (WINDOW, 1))):
        blurred = cv2.blur(luma, window, borderType=cv2.BORDER_REFLECT)
        before = np.abs(np.diff(luma, axis=axis))
        after = np.abs(np.diff(blurred, axis=axis))
        total = float(before.sum())
        if total > 0:
            shares.append(1 - float(np.maximum(0, before - after).sum()) / total)
    return max(shares, default=0.0)
