"""Pictures without anything like letters in a row are told apart without a model."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from imagefinder.ocr.strokes import longest_row, may_hold_text


def drawn(text: str, size: int, ink: str, ground: str, turned: int = 0) -> np.ndarray:
    picture = Image.new("RGB", (640, 480), ground)
    ImageDraw.Draw(picture).text((60, 200), text, fill=ink, font=ImageFont.load_default(size))
    return np.asarray(picture.rotate(turned, expand=True))


@pytest.mark.parametrize("size", [12, 20, 40])
@pytest.mark.parametrize(("ink", "ground"), [("black", "white"), ("white", "#234"), ("#333", "#ccc")])
@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_words_are_seen(size: int, ink: str, ground: str, turned: int) -> None:
    assert may_hold_text(drawn("Market place", size, ink, ground, turned))


def test_what_has_no_letters_is_refused() -> None:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:480, 0:640]
    smooth = np.stack([x / 3, y / 2, (x + y) / 5], axis=2).astype(np.uint8)
    assert not may_hold_text(smooth)
    assert not may_hold_text(np.full((480, 640, 3), 90, np.uint8))
    assert not may_hold_text(drawn("I", 40, "black", "white")), "one letter is no word"
    assert not may_hold_text((smooth + rng.integers(0, 12, smooth.shape)).clip(0, 255).astype(np.uint8))


def test_a_row_is_of_letters_side_by_side_at_one_level() -> None:
    letters = np.array([[20.0 * i, 10, 20.0 * i + 12, 30] for i in range(6)], np.float32)
    assert longest_row(letters) == 6
    apart = letters.copy()
    apart[3:, [0, 2]] += 60
    assert longest_row(apart) == 3 < 4
    lower = letters.copy()
    lower[3:, [1, 3]] += 15
    assert longest_row(lower) == 3
    assert longest_row(letters[:0]) == 0


@given(st.lists(st.tuples(*[st.integers(0, 400)] * 2, st.integers(1, 60), st.integers(5, 60)), max_size=40))
def test_no_row_is_longer_than_there_are_letters(parts: list[tuple[int, int, int, int]]) -> None:
    boxes = np.array(sorted((x, y, x + w, y + h) for x, y, w, h in parts), np.float32).reshape(-1, 4)
    assert (len(boxes) > 0) <= longest_row(boxes) <= len(boxes)
