"""Perceptual hashes of turned and mirrored pictures, and hashes of pixels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from scipy.fft import dctn

from imagefinder.duplicates.matching.hashes import ORIENTATIONS, orientations, perceptual_hash, pixel_hash

FLIP, ROTATE = Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_90
WAYS: dict[str, tuple[Image.Transpose, ...]] = {
    "upright": (),
    "mirrored": (FLIP,),
    "upside down and mirrored": (Image.Transpose.FLIP_TOP_BOTTOM,),
    "turned by 180°": (Image.Transpose.ROTATE_180,),
    "transposed": (Image.Transpose.TRANSPOSE,),
    "turned by 90°": (ROTATE,),
    "turned by 270°": (Image.Transpose.ROTATE_270,),
    "transposed and mirrored": (Image.Transpose.TRANSVERSE,),
}


def test_a_hash_is_the_signs_of_the_low_frequencies(make_image: Callable[..., Image.Image]) -> None:
    image = make_image(1, (32, 32))
    block = dctn(np.asarray(image.convert("L"), float))[:8, :8]
    np.testing.assert_array_equal(perceptual_hash(image), np.where(block > 0, 1, -1).ravel()[1:])


@pytest.mark.parametrize("name", ORIENTATIONS)
def test_the_hashes_of_all_orientations_follow_from_one(name: str, make_image: Callable[..., Image.Image]) -> None:
    images = [make_image(seed, (90, 60)) for seed in range(20)]
    every = orientations(np.stack([perceptual_hash(i) for i in images]))[ORIENTATIONS.index(name)]
    for image, expected in zip(images, every, strict=True):
        for way in WAYS[name]:
            image = image.transpose(way)
        assert np.count_nonzero(perceptual_hash(image) != expected) <= 1  # rounding of a coefficient near 0


def test_the_pixel_hash_knows_the_size_and_every_pixel() -> None:
    image = Image.new("RGB", (4, 6), "red")
    changed = image.copy()
    changed.putpixel((3, 5), (254, 0, 0))
    hashes = {pixel_hash(i) for i in (image, changed, Image.new("RGB", (6, 4), "red"))}
    assert len(hashes) == 3
    assert pixel_hash(image) == pixel_hash(image.copy())
