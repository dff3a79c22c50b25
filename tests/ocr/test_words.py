"""Words and their places, as they are kept with an image."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefinder.ocr.words import LONGEST, WORDS, Text, reading_order, split_line

BOXES = st.tuples(*[st.floats(-50, 3000)] * 4)
LINES = st.lists(st.lists(st.tuples(st.text("abcß日", min_size=1, max_size=6), BOXES), max_size=5), max_size=6)


def test_words_of_a_line_are_around_their_letters() -> None:
    letters = [(10.0 * i, 5.0, 10.0 * i + 8, 20.0) for i in range(9)]
    chars = [*letters[:2], *letters[3:6]]  # between them a space
    assert split_line("ab cde", chars, (0, 5, 60, 20)) == [("ab", (0, 5, 18, 20)), ("cde", (30, 5, 58, 20))]


def test_without_letters_a_line_is_shared_out() -> None:
    assert split_line("ab  cd", [], (0, 0, 60, 10)) == [("ab", (0, 0, 20, 10)), ("cd", (40, 0, 60, 10))]
    assert split_line("   ", [], (0, 0, 60, 10)) == []


def test_places_are_in_thousandths_and_lines_are_kept() -> None:
    lines = [[("Hello", (0, 0, 100, 50)), ("you", (110, 0, 200, 50))], [], [("there", (-5, 60, 900, 101))]]
    text = Text.of(lines, 200, 100)
    assert text == Text("Hello you\nthere", (0, 0, 500, 500, 550, 0, 1000, 500, 0, 600, 1000, 1000))


@given(LINES, st.integers(1, 4000), st.integers(1, 4000))
def test_there_are_four_numbers_for_each_word(lines: list[list[tuple[str, tuple[float, ...]]]], w: int, h: int) -> None:
    text = Text.of(lines, w, h)  # type: ignore[arg-type]
    assert text.text.split() == [word for line in lines for word, _ in line]
    assert len(text.boxes) == 4 * len(text.text.split()) and all(0 <= side <= 1000 for side in text.boxes)


def test_what_is_kept_is_bounded() -> None:
    box = (0.0, 0.0, 1.0, 1.0)
    many = Text.of([[("a", box)] * 10] * 1000, 10, 10)
    assert len(many.text.split()) == WORDS == len(many.boxes) // 4
    long = Text.of([[("x" * 1000, box)]] * 100, 10, 10)
    assert LONGEST - 1100 < len(long.text) <= LONGEST and len(long.boxes) == 4 * len(long.text.split())


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_lines_come_in_the_order_of_the_upright_picture(quarters: int) -> None:
    cells = [(0, 0, 90, 20), (200, 3, 290, 23), (0, 40, 200, 60), (0, 80, 40, 100), (200, 78, 300, 98)]
    boxes = np.array([[(x, y), (x2, y), (x2, y2), (x, y2)] for x, y, x2, y2 in cells], float)
    for _ in range(quarters):  # to the left
        boxes = np.stack([boxes[:, :, 1], -boxes[:, :, 0]], axis=2)
    shuffled = [3, 0, 4, 2, 1] if quarters else [0, 1, 2, 3, 4]
    if quarters % 2:  # the detector begins at the corner at the upper left
        boxes = boxes[:, [1, 2, 3, 0]]
    over = quarters in (1, 2)
    assert [shuffled[place] for place in reading_order(boxes[shuffled], over=over)] == [0, 1, 2, 3, 4]
