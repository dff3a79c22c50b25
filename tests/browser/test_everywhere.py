"""Every view and dialog: accessible in light and dark, usable on a phone, right on servers that only show or ask for
a key."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import pytest
from browsing import Server, grave_violations, open_facet, reload, settled, still, visit, wait_for

from imagefinder.client import Client
from imagefinder.server.run import open_browser

expect = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed").expect
pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

KEY = "a key that is long enough"
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}

# Controls that are too small to be hit by a finger: 24 CSS pixels each way (WCAG 2.2, 2.5.8).
TOO_SMALL = """() => {
  const top = [...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body;
  return [...top.querySelectorAll("button, a.button, select, input:not([type=checkbox], [type=radio], [hidden])")]
    .filter((one) => one.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
    .filter((one) => !one.closest(".visually-hidden"))
    .map((one) => [one.getBoundingClientRect(), one])
    .filter(([box]) => box.width > 0 && box.height > 0 && (box.width < 24 || box.height < 24))
    .map(([box, one]) => `${box.width} x ${box.height}: ${one.outerHTML.slice(0, 120)}`);
}"""


@pytest.fixture(scope="module")
def index(
    grouped_index: Path, tmp_path_factory: pytest.TempPathFactory, copy_index: Callable[[Path, Path], Path]
) -> Path:
    """The sample images with groups, a map, and a report of duplicates."""
    from imagefinder import ImageFinder
    from imagefinder.duplicates.find import Options
    from imagefinder.duplicates.matching.tiers import Tier

    home = copy_index(grouped_index, tmp_path_factory.mktemp("whole") / "index")
    with ImageFinder.open(home) as finder:
        finder.duplicates(Options(tier=Tier.SIMILAR, similar=0.6))
    return home


@pytest.fixture(scope="module")
def server(serve: Callable[..., Server], index: Path) -> Server:
    return serve(index)


def search(page: Page) -> None:
    expect(page.get_by_test_id("summary")).to_contain_text("ms")


def drawn(page: Page) -> None:
    expect(page.get_by_test_id("map")).to_have_attribute("data-resting", "true")


def popover(testid: str) -> Callable[[Page], None]:
    """Open what a button shows under it, and wait until something stands in it."""

    def open(page: Page) -> None:
        page.get_by_test_id(testid).click()
        page.locator("[popover]:popover-open > *").first.wait_for()

    return open


def facet(name: str) -> Callable[[Page], None]:
    """Open a filter, and wait until something stands in it."""

    def open(page: Page) -> None:
        open_facet(page, name)
        page.locator("[popover]:popover-open > *").first.wait_for()

    return open


def dialog(opener: Callable[[Page], Locator], title: str) -> Callable[[Page], None]:
    """Press a button, and wait for the dialog that it opens."""

    def open(page: Page) -> None:
        opener(page).first.click()
        page.get_by_role("dialog", name=title).locator("visible=true").first.wait_for()

    return open


def marked(name: str) -> Callable[[Page], Locator]:
    return lambda page: page.get_by_test_id(name)


def button(name: str) -> Callable[[Page], Locator]:
    return lambda page: page.get_by_role("button", name=name)


def trashing(page: Page) -> None:
    """Nothing is suggested for images of one scene: somebody says first which one to keep."""
    button("Keep this one")(page).first.click()
    dialog(marked("trash"), "to the trash?")(page)


def help_open(page: Page) -> None:
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Keyboard").wait_for()


def big_view(page: Page) -> None:
    page.get_by_test_id("grid").locator("[data-index='0'] .tile-link").click()
    about = page.get_by_test_id("viewer").get_by_role("button", name="About this picture")
    expect(about).to_be_visible()
    if about.get_attribute("aria-pressed") == "false":  # on a phone
        about.click()
    expect(page.get_by_test_id("viewer").locator(".similar-strip")).to_be_visible()


def boxing(page: Page) -> None:
    big_view(page)
    page.get_by_test_id("box").click()
    page.get_by_test_id("box-area").wait_for()


def selecting(page: Page) -> None:
    page.get_by_test_id("grid").locator("[data-index='0'] .tile-link").focus()
    page.keyboard.press("Space")
    page.get_by_test_id("selection-bar").wait_for()


def tagging(page: Page) -> None:
    selecting(page)
    page.get_by_test_id("tag").click()
    page.get_by_role("dialog", name="Tag 1 picture").wait_for()


def one_group(page: Page) -> None:
    page.get_by_test_id("group").first.locator(".cover-link").click()
    page.get_by_test_id("grid").wait_for()


def map_selection(page: Page) -> None:
    drawn(page)
    page.get_by_test_id("select-view").click()
    page.get_by_test_id("selection").wait_for()


def empty(page: Page) -> None:
    page.get_by_text("No picture fits").wait_for()


def suggesting(page: Page) -> None:
    page.get_by_role("combobox", name="Search in words").fill("an")
    page.get_by_role("option").first.wait_for()


def disliking(page: Page) -> None:
    page.get_by_test_id("grid").locator("[data-index='0'] .tile-link").focus()
    page.keyboard.press("d")
    page.get_by_test_id("disliked").click()
    page.get_by_role("button", name="Take back").wait_for()


def selection_menu(page: Page) -> None:
    selecting(page)
    page.get_by_test_id("selection-bar").get_by_role("button", name="More", exact=True).click()
    page.locator("[popover]:popover-open > *").first.wait_for()


def unknown(page: Page) -> None:
    page.get_by_text("There is no such picture here").wait_for()


def nothing(page: Page) -> None:
    pass


VIEWS: dict[str, tuple[str, Callable[[Page], None]]] = {
    "all images": ("/", nothing),
    "search": ("/?q=dog", search),
    "chips": ("/?q=dog%20-%20grass%20%2B%20red", search),
    "no hits": ("/?q=dog&filter=width%20%3C%205", empty),
    "groups": ("/groups", nothing),
    "one group": ("/groups", one_group),
    "how many groups": ("/groups?view=number", nothing),
    "map": ("/map?method=pca", drawn),
    "map to be made": ("/map?method=umap", nothing),
    "duplicates": ("/duplicates", nothing),
    "library": ("/library?add=1", nothing),
    "library's tools": ("/library?part=tools", nothing),
    "activity": ("/library?part=activity", nothing),
    "no such page": ("/groups/none", nothing),
}
OPENED: dict[str, tuple[str, Callable[[Page], None]]] = {
    "keys": ("/", help_open),
    "suggestions": ("/", suggesting),
    "chip": ("/?q=dog%20-%20grass", dialog(button("dog, more of it"), "dog, more of it")),
    "big view": ("/", big_view),
    "box": ("/", boxing),
    "selection": ("/", selecting),
    "tag": ("/", tagging),
    "filter": ("/", facet("folder")),
    "colours": ("/", facet("colours")),
    "sizes": ("/", facet("size")),
    "dates": ("/", facet("date")),
    "expression": ("/", facet("expression")),
    "fit": ("/?q=dog", facet("fit")),
    "disliked": ("/?q=dog", disliking),
    "selection's menu": ("/", selection_menu),
    "no such picture": ("/?image=none", unknown),
    "history": ("/", dialog(marked("open-history"), "History")),
    "albums": ("/", popover("albums")),
    "language": ("/", popover("language")),
    "saving a search": ("/?q=dog", dialog(marked("keep"), "Save this search")),
    "review": ("/groups/0?view=review", nothing),
    "options": ("/?q=dog", popover("options")),
    "jobs": ("/", popover("jobs")),
    "folders": ("/library?add=1", dialog(marked("add-folder"), "Choose a folder")),
    "group again": ("/groups", dialog(marked("group-again"), "Group again")),
    "map selection": ("/map?method=pca", map_selection),
    "compare": ("/duplicates", dialog(button("Compare"), "Compare two pictures")),
    "trash": ("/duplicates", trashing),
    "search again": ("/duplicates", dialog(button("Search again"), "Search for duplicates again")),
}


@pytest.mark.parametrize("name", [*VIEWS, *OPENED])
def test_nothing_stands_in_anybodys_way(server: Server, open_page: Callable[..., Page], name: str) -> None:
    path, prepare = {**VIEWS, **OPENED}[name]
    page = open_page(server, path, color_scheme="light")
    settled(page)
    prepare(page)
    settled(page)
    assert grave_violations(page) == []
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map((one) => one.id)")
    assert len(ids) == len(set(ids)), sorted(ids)  # labels and names find their element by its id
    light = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    page.wait_for_function("(light) => getComputedStyle(document.documentElement).backgroundColor !== light", arg=light)
    still(page)  # some colours fade from light to dark
    assert grave_violations(page) == []


@pytest.mark.parametrize(
    "name",
    [
        *VIEWS,
        "suggestions",
        "chip",
        "big view",
        "box",
        "disliked",
        "selection's menu",
        "map selection",
        "compare",
        "folders",
        "filter",
    ],
)
def test_on_a_phone(server: Server, open_page: Callable[..., Page], name: str) -> None:
    path, prepare = {**VIEWS, **OPENED}[name]
    page = open_page(server, path, **PHONE)
    settled(page)
    prepare(page)
    settled(page)
    wide = page.evaluate("[document.documentElement.scrollWidth, innerWidth, visualViewport.width]")
    assert wide == [390, 390, 390], "the page scrolls sideways"
    small = page.evaluate(TOO_SMALL)
    assert small == []


def test_places_are_reached_on_a_phone(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, **PHONE)
    settled(page)
    for name, heading in (("Groups", "Groups"), ("Duplicates", "Duplicates"), ("Library", "Library"), ("Map", "Map")):
        page.get_by_role("navigation", name="Places").get_by_role("link", name=name).tap()
        expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    page.get_by_role("navigation", name="Places").get_by_role("link", name="Search").tap()
    page.get_by_label("Search in words or by a URL").fill("fruit")
    page.keyboard.press("Enter")
    search(page)
    page.get_by_test_id("grid").locator("[data-index='1'] .tile-link").tap()
    expect(page.get_by_test_id("viewer")).to_be_visible()
    page.get_by_role("button", name="Close").tap()
    expect(page.get_by_test_id("viewer")).to_have_count(0)


def test_the_theme_is_chosen_and_kept(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, color_scheme="light")
    colour = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(colour)
    page.get_by_test_id("theme").click()
    page.get_by_test_id("theme").click()
    expect(page.get_by_label("Theme: dark")).to_be_visible()
    wait_for(lambda: page.evaluate(colour) != light, "the dark colours")
    reload(page)
    expect(page.get_by_label("Theme: dark")).to_be_visible()
    assert page.evaluate(colour) != light


def test_an_address_where_nothing_is(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, "/nowhere", expected=[(404, "/nowhere")])
    expect(page.get_by_text("There is no such page.")).to_be_visible()
    page.get_by_role("link", name="Search", exact=True).click()
    expect(page.get_by_test_id("summary")).to_have_text("185 pictures")


def test_a_server_that_only_shows(serve: Callable[..., Server], open_page: Callable[..., Page], index: Path) -> None:
    server = serve(index, "--read-only")
    page = open_page(server, "/?q=dog")
    search(page)
    settled(page)
    page.get_by_test_id("grid").locator("[data-index='0'] .tile-link").focus()
    page.keyboard.press("Space")
    expect(page.get_by_test_id("selection-bar")).to_be_visible()
    expect(page.get_by_test_id("tag")).to_have_count(0)
    expect(page.get_by_test_id("remove")).to_have_count(0)
    page.get_by_test_id("grid").locator("[data-index='0'] .tile-link").click()
    expect(page.get_by_test_id("similar")).to_be_visible()
    expect(page.get_by_label("Add a tag")).to_have_count(0)
    expect(page.get_by_test_id("remove-image")).to_have_count(0)
    visit(page, server, "/groups")
    expect(page.get_by_test_id("group").first).to_be_visible()
    for name in ("Group again…", "Merge…"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    expect(page.get_by_role("button", name="Rename")).to_have_count(0)
    visit(page, server, "/duplicates")
    expect(page.get_by_test_id("duplicates-group").first).to_be_visible()
    expect(page.get_by_test_id("trash")).to_have_count(0)
    visit(page, server, "/library")
    expect(page.get_by_text("This server only shows")).to_be_visible()
    expect(page.get_by_test_id("add")).to_have_count(0)
    visit(page, server, "/map?method=umap")
    expect(page.get_by_test_id("make-map")).to_be_disabled()
    image = server.ids()[0]
    refused = server.client.patch(f"/images/{image}", json={"tags": ["no"]})
    assert refused.status_code == 403 and "tags" not in server.get(f"/images/{image}")


def test_a_server_with_a_key(serve: Callable[..., Server], open_page: Callable[..., Page], index: Path) -> None:
    server = serve(index, IMAGEFINDER_KEY=KEY)
    page = open_page(server, expected=[(401, "/v1/")])
    login = page.get_by_role("dialog", name="This library is locked")
    login.get_by_label("Key").fill("this is not the key, is it?")
    login.get_by_role("button", name="Open").click()
    expect(login.get_by_role("alert")).to_be_visible()
    login.get_by_label("Key").fill(KEY)
    login.get_by_role("button", name="Open").click()
    expect(login).to_have_count(0)
    expect(page.get_by_test_id("summary")).to_have_text("185 pictures")
    settled(page)  # the thumbnails too
    reload(page)
    expect(page.get_by_test_id("summary")).to_have_text("185 pictures")
    settled(page)
    expect(login).to_have_count(0)
    cookies = {cookie["name"]: cookie for cookie in page.context.cookies()}
    assert all(one["httpOnly"] and one["sameSite"] == "Strict" for one in cookies.values()) and cookies


def test_a_link_opens_the_page_of_a_server_with_a_key_of_its_own(
    serve: Callable[..., Server], open_page: Callable[..., Page], browser: Browser, index: Path, tmp_path: Path
) -> None:
    server = serve(index, "--own-key")
    with Client(server.url) as client:  # which finds the key by itself
        used, second, third = (client.page_link().removeprefix(f"{server.url}/") for _ in range(3))
    page = open_page(server, f"/?q=fruit{used}")
    settled(page)
    expect(page.locator("[data-testid=summary]")).not_to_be_empty()
    assert page.url == f"{server.url}/?q=fruit"
    assert used.partition("=")[2] not in server.log.read_text("utf-8")
    reload(page)
    settled(page)  # the cookie does it from here on
    (cookie,) = page.context.cookies()
    assert cookie["name"].endswith(str(server.port)) and cookie["httpOnly"] and cookie["sameSite"] == "Strict"

    other = open_page(server, f"/{used}", expected=[(401, "/v1/")])  # used up: another browser is asked for the key
    login = other.get_by_role("dialog", name="This library is locked")
    expect(login).to_be_visible()
    other.evaluate("(link) => { location.hash = link }", second)  # as if put into the address of the open page
    expect(login).to_have_count(0)
    settled(other)

    by_file = tmp_path / "open.html"
    with mock.patch("imagefinder.server.run.webbrowser.open"):
        open_browser(f"{server.url}/{third}", by_file)
    with closing(browser.new_context()) as context:
        last = context.new_page()
        last.goto(by_file.as_uri())
        last.wait_for_url(f"{server.url}/")
        settled(last)


def test_a_server_below_the_path_of_a_proxy(
    serve: Callable[..., Server], open_page: Callable[..., Page], index: Path
) -> None:
    server = serve(index, "--root-path", "/my/pictures", IMAGEFINDER_KEY=KEY)
    page = open_page(server, "/my/pictures/", expected=[(401, "/v1/")])
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(server.url)))
    login = page.get_by_role("dialog", name="This library is locked")
    login.get_by_label("Key").fill(KEY)
    login.get_by_role("button", name="Open").click()
    expect(page.get_by_test_id("summary")).to_have_text("185 pictures")
    settled(page)
    for name, place in (("Groups", "groups"), ("Map", "map"), ("Duplicates", "duplicates"), ("Library", "library")):
        page.get_by_role("link", name=name, exact=True).first.click()
        page.wait_for_url(f"{server.url}/my/pictures/{place}")
        settled(page)
    page.go_back()
    page.wait_for_url(f"{server.url}/my/pictures/duplicates")
    visit(page, server, "/my/pictures/groups/0")
    page.get_by_role("link", name="All groups").first.click()
    page.wait_for_url(f"{server.url}/my/pictures/groups")
    page.get_by_role("link", name="Search", exact=True).first.click()
    page.wait_for_url(f"{server.url}/my/pictures/")
    page.get_by_test_id("grid").locator("[data-index='0'] .tile-link").click()
    expect(page.get_by_test_id("similar")).to_be_visible()
    assert page.url.startswith(f"{server.url}/my/pictures/?image=")
    with page.expect_navigation():
        page.goto(f"{server.url}/my/pictures/docs")
    expect(page.locator("#docs .opblock").first).to_be_visible()
    assert asked and all(url.startswith(("/my/pictures/", "data:", "blob:")) for url in asked)
