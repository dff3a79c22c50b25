"""A wall of so many pictures that no browser shows a page as high as it would be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browsing import Server

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")

if TYPE_CHECKING:
    from playwright.sync_api import Page

WALL = """async ([n, width, rowHeight, footer]) => {
  const { TALLEST, justify, wall } = await import("/js/components/layout.js");
  const sizes = [[4032, 3024], [3024, 4032], [6000, 4000]];
  const items = Array.from({ length: n }, (_, i) => ({ width: sizes[i % 3][0], height: sizes[i % 3][1] }));
  const options = { width, rowHeight, gap: 8, footer };
  const [given, made] = [justify(items, options), wall(items, options)];
  const last = made.rows.at(-1);
  return { given: given.height, made: made.height, tallest: TALLEST, end: last.end, below: last.top + last.height };
}"""


@pytest.fixture(scope="module")
def server(serve: Callable[..., Server], grouped_index: Path) -> Server:
    return serve(grouped_index)


@pytest.mark.parametrize("kind", [(1300, 200, 0), (380, 150, 0), (1300, 300, 28)], ids=["desk", "phone", "large"])
def test_all_pictures_of_a_very_high_wall_have_a_place_that_browsers_show(
    server: Server, open_page: Callable[..., Page], kind: tuple[int, int, int]
) -> None:
    page = open_page(server)
    few = page.evaluate(WALL, [2000, *kind])
    assert few["made"] == few["given"] < few["tallest"]  # as it would be
    many = page.evaluate(WALL, [500_000, *kind])
    assert many["given"] > many["tallest"] >= many["made"] >= many["below"] - 0.5
    assert many["end"] == 500_000
