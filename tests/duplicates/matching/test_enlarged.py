"""A copy that was enlarged is told from one that has more detail."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from imagefinder.duplicates.matching.edits import Detail
from imagefinder.duplicates.matching.enlarged import detail_of

SAMPLES = Path(__file__).resolve().parents[3] / "examples" / "images" / "animals"
WAYS = {name: Image.Resampling[name] for name in ("BILINEAR", "BICUBIC", "LANCZOS")}
NAMES = ["bear", "bison", "camel", "cow"]


def photo(name: str) -> Image.Image:
    with Image.open(SAMPLES / f"{name}.jpg") as image:
        return image.convert("RGB")


def stored(image: Image.Image, quality: int | None) -> Image.Image:
    if quality is None:
        return image
    data = BytesIO()
    image.save(data, "JPEG", quality=quality)
    return Image.open(data).convert("RGB")


def scaled(image: Image.Image, scale: float, way: Image.Resampling) -> Image.Image:
    return image.resize((round(image.width * scale), round(image.height * scale)), way)


@pytest.mark.parametrize(
    ("scale", "quality"), [(1.5, None), (1.5, 92), (2, None), (2, 92), (2, 80), (3, None), (3, 80)]
)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", NAMES)
def test_an_enlarged_copy_has_no_more_detail(name: str, way: str, scale: float, quality: int | None) -> None:
    original = stored(photo(name), 90)
    larger = stored(scaled(original, scale, WAYS[way]), quality)
    assert detail_of(larger, original, scale, aligned=True) is Detail.ENLARGED


@pytest.mark.parametrize("quality", [None, 92, 80])
@pytest.mark.parametrize("scale", [0.33, 0.5, 0.75])
@pytest.mark.parametrize("name", NAMES)
def test_a_reduced_copy_has_less_detail(name: str, scale: float, quality: int | None) -> None:
    original = stored(photo(name), quality)
    smaller = stored(scaled(original, scale, Image.Resampling.BOX), 85)
    assert detail_of(original, smaller, original.width / smaller.width, aligned=True) is not Detail.ENLARGED


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_out_of_focus_is_not_taken_for_enlarged(name: str) -> None:
    blurred = np.asarray(photo(name).filter(ImageFilter.GaussianBlur(1.2)), np.float32)
    noise = np.random.default_rng(0).normal(0, 2, blurred.shape)
    original = stored(Image.fromarray(np.clip(blurred + noise, 0, 255).astype(np.uint8)), 92)
    smaller = scaled(original, 0.5, Image.Resampling.BOX)
    assert detail_of(original, smaller, 2.0, aligned=True) is not Detail.ENLARGED


@pytest.mark.parametrize("name", NAMES)
def test_an_enlarged_crop_is_told_by_what_repeats_in_it(name: str) -> None:
    whole = photo(name)
    crop = scaled(whole.crop((10, 5, 10 + whole.width * 7 // 10, whole.height - 5)), 1.7, Image.Resampling.BICUBIC)
    assert detail_of(crop, whole, 1.702, aligned=False) is Detail.ENLARGED
    small = scaled(whole, 1 / 1.7, Image.Resampling.BOX)
    assert detail_of(whole, small, 1.702, aligned=False) is not Detail.ENLARGED
