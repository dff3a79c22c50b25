"""The big view of one picture: slideshow, full screen, what the camera says, the frame to search by, a file that has
gone."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from browsing import SAMPLES, Server, place, wait_for
from PIL import Image, ImageStat, TiffImagePlugin

expect = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed").expect

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

NAMES = ("a", "b", "c", "d", "e")
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos of a camera; the first was taken in Sydney."""
    folder = tmp_path_factory.mktemp("shots")
    for name, path in zip(NAMES, sorted(SAMPLES.rglob("*.jpg"))[::40], strict=False):
        exif = Image.Exif()
        exif[271], exif[272] = "Fujifilm", "X100V"
        ratio = TiffImagePlugin.IFDRational
        exif.get_ifd(0x8769).update({33434: ratio(1, 250), 33437: ratio(28, 10), 34855: 200, 37386: ratio(23, 1)})
        if name == "a":
            exif.get_ifd(0x8825).update({1: "S", 2: (33.0, 51.6, 0.0), 3: "E", 4: (151.0, 12.0, 0.0)})
        with Image.open(path) as image:
            image.convert("RGB").save(folder / f"{name}.jpg", exif=exif.tobytes())
    return folder


@pytest.fixture(scope="module")
def server(serve: Callable[..., Server], folder: Path) -> Server:
    server = serve()
    server.run_job("index", sources=[str(folder)])
    return server


def id_of(server: Server, name: str) -> str:
    return str(server.ids(f'uri ~ "/{name}.jpg"')[0])


def opened(page: Page, server: Server) -> Locator:
    """The big view of the first picture of the grid, with the others behind it."""
    page.get_by_test_id("grid").get_by_role("link").first.click()
    return page.get_by_test_id("viewer")


def test_a_slideshow_goes_on_by_itself_until_it_is_paused(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, "/")
    viewer = opened(page, server)
    expect(viewer.get_by_text("1 of 5")).to_be_visible()
    viewer.get_by_role("button", name="Slideshow").click()
    expect(viewer.get_by_text("3 of 5")).to_be_visible()
    viewer.get_by_role("button", name="Pause the slideshow").click()
    expect(viewer.get_by_role("button", name="Slideshow", exact=True)).to_be_focused()
    page.keyboard.press("p")
    expect(viewer.get_by_text("5 of 5")).to_be_visible()
    expect(viewer.get_by_role("button", name="Slideshow", exact=True)).to_be_disabled()  # it has come to its end


def test_the_view_fills_the_screen_and_comes_back(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, f"/?image={id_of(server, 'a')}")
    button = page.get_by_role("button", name="Full screen")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    assert page.evaluate("document.fullscreenElement.dataset.testid") == "viewer"
    page.keyboard.press("Shift+F")
    expect(button).to_have_attribute("aria-pressed", "false")
    expect(page.get_by_test_id("viewer")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_ground_behind_pictures_is_dark(server: Server, open_page: Callable[..., Page], scheme: str) -> None:
    page = open_page(server, f"/?image={id_of(server, 'a')}", color_scheme=scheme)
    viewer = page.get_by_test_id("viewer")
    expect(viewer.get_by_role("button", name="Close")).to_be_visible()
    with Image.open(io.BytesIO(page.screenshot())) as shot:
        box = place(viewer)
        corner = shot.convert("L").crop((2, int(box["height"]) - 12, 12, int(box["height"]) - 2))
        assert ImageStat.Stat(corner).mean[0] < 60


def test_the_camera_and_the_place_are_told(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, f"/?image={id_of(server, 'a')}")
    viewer = page.get_by_test_id("viewer")
    expect(viewer.get_by_text("f/2.8 · 1/250 s · ISO 200 · 23 mm")).to_be_visible()
    world = viewer.get_by_role("img", name="World map with 33.8600° S, 151.2000° E marked")
    expect(world).to_be_visible()
    dot = world.locator("circle").last
    ground, mark = place(world), place(dot)
    assert (mark["x"] + mark["width"] / 2 - ground["x"]) / ground["width"] == pytest.approx(
        (151.2 + 180) / 360, abs=0.01
    )
    assert world.locator("path").evaluate("path => path.isPointInFill(new DOMPoint(134, 25))"), "Australia is land"
    assert not world.locator("path").evaluate("path => path.isPointInFill(new DOMPoint(-150, 10))"), "and here is sea"
    row = [place(one)["y"] for one in (viewer.get_by_test_id("similar"), viewer.get_by_test_id("box"))]
    assert row == [place(viewer.get_by_test_id("original"))["y"]] * 2  # all buttons in one row


def test_on_a_phone_the_picture_has_the_screen_at_first(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, f"/?image={id_of(server, 'a')}", **PHONE)
    about = page.get_by_role("button", name="About this picture")
    expect(about).to_have_attribute("aria-pressed", "false")
    expect(page.get_by_role("complementary", name="About this picture")).to_have_count(0)
    about.click()
    expect(page.get_by_role("complementary", name="About this picture")).to_be_visible()


def sides(viewer: Locator) -> list[int]:
    return [
        int(viewer.get_by_role("spinbutton", name=name).input_value()) for name in ("Left", "Top", "Right", "Bottom")
    ]


def test_the_frame_is_resized_by_its_corners(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, f"/?image={id_of(server, 'b')}")
    viewer = page.get_by_test_id("viewer")
    viewer.get_by_test_id("box").click()
    area, corner = place(viewer.get_by_test_id("box-area")), place(viewer.get_by_role("button", name="Bottom right"))
    page.mouse.move(corner["x"] + corner["width"] / 2, corner["y"] + corner["height"] / 2)
    page.mouse.down()
    page.mouse.move(area["x"] + area["width"] * 0.9, area["y"] + area["height"] * 0.6, steps=4)
    page.mouse.up()
    left, top, right, bottom = sides(viewer)
    assert (left, top) == (25, 25) and abs(right - 90) <= 2 and abs(bottom - 60) <= 2
    viewer.get_by_role("button", name="Top left").press("ArrowLeft")
    assert sides(viewer) == [left - 2, top, right, bottom]
    expect(viewer.get_by_role("button", name="Top left")).to_be_focused()
    viewer.get_by_role("group", name="The part to search by").press("ArrowDown")  # moves it as a whole
    assert sides(viewer) == [left - 2, top + 2, right, bottom + 2]
    viewer.get_by_test_id("search-box").click()
    expect(page).to_have_url(re.compile("[?&]box="))
    box = [round(100 * float(side)) for side in parse_qs(urlsplit(page.url).query)["box"][0].split(",")]
    assert box == pytest.approx([left - 2, top + 2, right, bottom + 2], abs=1)


def test_the_frame_is_resized_by_a_finger(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, f"/?image={id_of(server, 'b')}", **PHONE)
    viewer = page.get_by_test_id("viewer")
    viewer.press("b")
    area, corner = place(viewer.get_by_test_id("box-area")), place(viewer.get_by_role("button", name="Top left"))
    assert corner["width"] >= 24 and corner["height"] >= 24
    session = page.context.new_cdp_session(page)
    x, y = corner["x"] + corner["width"] / 2, corner["y"] + corner["height"] / 2
    to = {"x": area["x"] + area["width"] * 0.1, "y": area["y"] + area["height"] * 0.1}
    session.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    session.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [to]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(viewer.get_by_role("spinbutton", name="Right")).to_have_value("75")
    wait_for(lambda: all(abs(side - 10) <= 3 for side in sides(viewer)[:2]), "the corner to be where the finger was")


def test_a_file_that_has_gone_is_told_of_kindly(server: Server, open_page: Callable[..., Page], folder: Path) -> None:
    gone, unseen = id_of(server, "d"), id_of(server, "e")
    assert server.client.get(f"/images/{gone}/thumbnail", params={"size": 256}).is_success  # a small copy is kept
    kept = {name: (folder / f"{name}.jpg").read_bytes() for name in ("d", "e")}
    for name in kept:
        (folder / f"{name}.jpg").unlink()
    page = open_page(server, f"/?image={gone}", expected=[(422, "/thumbnail")])
    viewer = page.get_by_test_id("viewer")
    expect(viewer.get_by_test_id("gone")).to_contain_text("The file isn't where it was.")
    expect(viewer.get_by_test_id("original")).to_have_count(0)
    expect(viewer.get_by_role("img", name="d.jpg")).to_be_visible()
    page = open_page(server, "/library", expected=[(422, "/thumbnail")])
    page.route(re.compile(f"{unseen}/thumbnail"), lambda route: route.fulfill(status=422))
    page.goto(f"{server.url}/?image={unseen}")
    expect(page.get_by_test_id("viewer")).to_contain_text("This picture can't be shown")
    for name, data in kept.items():
        (folder / f"{name}.jpg").write_bytes(data)


@pytest.mark.parametrize("id", ["[[(bad", "11111111-1111-1111-1111-111111111111"])
def test_an_address_of_no_picture_is_explained(server: Server, open_page: Callable[..., Page], id: str) -> None:
    page = open_page(server, f"/?image={id}", expected=[(404, id)])
    viewer = page.get_by_test_id("viewer")
    expect(viewer.get_by_role("alert")).to_contain_text("There is no such picture here")
    page.keyboard.press("Escape")
    expect(viewer).to_have_count(0)
    expect(page.get_by_test_id("grid").get_by_role("listitem")).not_to_have_count(0)
