"""What is kept of a picture to compare it with others, point by point and place by place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt
    from PIL.Image import Image

    from imagefinder.types import Float32

SIDE = 256  # pixels, longest side that pictures are compared at
POINTS = 300  # strongest local features kept
CONTRAST = 0.02  # half of SIFT's default: faint pictures need points too
COLOUR_CELL = 8  # pixels


@dataclass(frozen=True, slots=True)
class Features:
    """A picture at ``SIDE`` pixels, about 150 kB.

    ``grey`` is uint8 (h, w); ``colour`` int8 (h / 8, w / 8, 2), how far red and blue stand from green, halved;
    ``points`` float32 (m, 2), x and y in pixels; ``descriptors`` uint8 (m, 128), SIFT (Lowe 2004) as RootSIFT
    (Arandjelovic and Zisserman 2012). ``width`` and ``height`` are those of the full picture.
    """

    grey: npt.NDArray[np.uint8]
    colour: npt.NDArray[np.int8]
    points: Float32
    descriptors: npt.NDArray[np.uint8]
    width: int
    height: int

    @property
    def nbytes(self) -> int:
        return self.grey.nbytes + self.colour.nbytes + self.points.nbytes + self.descriptors.nbytes


def features_of(image: Image, width: int, height: int) -> Features:
    """The features of an upright RGB picture; ``width`` and ``height`` are its full size, if it was decoded smaller."""
    import cv2

    scale = SIDE / max(image.size)
    size = (max(8, round(image.width * scale)), max(8, round(image.height * scale)))
    rgb = np.asarray(image.convert("RGB"))
    rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    keypoints, found = _sift().detectAndCompute(grey, None)
    if found is None:
        found = np.zeros((0, 128), np.float32)
    points = np.array([k.pt for k in keypoints], np.float32).reshape(-1, 2)
    return Features(grey, _colour(rgb), points, rooted(found), width, height)


def _sift() -> Any:
    import cv2

    # Without the precise upscale points lie a quarter of a pixel off, the other way in a mirrored picture.
    return cv2.SIFT.create(nfeatures=POINTS, contrastThreshold=CONTRAST, enable_precise_upscale=True)


def _colour(rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.int8]:
    import cv2

    small = (max(1, rgb.shape[1] // COLOUR_CELL), max(1, rgb.shape[0] // COLOUR_CELL))
    red, green, blue = np.moveaxis(cv2.resize(rgb, small, interpolation=cv2.INTER_AREA).astype(np.int16), 2, 0)
    return np.stack([(red - green) // 2, (blue - green) // 2], axis=2).astype(np.int8)


def rooted(found: Float32) -> npt.NDArray[np.uint8]:
    """RootSIFT times 255: rows of length about 255."""
    sums = np.maximum(found.sum(axis=1, keepdims=True), 1)
    return np.asarray(np.rint(np.sqrt(found / sums) * 255), np.uint8)


def mirrored(features: Features) -> Features:
    """The features of the mirrored picture, without computing them anew."""
    width = features.grey.shape[1]
    points = features.points * np.array([-1, 1], np.float32) + np.array([width - 1, 0], np.float32)
    return Features(
        np.ascontiguousarray(features.grey[:, ::-1]),
        np.ascontiguousarray(features.colour[:, ::-1]),
        points,
        mirrored_descriptors(features.descriptors),
        features.width,
        features.height,
    )


def mirrored_descriptors(descriptors: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """A SIFT descriptor is 4 rows of 4 places of 8 directions, turned to its keypoint's own direction. Mirroring swaps
    the rows and reverses the sense of the directions."""
    return descriptors[:, _MIRRORED]


_REVERSED = [0, 7, 6, 5, 4, 3, 2, 1]
_MIRRORED = np.arange(128).reshape(4, 4, 8)[::-1, :, _REVERSED].ravel()
