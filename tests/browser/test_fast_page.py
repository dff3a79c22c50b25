"""What makes the page fast, counted in requests, rows and bytes: a collection of 22,914 opens as a small one does, no
place of it is without a colour, and a server that goes and comes back takes nothing along."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from browsing import Server, painted, settled, visit, wait_for

expect = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed").expect

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page, Request, Route

N = 22_914
SHOWN = """() => [...document.querySelectorAll("[data-testid=grid] [data-index]")]
    .filter((one) => one.getBoundingClientRect().top < innerHeight && one.getBoundingClientRect().bottom > 0)"""


@pytest.fixture(scope="module")
def many(browser: Browser, many_index: Path) -> Iterator[Server]:
    server = Server(many_index)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def few(serve: Callable[..., Server], grouped_index: Path) -> Server:
    return serve(grouped_index)


def link(page: Page, index: int) -> Locator:
    return page.locator(f'[data-testid=grid] [data-index="{index}"] .tile-link')


def rows_asked_for(requests: list[Request]) -> int:
    """How many images the page has asked for by lists, and none by columns of all."""
    assert not [one for one in requests if "/images/columns" in one.url]
    asked = [parse_qs(urlsplit(one.url).query) for one in requests if urlsplit(one.url).path == "/v1/images"]
    return sum(int(one["k"][0]) for one in asked if "offset" in one or "around" in one)


# --- a large collection -------------------------------------------------------------------------------------------


def test_a_large_collection_is_loaded_where_it_is_looked_at(many: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(many, "/nowhere", expected=[(404, "/nowhere")])
    requests: list[Request] = []
    page.on("request", lambda one: requests.append(one))
    page.get_by_role("link", name="Search", exact=True).click()
    settled(page)
    expect(link(page, 0)).to_be_visible()
    expect(page.locator('[data-index="0"]')).to_have_attribute("aria-setsize", str(N))
    assert rows_asked_for(requests) <= 400
    link(page, 0).focus()
    page.keyboard.press("End")
    expect(link(page, N - 1)).to_be_focused()
    expect(link(page, N - 1)).to_have_attribute("href", f"/?image={many.ids(sort='-date')[-1]}")
    settled(page)
    expect(link(page, N - 1)).to_be_focused()  # also after what it leads to was loaded
    assert rows_asked_for(requests) <= 1000


def test_what_was_not_loaded_can_be_selected(many: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(many)
    settled(page)
    ids = many.ids(sort="-date")
    link(page, 3).focus()
    page.keyboard.press(" ")
    page.keyboard.press("End")
    expect(link(page, N - 1)).to_have_attribute("href", f"/?image={ids[-1]}")
    page.keyboard.press("Shift+ ")
    bar = page.get_by_test_id("selection-bar")
    expect(bar).to_contain_text(f"{N - 3:,} pictures")
    page.keyboard.press("Escape")
    page.keyboard.press("Home")
    link(page, 0).focus()
    page.keyboard.press(" ")
    bar.get_by_role("button", name=f"Select all {N:,} pictures").click()
    expect(bar).to_contain_text(f"{N:,} pictures")


def test_an_image_far_down_knows_its_neighbours(many: Server, open_page: Callable[..., Page]) -> None:
    ids = many.ids(sort="-date")
    page = open_page(many, f"/?image={ids[15_000]}")
    viewer = page.get_by_test_id("viewer")
    expect(viewer).to_contain_text(f"15,001 of {N:,}")
    viewer.get_by_role("button", name="Next").click()
    expect(page).to_have_url(f"{many.url}/?image={ids[15_001]}")
    for _ in range(3):
        viewer.get_by_role("button", name="Previous").click()
    expect(page).to_have_url(f"{many.url}/?image={ids[14_998]}")


def test_coming_back_to_a_place_far_down(many: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(many)
    settled(page)
    link(page, 0).focus()
    page.keyboard.press("End")
    expect(link(page, N - 1)).to_have_attribute("href", f"/?image={many.ids(sort='-date')[-1]}")
    top = page.evaluate("scrollY")
    page.get_by_role("link", name="Library").evaluate("one => one.click()")  # the mouse would scroll the page to it
    page.get_by_role("heading", name="Library", exact=True).first.wait_for()
    page.go_back()
    expect(link(page, N - 1)).to_be_visible()
    page.reload()
    expect(link(page, N - 1)).to_be_visible()
    wait_for(lambda: abs(page.evaluate("scrollY") - top) < 2, "the former place")


def test_no_place_is_without_a_colour(many: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(many)
    settled(page)
    page.route("**/thumbnail*", lambda route: None)  # none comes any more
    page.route("**/v1/images?*", lambda route: None)  # and nothing that tells of single images
    page.evaluate("() => scrollTo(0, document.documentElement.scrollHeight / 2)")
    blank = f"""() => {{
      const all = ({SHOWN})();
      const ground = (one) => getComputedStyle(one.querySelector(".tile-link")).backgroundImage;
      return all.length && all.every((one) => ground(one) !== "none");
    }}"""
    wait_for(lambda: page.evaluate(blank), "a colour at each place")
    page.unroute_all(behavior="ignoreErrors")


def test_what_is_on_the_screen_comes_first(few: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(few, "/library")
    held: list[Route] = []
    page.route("**/thumbnail*", lambda route: held.append(route))
    page.get_by_role("link", name="Search", exact=True).click()
    expect(link(page, 0)).to_be_visible()
    n = wait_for(lambda: len(page.evaluate(SHOWN)), "pictures")
    wait_for(lambda: painted(page) or len(held) >= n, "the pictures on the screen")
    drawn = page.locator("[data-testid=grid] [data-index]").count()
    assert n < drawn and len(held) == n
    for route in held[:n]:
        route.continue_()
    wait_for(lambda: painted(page) or len(held) == drawn, "the others")
    for route in held[n:]:
        route.continue_()
    settled(page)


# --- the page's own files -----------------------------------------------------------------------------------------


def test_its_modules_are_known_from_the_start_and_kept(few: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(few)
    settled(page)
    files = "() => performance.getEntriesByType('resource').filter((one) => /\\.(js|css)$/.test(one.name))"
    got = page.evaluate(f"() => ({files})().map((one) => [one.name, one.transferSize])")
    known = page.evaluate("() => [...document.querySelectorAll('link, script')].map((one) => one.href || one.src)")
    assert got and {name for name, _ in got} <= set(known)
    assert sum(size for _, size in got) < 200_000
    page.reload()
    settled(page)
    again = page.evaluate(f"() => ({files})().map((one) => one.transferSize)")
    assert len(again) == len(got) and sum(again) == 0  # from the browser's own copy, without asking


# --- the connection -----------------------------------------------------------------------------------------------


def test_a_server_that_comes_back_is_found_without_a_reload(
    browser: Browser, serve: Callable[..., Server], grouped_index: Path
) -> None:
    server = serve(grouped_index)
    context = browser.new_context(viewport={"width": 1280, "height": 860}, reduced_motion="reduce")
    page = context.new_page()
    visit(page, server, "/")
    settled(page)
    page.evaluate("() => (window.same = true)")
    bar = page.get_by_test_id("connection-lost")
    server.stop()
    expect(bar).to_contain_text("Connection lost")
    page.get_by_role("link", name="Groups").click()  # asks for a view and for data, neither of which can come
    page.get_by_role("searchbox").or_(page.get_by_role("combobox")).first.fill("dog")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("toast")).to_have_count(0)
    expect(page.get_by_test_id("error")).to_have_count(0)
    server.start()
    expect(bar).to_have_count(0)
    expect(page.get_by_test_id("grid")).to_be_visible()
    page.get_by_role("link", name="Groups").click()
    expect(page.get_by_role("heading", name="Groups")).to_be_visible()
    assert page.evaluate("() => window.same")
    context.close()
