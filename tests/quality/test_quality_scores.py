"""Scores of pictures: what is done to a picture shows in them, and nothing else does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter
from scipy.ndimage import uniform_filter1d

from imagefinder.quality.scores import WINDOW, blur_of, luma_of, measure

SAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples" / "images").rglob("*.jpg"))[::12]


@pytest.fixture(params=SAMPLES, ids=lambda p: p.stem)
def photo(request: pytest.FixtureRequest) -> Image.Image:
    with Image.open(request.param) as image:
        return image.convert("RGB")


def issues(picture: Image.Image) -> tuple[str, ...]:
    return measure(picture, *picture.size).issues


def test_each_fault_is_named(photo: Image.Image) -> None:
    shape = ("odd-aspect",) if max(photo.size) > 3 * min(photo.size) else ()
    assert issues(photo) == shape
    assert "blurry" in issues(photo.filter(ImageFilter.GaussianBlur(max(photo.size) / 60)))
    assert issues(ImageEnhance.Brightness(photo).enhance(0.15)) == ("dark", *shape)
    assert "bright" in issues(photo.point(lambda v: 200 + v * 55 // 255))
    assert "low-contrast" in issues(ImageEnhance.Contrast(photo).enhance(0.1))
    assert "odd-aspect" in issues(photo.crop((0, 0, photo.width, photo.width // 5)))
    assert measure(photo, 60, 60).issues == ("tiny",)


def test_scores_do_not_depend_on_size_or_contrast(photo: Image.Image) -> None:
    small = photo.resize((512 * photo.width // max(photo.size), 512 * photo.height // max(photo.size)))
    large = small.resize((3 * small.width, 3 * small.height), Image.Resampling.NEAREST)
    plain, other = measure(small, *small.size), measure(large, *large.size)
    assert other.blur == pytest.approx(plain.blur, abs=0.05)
    assert other.brightness == pytest.approx(plain.brightness, abs=0.01)
    faint = ImageEnhance.Contrast(small).enhance(0.5)
    assert measure(faint, *faint.size).blur == pytest.approx(plain.blur, abs=0.06)


def test_blur_is_the_published_formula() -> None:
    luma = np.random.default_rng(0).random((60, 80)).astype(np.float32)
    expected = []
    for axis in (0, 1):
        blurred = uniform_filter1d(luma, WINDOW, axis=axis, mode="reflect")
        before, after = np.abs(np.diff(luma, axis=axis)), np.abs(np.diff(blurred, axis=axis))
        expected.append((before.sum() - np.maximum(0, before - after).sum()) / before.sum())
    assert blur_of(luma) == pytest.approx(max(expected), abs=1e-4)


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (3000, 2)])
@pytest.mark.parametrize("colour", ["black", "white", "grey"])
def test_plain_and_odd_pictures_have_scores_too(size: tuple[int, int], colour: str) -> None:
    found = measure(Image.new("RGB", size, colour), *size)
    assert found.blur == 0 and found.contrast == 0 and 0 <= found.brightness <= 1
    assert np.isfinite([v for k, v in found.to_payload().items() if k != "issues"]).all()
    assert luma_of(Image.new("RGB", size)).dtype == np.float32
