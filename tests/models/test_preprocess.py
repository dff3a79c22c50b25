"""Half squash, half crop, against the same thing done step by step."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imagefinder.models.preprocess import half_squash, half_squash_box, whole_blocks

SIZES = [(1200, 1200), (2560, 1920), (1920, 2560), (4000, 1000), (324, 256), (500, 375), (100, 1600), (40, 30)]


def step_by_step(image: Image.Image, size: int) -> np.ndarray:
    """Resize so that the aspect ratio becomes its square root with the short side at ``size``; crop the centre."""
    width, height = image.size
    ratio = math.sqrt(width / height)
    new = (round(size * ratio), size) if ratio >= 1 else (size, round(size / ratio))
    resized = image.resize(new, Image.Resampling.BICUBIC)
    left, top = (new[0] - size) // 2, (new[1] - size) // 2
    return np.asarray(resized.crop((left, top, left + size, top + size)))


@pytest.mark.parametrize("shape", SIZES)
def test_it_agrees_with_the_steps(shape: tuple[int, int], make_image: Callable[..., Image.Image]) -> None:
    """Both take whole pixels, so they may lie half a pixel apart."""
    image = make_image(1, shape)
    found, expected = half_squash(image, 256).astype(int), step_by_step(image, 256).astype(int)
    assert found.shape == (256, 256, 3)
    assert np.abs(found - expected).mean() < 1


def test_of_a_picture_of_the_right_size_nothing_changes(make_image: Callable[..., Image.Image]) -> None:
    image = make_image(2, (64, 64))
    np.testing.assert_array_equal(half_squash(image, 64), np.asarray(image))


@pytest.mark.parametrize("shape", [(1300, 900), (9000, 1300), (640, 480), (400, 410)])
def test_a_quicker_filter_hardly_differs(shape: tuple[int, int], make_image: Callable[..., Image.Image]) -> None:
    image = make_image(3, shape)
    exact = image.resize((256, 256), Image.Resampling.BICUBIC, box=half_squash_box(*shape))
    apart = np.abs(half_squash(image, 256).astype(int) - np.asarray(exact).astype(int))
    assert apart.mean() < 1 and apart.max() <= 8


def test_every_pixel_of_a_large_picture_counts() -> None:
    """Stripes of one pixel become grey; were pixels left out, they would stay stripes of some width."""
    stripes = np.zeros((1000, 1000, 3), np.uint8)
    stripes[:, ::2] = 255
    found = half_squash(Image.fromarray(stripes), 100)
    assert np.abs(found.astype(int) - 127).max() <= 1


@pytest.mark.parametrize("wide", [256, 270, 330, 400, 500, 700, 1500])
def test_a_reduced_copy_looks_the_same(wide: int) -> None:
    """No filter may let details in that a smaller copy has lost: grey noise of one pixel stays almost grey, and as it
    is made by a good filter."""
    noise = np.random.default_rng(0).integers(0, 256, (wide, wide), dtype=np.uint8)
    image = Image.fromarray(noise).convert("RGB")
    good = np.asarray(image.resize((256, 256), Image.Resampling.BICUBIC)).astype(float)
    found = half_squash(image, 256).astype(float)
    assert found.std() < 1.25 * good.std()
    assert np.corrcoef(found.ravel(), good.ravel())[0, 1] > 0.8


@given(st.integers(1, 5000), st.integers(1, 40), st.data())
def test_whole_blocks_lie_where_they_should(most: int, block: int, data: st.DataObject) -> None:
    start = data.draw(st.floats(0, most - min(block, most)))
    end = data.draw(st.floats(min(start + block, most), most))
    first, last = whole_blocks(start, end, block, most)
    assert 0 <= first <= last <= most
    assert (last - first) % block == 0
    if most >= 2 * block:
        assert abs(first - start) <= block and abs(last - end) <= block


@given(st.integers(1, 20_000), st.integers(1, 20_000))
def test_the_box_is_centred_and_keeps_the_short_side(width: int, height: int) -> None:
    left, top, right, bottom = half_squash_box(width, height)
    assert 0 <= left < right <= width and 0 <= top < bottom <= height
    assert math.isclose(left + right, width) and math.isclose(top + bottom, height)
    kept = (right - left) / (bottom - top)
    assert math.isclose(kept, math.sqrt(width / height), rel_tol=1e-9)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (2, 3)])
def test_tiny_and_thin_pictures_work(shape: tuple[int, int]) -> None:
    found = half_squash(Image.new("RGB", shape, (10, 200, 30)), 32)
    assert found.shape == (32, 32, 3)
    np.testing.assert_array_equal(found.reshape(-1, 3), np.broadcast_to((10, 200, 30), (32 * 32, 3)))
