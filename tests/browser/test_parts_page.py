"""Pages of PDFs and frames of videos on the page: found together, and opened at their place."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from browsing import Server
from made_files import BLUE, GREEN, RED, halves
from made_parts import film, pdf

from imagefinder import ImageFinder

expect = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed").expect

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture(scope="module")
def server(serve: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory) -> Server:
    folder = tmp_path_factory.mktemp("parts")
    (folder / "files").mkdir()
    (folder / "files" / "a.pdf").write_bytes(pdf(halves(BLUE, GREEN), halves(RED, BLUE)))
    scenes = [(halves(GREEN, RED), 3), (halves(BLUE, RED), 3)]
    (folder / "files" / "b.webm").write_bytes(film(scenes, format="webm", codec="libvpx"))  # any browser plays it
    halves(RED, BLUE).save(folder / "files" / "c.png")
    with ImageFinder.open(folder / "index") as finder:
        finder.add(folder / "files")
    return serve(folder / "index")


def test_a_hit_opens_in_its_file_at_its_place(open_page: Callable[..., Page], server: Server) -> None:
    images = server.client.get("/images").json()["images"]
    ids = {image["uri"].rpartition("/")[2]: image["id"] for image in images}
    page = open_page(server, f"/?id={ids['c.png']}")
    tiles = page.get_by_test_id("grid").get_by_role("listitem")
    expect(tiles).to_have_count(2)
    expect(tiles.filter(has_text="page 2")).to_contain_text("page 2 +1")
    page = open_page(server, f"/?image={ids['b.webm#t=3']}")
    expect(page.get_by_test_id("film")).to_have_js_property("currentTime", 3)
    expect(page.get_by_test_id("viewer")).to_contain_text("b.webm, 0:03")
    page = open_page(server, f"/?image={ids['a.pdf#page=2']}")
    expect(page.get_by_test_id("viewer")).to_contain_text("a.pdf, page 2")
    expect(page.get_by_test_id("film")).to_have_count(0)
    link = page.get_by_test_id("original")
    expect(link).to_have_text("Open the PDF")
    expect(link).to_have_attribute("href", re.compile(rf"/v1/images/{ids['a.pdf#page=2']}/file#page=2$"))
    page.get_by_test_id("all-parts").click()
    expect(page.get_by_test_id("grid").get_by_role("listitem")).to_have_count(2)
