"""The page in other languages: all of its texts are there, they fit, and a person can change from one to another."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browsing import Server, settled, still, visit
from test_everywhere import OPENED, PHONE, VIEWS, index

expect = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed").expect

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["index"]  # the fixture

# What each text is: a string, a function of so many, or a table, list or map of those.
SHAPES = """async ([language, base]) => {
  const shape = (text) =>
    typeof text === "function" ? `function of ${text.length}`
    : text instanceof Map ? shape(Object.fromEntries(text))
    : Array.isArray(text) ? text.map(shape)
    : text && typeof text === "object" ? Object.fromEntries(Object.entries(text).map(([name, one]) => [name, shape(one)]))
    : typeof text;
  return shape({ ...(await import(`${base}texts/${language}/index.js`)) });
}"""
CUT_OFF = """() => {
  const top = [...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body;
  return [...top.querySelectorAll("button, a.button, [role=tab], .chip, .places a, .menu-item")]
    .filter((one) => one.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
    .filter((one) => !one.closest(".visually-hidden") && !one.querySelector(".ellipsis") && !one.matches(".ellipsis"))
    .filter((one) => one.clientWidth > 0 && one.scrollWidth > one.clientWidth)
    .map((one) => `${one.scrollWidth} > ${one.clientWidth}: ${one.outerHTML.slice(0, 160)}`);
}"""
# Words of the English page that stand in no German one, among what is shown or read out.
ENGLISH = re.compile(
    r"\b(the|and|of|this|with|not|all|image|images|picture|pictures|group|groups|folder|search|show|more|select|open"
    r"|close|cancel|undo|size|date|library|duplicates|map|keep|compare|make|add|first|others?)\b",
    re.IGNORECASE,
)
SAID = """() => {
  const shown = (one) => one.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  const top = [...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body;
  const said = [];
  const walk = document.createTreeWalker(top, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const parent = walk.currentNode.parentElement;
    if (shown(parent) && !parent.closest(DATA)) said.push(walk.currentNode.data);
  }
  for (const one of top.querySelectorAll("[aria-label], [title], [placeholder]")) {
    if (!shown(one) || one.closest(DATA)) continue;
    for (const name of ["aria-label", "title", "placeholder"]) said.push(one.getAttribute(name) ?? "");
  }
  return said.map((text) => text.trim()).filter(Boolean);
}"""
# What comes from pictures, their files and the server, and the languages in themselves: it is in no language of ours.
DATA = ", ".join(
    ("[lang]:not(html)", "code", "kbd", ".mono", ".tile", "[data-testid=group]", ".path", "[data-testid=facet-menu]")
)


@pytest.fixture(scope="module")
def server(serve: Callable[..., Server], index: Path) -> Server:
    return serve(index)


def languages(page: Page) -> dict[str, str]:
    found: dict[str, str] = page.evaluate(
        "async () => Object.fromEntries([...(await import('/js/language.js')).LANGUAGES].map(([c, { name }]) => [c, name]))"
    )
    return found


def test_every_language_says_all_that_english_says(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server)
    english: dict[str, Any] = page.evaluate(SHAPES, ["en", "/js/"])
    codes = languages(page)
    assert list(codes)[:2] == ["en", "de"]
    for code in codes:
        shapes = page.evaluate(SHAPES, [code, "/js/"])
        assert shapes.keys() == english.keys()
        for view, texts in english.items():
            assert shapes[view] == texts, f"{code}: {view}"
