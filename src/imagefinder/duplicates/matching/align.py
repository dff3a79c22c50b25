"""How one picture lies on another: by local features, or as a whole when it has too few of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from imagefinder.duplicates.matching.features import Features, mirrored

if TYPE_CHECKING:
    import numpy.typing as npt

    from imagefinder.types import Float32

RATIO = 0.85  # Lowe's test: the best match must be nearer than the second best by this factor
REACH = 3.0  # pixels that a matched point may lie off
LEAST_INLIERS, LEAST_SHARE = 8, 0.25  # of the matches; fewer agree by chance
WHOLE, WHOLE_NCC = 32, 0.9  # side of the squares compared when there are too few points, and what they must reach
STRETCH = 1.05  # a whole picture laid on another may be stretched by this one way


@dataclass(frozen=True, slots=True)
class Alignment:
    """``matrix`` float64 (2, 3) maps pixels of ``other`` to those of the first picture.

    ``other`` is the second picture, mirrored if ``mirrored`` says so. ``inliers`` of ``matches`` points agree.
    """

    matrix: npt.NDArray[np.float64]
    other: Features
    mirrored: bool
    inliers: int
    matches: int

    @property
    def scale(self) -> float:
        """Pixels of the first picture per pixel of the second, both as compared."""
        return math.sqrt(abs(float(np.linalg.det(self.matrix[:, :2]))))

    @property
    def angle(self) -> float:
        """By how many degrees the second picture is turned, -180 to 180."""
        return math.degrees(math.atan2(self.matrix[1, 0], self.matrix[0, 0]))


def align(a: Features, b: Features) -> Alignment | None:
    """The way in which ``b``, plain or mirrored, lies on ``a``; None if there is none.

    A similarity (shift, turn and one scale) found by RANSAC (Fischler and Bolles 1981) from mutual matches that pass
    Lowe's ratio test. Costs about 3 ms.
    """
    best: Alignment | None = None
    for other, flip in ((b, False), (mirrored(b), True)):
        pairs = matches(a.descriptors, other.descriptors)
        found = _similarity(a, other, pairs, flip)
        if found is not None and (best is None or found.inliers > best.inliers):
            best = found
    return best if best is not None else _whole_on_whole(a, b)


def matches(a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8]) -> npt.NDArray[np.intp]:
    """Rows of ``a`` and ``b``, (m, 2), that are each other's nearest, and clearly nearer than the next."""
    if len(a) < 2 or len(b) < 2:
        return np.zeros((0, 2), np.intp)
    near = a.astype(np.float32) @ b.astype(np.float32).T / np.float32(255**2)
    rows = np.arange(len(a))
    best = near.argmax(axis=1)
    mutual = near.argmax(axis=0)[best] == rows
    first = near[rows, best]
    near[rows, best] = -1
    # Between unit vectors the squared distance is 2 - 2 cosine.
    kept = mutual & (1 - first < RATIO**2 * (1 - near.max(axis=1)))
    return np.stack([rows[kept], best[kept]], axis=1)


def _similarity(a: Features, other: Features, pairs: npt.NDArray[np.intp], flip: bool) -> Alignment | None:
    import cv2

    if len(pairs) < LEAST_INLIERS:
        return None
    matrix, inside = cv2.estimateAffinePartial2D(
        other.points[pairs[:, 1]],
        a.points[pairs[:, 0]],
        method=cv2.RANSAC,
        ransacReprojThreshold=REACH,
        maxIters=500,
    )
    inliers = 0 if matrix is None else int(inside.sum())
    if inliers < max(LEAST_INLIERS, LEAST_SHARE * len(pairs)):
        return None
    return Alignment(matrix, other, flip, inliers, len(pairs))


def _whole_on_whole(a: Features, b: Features) -> Alignment | None:
    """For pictures with few points: the one of the eight orientations in which their thumbnails agree best."""
    mine = thumbnail(a.grey)
    best, chosen = WHOLE_NCC, None
    for other, flip in ((b, False), (mirrored(b), True)):
        theirs = thumbnail(other.grey)
        for turns in range(4):
            agreement = float((mine * np.rot90(theirs, turns)).mean())
            if agreement > best and (matrix := _turned(a, other, turns)) is not None:
                best, chosen = agreement, Alignment(matrix, other, flip, 0, 0)
    return chosen


def thumbnail(grey: npt.NDArray[np.uint8]) -> Float32:
    """A picture squashed to a square: float32 (32, 32), less its mean and by its standard deviation."""
    import cv2

    small = cv2.resize(grey, (WHOLE, WHOLE), interpolation=cv2.INTER_AREA).astype(np.float32)
    return np.asarray((small - small.mean()) / max(float(small.std()), 1.0), np.float32)


def _turned(a: Features, b: Features, turns: int) -> npt.NDArray[np.float64] | None:
    """The matrix that lays ``b``, turned against the clock so often by 90 degrees, on the whole of ``a``."""
    (high, wide), (h, w) = a.grey.shape, b.grey.shape
    cos, sin = (1, 0, -1, 0)[turns], (0, 1, 0, -1)[turns]
    turn = np.array([[cos, sin], [-sin, cos]], np.float64)
    across, down = (w, h) if turns % 2 == 0 else (h, w)
    stretch = np.array([wide / across, high / down])
    if max(stretch) > STRETCH * min(stretch):
        return None
    linear = stretch[:, None] * turn
    centre_a, centre_b = np.array([wide - 1, high - 1]) / 2, np.array([w - 1, h - 1]) / 2
    return np.column_stack([linear, centre_a - linear @ centre_b])
