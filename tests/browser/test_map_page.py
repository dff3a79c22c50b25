"""The map with 22,914 points: drawn, moved about by pointer and keys, selected on, searched on."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from browsing import Server, message, painted, place, reload, turn_wheel, wait_for
from PIL import Image

expect = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed").expect

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page, Route

POINTS = 22_914


@pytest.fixture(scope="module")
def server(browser: Browser, many_index: Path) -> Iterator[Server]:
    server = Server(many_index)
    server.run_job("map", method="pca")
    yield server
    server.stop()


@pytest.fixture
def page(server: Server, open_page: Callable[..., Page]) -> Page:
    page = open_page(server, "/map?method=pca&colour=tint")
    expect(stage(page)).to_have_attribute("data-points", str(POINTS))
    expect(page.get_by_test_id("legend")).to_be_visible()
    return page


def stage(page: Page) -> Locator:
    return page.get_by_test_id("map")


def surface(page: Page) -> Locator:
    return page.get_by_role("application")


def number(page: Page, name: str) -> int:
    return int(stage(page).get_attribute(f"data-{name}") or -1)


def resting(page: Page) -> None:
    expect(stage(page)).to_have_attribute("data-resting", "true")


def view(page: Page) -> tuple[float, float, float] | None:
    """Where the map looks, once it says the same in the address, where that is written when the map rests; None where
    it shows the whole."""
    painted(page)
    page.wait_for_function(
        """() => {
          const written = new URLSearchParams(location.search).get("view") ?? "";
          const { place, resting } = document.querySelector("[data-testid=map]").dataset;
          return resting === "true" && place === written;
        }"""
    )
    text = page.evaluate("new URLSearchParams(location.search).get('view')")
    if text is None:
        return None
    x, y, zoom = map(float, text.split(","))
    return x, y, zoom


def test_all_points_are_drawn(server: Server, page: Page) -> None:
    resting(page)
    expect(stage(page)).to_have_attribute("data-drawn", str(POINTS))
    expect(surface(page)).to_have_attribute("aria-label", "Map of 22,914 pictures")
    wait_for(lambda: number(page, "pictures") > 5, "pictures on the map")
    page.get_by_test_id("pictures").click()
    expect(stage(page)).to_have_attribute("data-pictures", "0")
    box = place(surface(page))
    middle = {"x": box["x"] + 100, "y": box["y"] + 100, "width": box["width"] - 500, "height": box["height"] - 200}
    with Image.open(io.BytesIO(page.screenshot(clip=middle))) as shot:
        colours = np.unique(np.asarray(shot.convert("RGB")).reshape(-1, 3) >> 4, axis=0)
    assert len(colours) > 30  # the points of many tints, each in its colour


def test_it_is_moved_by_the_mouse(page: Page) -> None:
    resting(page)
    box = place(surface(page))
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    turn_wheel(page, -600, lambda: stage(page).get_attribute("data-place"), "the zoom")
    near = view(page)
    assert near is not None and near[2] > 1.5
    assert number(page, "drawn") < POINTS  # only what is in view
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 150, y + 60, steps=4)
    page.mouse.up()
    moved = view(page)
    assert moved is not None and moved[0] > near[0] and moved[1] > near[1] and moved[2] == near[2]
    reload(page)
    expect(stage(page)).to_have_attribute("data-points", str(POINTS))
    assert view(page) == moved


def test_it_is_moved_by_keys(page: Page) -> None:
    resting(page)
    surface(page).focus()
    page.keyboard.press("+")
    page.keyboard.press("+")
    near = view(page)
    assert near is not None and near[2] == pytest.approx(1.6**2, rel=0.01)
    page.keyboard.press("ArrowRight")
    moved = view(page)
    assert moved is not None and moved[0] > near[0] and moved[1] == pytest.approx(near[1], abs=1e-3)
    page.keyboard.press("0")
    assert view(page) is None


def test_a_line_selects_and_the_selection_is_tagged(server: Server, page: Page) -> None:
    resting(page)
    box = place(surface(page))
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.get_by_test_id("lasso").click()
    expect(page.get_by_test_id("lasso")).to_have_attribute("aria-pressed", "true")
    ring = [(-60, -60), (60, -60), (60, 60), (-60, 60), (-60, -60)]  # it ends where it began
    page.mouse.move(middle[0] + ring[0][0], middle[1] + ring[0][1])
    page.mouse.down()
    for right, below in ring[1:]:
        page.mouse.move(middle[0] + right, middle[1] + below, steps=5)
    page.mouse.up()
    panel = page.get_by_test_id("selection")
    expect(panel).to_be_visible()
    n = int(panel.get_attribute("data-count") or 0)
    assert 100 < n < POINTS / 2
    expect(stage(page)).to_have_attribute("data-selected", str(n))
    expect(panel).to_contain_text(f"{n:,} pictures selected")
    panel.get_by_test_id("tag").click()
    page.get_by_label("Add tags").fill("in the middle")
    page.keyboard.press("Enter")
    message(page, f"Tags of {n:,} pictures changed")
    assert server.get("/images", filter='tags = "in the middle"', k=1)["total"] == n
    surface(page).focus()
    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)


def test_what_words_find_lights_up_by_how_well_it_fits(
    server: Server, page: Page, open_page: Callable[..., Page]
) -> None:
    resting(page)
    found = server.post("/search", {"words": "umbrella", "k": 1000, "cut": "auto"})
    page.get_by_test_id("map-words").fill("umbrella")
    page.keyboard.press("Enter")
    expect(stage(page)).to_have_attribute("data-lit", str(len(found["hits"])))
    told = [f"{found[kind]:,} {kind}" for kind in ("surely", "maybe") if found[kind]]
    expect(page.get_by_role("search", name="On the map").get_by_role("status")).to_have_text(
        ", ".join(told) or "Nothing fits"
    )
    page.get_by_role("button", name="Clear the words").click()
    expect(stage(page)).to_have_attribute("data-lit", "0")
    liked = server.ids()[:1]
    found = server.post("/search", {"liked": liked, "k": 1000, "cut": "auto"})
    sure = sum(hit["sure"] >= 0.7 for hit in found["hits"])
    assert sure > 0
    page = open_page(server, f"/map?method=pca&liked={liked[0]}")
    expect(stage(page)).to_have_attribute("data-lit", str(len(found["hits"])))
    expect(stage(page)).to_have_attribute("data-sure", str(sure))


def test_a_click_opens_the_picture_and_closing_leads_back(server: Server, page: Page) -> None:
    resting(page)
    surface(page).focus()
    for _ in range(5):
        page.keyboard.press("+")
    assert view(page) is not None
    expect(stage(page)).to_have_attribute("data-awaited", "0")  # no picture that is to come can cover another one
    assert number(page, "pictures") > 0
    box = place(surface(page))
    for step in range(0, 300, 12):  # somewhere near the middle there is one
        page.mouse.move(box["x"] + box["width"] / 2 + step, box["y"] + box["height"] / 2)
        painted(page)
        if page.get_by_test_id("hover-card").count():
            break
    id = page.get_by_test_id("hover-card").get_attribute("data-id")
    page.mouse.down()
    page.mouse.up()
    expect(page.get_by_test_id("viewer")).to_be_visible()
    assert page.evaluate("new URLSearchParams(location.search).get('image')") == id
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("viewer")).to_have_count(0)
    expect(stage(page)).to_have_attribute("data-points", str(POINTS))


def test_a_method_that_is_not_installed_is_told_with_its_command(page: Page, server: Server) -> None:
    command = "pip install 'imagefinder[maps]'"

    def without_umap(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "not_installed": {"umap": command}})

    page.route("**/v1/index", without_umap)
    page.goto(f"{server.url}/map?method=umap")
    expect(page.get_by_test_id("not-installed")).to_contain_text(command)
    expect(page.get_by_test_id("make-map")).to_have_count(0)
    page.get_by_role("button", name="Layout: Islands").click()
    islands = page.get_by_test_id("method-choice").filter(has_text="Islands")
    expect(islands).to_contain_text("Not installed")
    expect(page.get_by_test_id("method-choice").filter(has_text="Quick sketch")).not_to_contain_text("Not")
