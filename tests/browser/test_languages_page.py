"""The page in other languages: all of its texts are there and fit, and a person can change from one to another."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browsing import Server, settled

expect = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed").expect

if TYPE_CHECKING:
    from playwright.sync_api import Page

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
WIDE = {"viewport": {"width": 1440, "height": 900}}

# What each text is: a string, a function of so many, or a table, list or map of those.
SHAPES = """async (language) => {
  const rows = (table) => Object.fromEntries(Object.entries(table).map(([name, text]) => [name, shape(text)]));
  const shape = (text) =>
    typeof text === "function" ? `function of ${text.length}`
    : text instanceof Map ? rows(Object.fromEntries(text))
    : Array.isArray(text) ? text.map(shape)
    : text && typeof text === "object" ? rows(text)
    : typeof text;
  return rows(await import(`/js/texts/${language}/index.js`));
}"""
CODES = "async () => [...(await import('/js/language.js')).LANGUAGES.keys()]"
CUT_OFF = """() => {
  const top = [...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body;
  return [...top.querySelectorAll("button, a.button, [role=tab], .chip, .places a, .menu-item")]
    .filter((one) => one.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
    .filter((one) => one.clientWidth > 0 && !one.closest(".visually-hidden") && !one.querySelector(".ellipsis"))
    .filter((one) => one.scrollWidth > one.clientWidth)
    .map((one) => `${one.scrollWidth} > ${one.clientWidth}: ${one.outerHTML.slice(0, 160)}`);
}"""
# What begins before the window's edge, where nobody can scroll to.
OUTSIDE = """() => [...document.querySelectorAll("main p, main button, header button, header input, h1, h2")]
  .filter((one) => one.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
  .filter((one) => !one.closest(".visually-hidden, .skip") && one.getBoundingClientRect().left < 0)
  .map((one) => one.outerHTML.slice(0, 160))"""
# What is shown or read out, but for that of pictures, their files and the server, which is in no language of the page.
SAID = """() => {
  const shown = (one) => one.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  const data = "[lang]:not(html), code, kbd, .mono, .tile, .path, .brand, [data-testid=group], [data-testid=evidence]";
  const top = [...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body;
  const said = [];
  const walk = document.createTreeWalker(top, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const parent = walk.currentNode.parentElement;
    if (shown(parent) && !parent.closest(data)) said.push(walk.currentNode.data);
  }
  for (const one of top.querySelectorAll("[aria-label], [title], [placeholder]")) {
    if (!shown(one) || one.closest(data)) continue;
    for (const name of ["aria-label", "title", "placeholder"]) said.push(one.getAttribute(name) ?? "");
  }
  return said.map((text) => text.trim()).filter(Boolean);
}"""
# Words that nearly every English sentence of the page has one of, and no German one.
ENGLISH = re.compile(
    r"\b(?:the|and|of|this|these|with|not|all|images?|pictures?|groups?|folders?|search|show|more|select|open|close"
    r"|cancel|undo|size|library|duplicates|keep|compare|make|add|first|others?|by|from|your|yet|is|are)\b",
    re.IGNORECASE,
)
PATH = re.compile(r"\S*/\S+")


@pytest.fixture(scope="module")
def server(serve: Callable[..., Server], grouped_index: Path) -> Server:
    return serve(grouped_index)


def view(page: Page) -> None:
    page.get_by_test_id("grid").locator("[data-index='0'] .tile-link").click()
    expect(page.get_by_role("button", name="Schließen")).to_be_visible()


def selection(page: Page) -> None:
    page.get_by_test_id("grid").locator("[data-index='0'] .tile-link").focus()
    page.keyboard.press("Space")
    page.get_by_test_id("selection-bar").wait_for()


def keys(page: Page) -> None:
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Tastatur").wait_for()


def options(page: Page) -> None:
    page.get_by_test_id("options").click()
    page.locator("[popover]:popover-open > *").first.wait_for()


def again(page: Page) -> None:
    page.get_by_test_id("group-again").click()
    page.get_by_role("dialog", name="Neu gruppieren").wait_for()


def drawn(page: Page) -> None:
    expect(page.get_by_test_id("map")).to_have_attribute("data-resting", "true")


def nothing(page: Page) -> None:
    pass


STATES: dict[str, tuple[str, Callable[[Page], None]]] = {
    "all images": ("/", nothing),
    "search": ("/?q=dog%20-%20grass", nothing),
    "nothing fits": ("/?q=dog&filter=width%20%3C%205", nothing),
    "options": ("/?q=dog", options),
    "selection": ("/", selection),
    "big view": ("/", view),
    "keys": ("/", keys),
    "groups": ("/groups", nothing),
    "group again": ("/groups", again),
    "how many groups": ("/groups?view=number", nothing),
    "map": ("/map?method=pca", drawn),
    "duplicates": ("/duplicates", nothing),
    "library": ("/library?add=1", nothing),
    "library's tools": ("/library?part=tools", nothing),
    "activity": ("/library?part=activity", nothing),
    "no such page": ("/groups/none", nothing),
}


def without_more(said: Any, english: Any) -> Any:
    """The texts without those that English leaves to the server, which speaks it."""
    if not isinstance(said, dict) or not isinstance(english, dict):
        return said
    return {name: without_more(text, english[name]) for name, text in said.items() if name in english}


def test_every_language_says_all_that_english_says(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server)
    english: dict[str, Any] = page.evaluate(SHAPES, "en")
    codes = page.evaluate(CODES)
    assert {"en", "de"} <= set(codes) and len(english) > 9
    for code in codes:
        shapes = page.evaluate(SHAPES, code)
        for view, all in english.items():
            more = shapes[view].keys() - all.keys()
            assert without_more(shapes[view], all) == all and not more, (code, view, more)


@pytest.mark.parametrize("name", STATES)
def test_all_is_german_and_fits(server: Server, open_page: Callable[..., Page], name: str) -> None:
    path, prepare = STATES[name]
    for size in (WIDE, PHONE):
        page = open_page(server, path, locale="de-DE", expected=[(404, "/groups/none")], **size)
        settled(page)
        prepare(page)
        settled(page)
        assert page.evaluate("document.documentElement.lang") == "de"
        assert page.evaluate(CUT_OFF) == []
        assert page.evaluate("document.documentElement.scrollWidth") == size["viewport"]["width"]
        assert page.evaluate(OUTSIDE) == []
        said = page.evaluate(SAID)
        assert len(said) > 10 and [text for text in said if ENGLISH.search(PATH.sub("", text))] == []


def test_the_language_is_chosen_and_kept(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, locale="fr-FR")  # which the page is not written in
    places = page.get_by_role("navigation")
    expect(places.get_by_role("link", name="Groups")).to_be_visible()
    page.get_by_role("button", name="Language").click()
    page.get_by_role("button", name="Deutsch").click()
    expect(places.get_by_role("link", name="Gruppen")).to_be_visible()
    expect(page.get_by_test_id("summary")).to_have_text("185 Bilder")
    settled(page)
    page.reload()
    expect(places.get_by_role("link", name="Gruppen")).to_be_visible()
    page.get_by_role("button", name="Sprache").click()
    expect(page.get_by_role("button", name="Deutsch")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="English").click()
    expect(places.get_by_role("link", name="Groups")).to_be_visible()
    settled(page)
    phone = open_page(server, "/library", locale="de-DE", **PHONE)
    phone.get_by_test_id("language-named").click()
    phone.get_by_role("button", name="English").click()
    expect(phone.get_by_role("heading", name="Library")).to_be_visible()
    settled(phone)
