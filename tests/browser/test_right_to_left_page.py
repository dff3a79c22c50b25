"""The page in Arabic: it runs from the right, nothing hangs out at a side, and keys go where they point."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browsing import Server, grave_violations, open_facet, place, settled, wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
from playwright.sync_api import expect

SIZES: dict[str, dict[str, Any]] = {
    "desk": {"viewport": {"width": 1440, "height": 900}},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
}
# Not what lies in a strip that is scrolled to the side by itself.
OUTSIDE = """() => [...document.querySelectorAll("main *, header *, [popover]:popover-open, dialog[open] *")]
    .filter((one) => one.matches("button, a, input, select, h1, h2"))
    .filter((one) => one.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
    .filter((one) => !one.closest(".query-chips, .filter-bar, .tiers, .map-bar"))
    .filter((one) => !one.closest(".visually-hidden, .skip, .tile-actions"))
    .map((one) => [one.getBoundingClientRect(), one])
    .filter(([box]) => box.width > 1 && (box.right < 1 || box.left > innerWidth - 1))
    .map(([, one]) => one.outerHTML.slice(0, 120))"""


def press(key: str) -> Callable[[Page], None]:
    return lambda page: page.keyboard.press(key)


def click(testid: str) -> Callable[[Page], None]:
    return lambda page: page.get_by_test_id(testid).first.click()


def named(name: str) -> Callable[[Page], None]:
    return lambda page: page.get_by_role("button", name=name, exact=True).first.click()


def one_selected(page: Page) -> None:
    page.locator("[data-index='1'] .tile-link").focus()
    page.keyboard.press(" ")
    expect(page.get_by_role("checkbox", checked=True)).to_have_count(1)


def first_picture(page: Page) -> None:
    page.locator("[data-index='0'] .tile-link").click()
    page.get_by_test_id("viewer").wait_for()


STATES: dict[str, tuple[str, Callable[[Page], object]]] = {
    "all images": ("/", lambda page: None),
    "search": ("/?q=dog", lambda page: None),
    "groups": ("/groups", lambda page: None),
    "one group": ("/groups/0", lambda page: None),
    "how many": ("/groups?view=number", lambda page: None),
    "map": ("/map?method=pca", lambda page: page.locator("[data-testid=map-canvas], canvas").first.wait_for()),
    "duplicates": ("/duplicates", lambda page: None),
    "library": ("/library?add=1", lambda page: None),
    "tools": ("/library?part=tools", lambda page: None),
    "activity": ("/library?part=activity", lambda page: None),
    "keys": ("/", press("?")),
    "big view": ("/", first_picture),
    "about a picture": ("/", lambda page: (first_picture(page), page.keyboard.press("i"))),
    "filters": ("/", click("facet-more")),
    "sizes": ("/", lambda page: open_facet(page, "size")),
    "chips": ("/?q=dog%20-%20grass%20%2B%20red", lambda page: None),
    "selection": ("/", one_selected),
    "compare": ("/duplicates", named("قارن")),
    "group again": ("/groups", click("group-again")),
}


@pytest.fixture(scope="module")
def server(
    serve: Callable[..., Server],
    grouped_index: Path,
    tmp_path_factory: pytest.TempPathFactory,
    copy_index: Callable[[Path, Path], Path],
) -> Server:
    """The sample images with groups, a map, and a report of duplicates."""
    from imagefinder import ImageFinder
    from imagefinder.duplicates.find import Options
    from imagefinder.duplicates.matching.tiers import Tier

    home = copy_index(grouped_index, tmp_path_factory.mktemp("arabic") / "index")
    with ImageFinder.open(home) as finder:
        finder.duplicates(Options(tier=Tier.SIMILAR, similar=0.6))
    return serve(home)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", STATES)
def test_the_layout_holds(server: Server, open_page: Callable[..., Page], name: str, size: str) -> None:
    path, prepare = STATES[name]
    page = open_page(server, path, locale="ar", **SIZES[size])
    settled(page)
    prepare(page)
    settled(page)
    assert page.evaluate("[document.documentElement.dir, document.documentElement.lang]") == ["rtl", "ar"]
    wide, room = page.evaluate("[document.scrollingElement.scrollWidth, document.scrollingElement.clientWidth]")
    assert wide <= room
    assert page.evaluate(OUTSIDE) == []
    assert grave_violations(page) == []


def focused_index(page: Page) -> int:
    index: int = page.evaluate("Number(document.activeElement.closest('[data-index]')?.dataset.index ?? -1)")
    return index


def test_keys_go_where_they_point_among_pictures(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, locale="ar")
    settled(page)
    first, second = (page.locator(f"[data-index='{i}']") for i in (0, 1))
    assert place(second)["x"] < place(first)["x"]  # the first stands at the right
    first.locator(".tile-link").focus()
    page.keyboard.press("ArrowLeft")
    wait_for(lambda: focused_index(page) == 1, "the picture to the left to have the focus")
    page.keyboard.press("ArrowRight")
    wait_for(lambda: focused_index(page) == 0, "the picture to the right to have the focus")


def test_the_next_picture_is_to_the_left(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, locale="ar")
    settled(page)
    ids = [page.locator(f"[data-index='{i}']").get_attribute("data-id") for i in (0, 1)]
    first_picture(page)
    further, former = (page.get_by_role("button", name=name, exact=True) for name in ("التالية", "السابقة"))
    assert place(further)["x"] < place(former)["x"]
    page.keyboard.press("ArrowLeft")
    page.wait_for_url(f"**image={ids[1]}**")
    page.keyboard.press("ArrowRight")
    page.wait_for_url(f"**image={ids[0]}**")


def test_what_opens_stands_at_its_button(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, locale="ar", **SIZES["desk"])
    settled(page)
    button = page.get_by_test_id("facet-more")
    button.click()
    panel = place(page.locator("[popover]:popover-open"))
    opener = place(button)
    assert abs(panel["x"] + panel["width"] - opener["x"] - opener["width"]) < 2  # right edge at right edge


def test_tabs_run_from_the_right(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, "/library", locale="ar")
    page.get_by_role("tab", name="المصادر").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("tab", name="الأدوات")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="المصادر")).to_have_attribute("aria-selected", "true")


@pytest.mark.parametrize(
    ("n", "said"),
    [(1, "صورة واحدة"), (2, "صورتان"), (3, "3 صور"), (11, "11 صورة"), (100, "100 صورة"), (1234, "1,234 صورة")],
)
def test_what_is_counted_has_its_form(server: Server, open_page: Callable[..., Page], n: int, said: str) -> None:
    page = open_page(server, "/library", locale="ar")
    assert page.evaluate("async (n) => (await import('/js/texts.js')).texts.library.images(n)", n) == said
    of_two = page.evaluate("async () => (await import('/js/texts.js')).texts.map.ofImages(2)")
    assert of_two == "خريطة صورتين"
