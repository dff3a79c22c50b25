"""What files and pictures say, on the page: camera and place in the big view, and the text with frames around it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from browsing import Server, place, shown_ids
from PIL import Image

from imagefinder import ImageFinder

expect = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed").expect

if TYPE_CHECKING:
    from playwright.sync_api import Page

WORDS = [100, 200, 300, 300, 350, 200, 600, 300]  # of "red <b>" in thousandths


@pytest.fixture(scope="module")
def server(serve: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory) -> Server:
    home = tmp_path_factory.mktemp("said")
    with ImageFinder.open(home / "index", model="fast") as finder:
        for name, camera, latitude in (("a", "X100 & <i>", 52.0), ("b", "Box", 52.05), ("c", "Box", 40.0)):
            exif = Image.Exif()
            exif[272] = camera
            exif.get_ifd(0x8825).update({1: "N", 2: (latitude, 0.0, 0.0), 3: "W", 4: (13.0, 0.0, 0.0)})
            Image.new("RGB", (400, 200), (40 * len(camera), 9, 90)).save(home / f"{name}.jpg", exif=exif.tobytes())
            finder.add(home / f"{name}.jpg")
        record = finder.get(home / "a.jpg")
        read = {"text": "red <b>", "text_boxes": WORDS, "text_by": "test"}
        finder._collection.index.store.merge_payload([record.id], read)
    return serve(home / "index")


def id_of(server: Server, name: str) -> str:
    return str(server.ids(f'uri ~ "/{name}.jpg"')[0])


def test_camera_and_place_lead_to_others_like_them(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, f"/?image={id_of(server, 'a')}")
    viewer = page.get_by_test_id("viewer")
    expect(viewer.get_by_role("link", name="X100 & <i>")).to_be_visible()
    expect(viewer.get_by_text("52.0000° N, 13.0000° W")).to_be_visible()
    viewer.get_by_test_id("near").click()
    expect(page.get_by_test_id("summary")).to_have_text("2 pictures")
    assert set(shown_ids(page.get_by_test_id("grid"))) == {id_of(server, "a"), id_of(server, "b")}
    page.get_by_test_id("facet-camera").click()
    expect(page.get_by_label("Box")).to_be_visible()


def test_frames_stand_around_the_words(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, f"/?image={id_of(server, 'a')}")
    viewer = page.get_by_test_id("viewer")
    expect(viewer.get_by_test_id("text-read")).to_have_text("red <b>")
    expect(viewer.get_by_test_id("word-boxes")).to_have_count(0)
    viewer.get_by_test_id("show-words").click()
    frames = viewer.get_by_test_id("word-boxes").locator("span")
    expect(frames).to_have_count(2)
    picture, word = place(viewer.locator(".stage-picture")), place(frames.nth(1))
    assert abs(word["x"] - picture["x"] - 0.35 * picture["width"]) < 2
    assert abs(word["width"] - 0.25 * picture["width"]) < 2 and abs(word["height"] - 0.1 * picture["height"]) < 2
    viewer.get_by_test_id("show-words").press("t")
    expect(viewer.get_by_test_id("word-boxes")).to_have_count(0)


def test_what_was_found_stands_out(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, "/?q=reds")
    page.get_by_test_id("grid").locator(f"[data-id='{id_of(server, 'a')}']").click()
    viewer = page.get_by_test_id("viewer")
    expect(viewer.get_by_test_id("text-read").locator("mark")).to_have_text(["red"])
    viewer.press("w")
    frames = viewer.get_by_test_id("word-boxes").locator("span")
    expect(frames).to_have_count(1)
    viewer.press("t")
    expect(frames).to_have_count(2)
    expect(viewer.get_by_test_id("word-boxes").locator(".found")).to_have_attribute("title", "red")
