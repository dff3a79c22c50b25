"""Pictures without anything like letters in a row are told apart without a model."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from imagefinder.ocr.strokes import ROW, ROWS, parts_with_letters, rows_of


def drawn(text: str, size: int, ink: str, ground: str, turned: int = 0) -> np.ndarray:
    picture = Image.new("RGB", (640, 480), ground)
    ImageDraw.Draw(picture).text((60, 200), text, fill=ink, font=ImageFont.load_default(size))
    return np.asarray(picture.rotate(turned, expand=True))


@pytest.mark.parametrize("size", [12, 20, 40])
@pytest.mark.parametrize(("ink", "ground"), [("black", "white"), ("white", "#234"), ("#333", "#ccc")])
@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_words_are_seen(size: int, ink: str, ground: str, turned: int) -> None:
    pixels = drawn("Market place", size, ink, ground, turned)
    ink_at = np.argwhere((pixels != pixels[0, 0]).any(axis=2))
    middle_y, middle_x = (ink_at.min(axis=0) + ink_at.max(axis=0)) / 2
    parts = parts_with_letters(pixels)
    assert any(left < middle_x < right and top < middle_y < bottom for left, top, right, bottom in parts)
    across = turned in (90, 270)
    left, top, right, bottom = parts[0]
    assert (bottom - top > right - left) == across


def test_parts_are_few_and_none_lies_over_another() -> None:
    picture = Image.new("RGB", (640, 600), "white")
    for i in range(8):
        ImageDraw.Draw(picture).text(
            (40, 10 + 70 * i), "word " * (i + 1), fill="black", font=ImageFont.load_default(20)
        )
    parts = parts_with_letters(np.asarray(picture))
    assert len(parts) == ROWS and len({(top, bottom) for _, top, _, bottom in parts}) == ROWS
    assert {(10 + 70 * i) in range(top, bottom) for i in range(4, 8) for _, top, _, bottom in parts} == {True, False}
    assert min(top for _, top, _, _ in parts) > 10 + 70 * 3, "the longest are looked at"


def test_what_has_no_letters_is_refused() -> None:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:480, 0:640]
    smooth = np.stack([x / 3, y / 2, (x + y) / 5], axis=2).astype(np.uint8)
    assert not parts_with_letters(smooth)
    assert not parts_with_letters(np.full((480, 640, 3), 90, np.uint8))
    assert not parts_with_letters(drawn("I", 40, "black", "white")), "one letter is no word"
    assert not parts_with_letters((smooth + rng.integers(0, 12, smooth.shape)).clip(0, 255).astype(np.uint8))


def test_a_row_is_of_letters_side_by_side_at_one_level() -> None:
    letters = np.array([[20.0 * i, 10, 20.0 * i + 12, 30] for i in range(6)], np.float32)
    assert rows_of(letters) == [[0, 1, 2, 3, 4, 5]]
    apart = letters.copy()
    apart[3:, [0, 2]] += 60
    assert rows_of(apart) == [[0, 1, 2], [3, 4, 5]]
    lower = letters.copy()
    lower[3:, [1, 3]] += 15
    assert rows_of(lower) == [[0, 1, 2], [3, 4, 5]]
    assert rows_of(letters[:2]) == rows_of(letters[:0]) == []


@given(st.lists(st.tuples(*[st.integers(0, 400)] * 2, st.integers(1, 60), st.integers(5, 60)), max_size=40))
def test_letters_stand_in_one_row_each_from_the_left_to_the_right(parts: list[tuple[int, int, int, int]]) -> None:
    boxes = np.array(sorted((x, y, x + w, y + h) for x, y, w, h in parts), np.float32).reshape(-1, 4)
    rows = rows_of(boxes)
    every = [place for row in rows for place in row]
    assert len(every) == len(set(every)) and set(every) <= set(range(len(boxes)))
    assert all(len(row) >= ROW and row == sorted(row) for row in rows)
