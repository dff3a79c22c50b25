"""The page for several people: each sees what their key allows, below the path of the index."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browsing import Server, settled, visit

from imagefinder.index.keys import Keys

expect = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed").expect

if TYPE_CHECKING:
    from playwright.sync_api import Page

KEY = "a key that is long enough"


def enter(page: Page, key: str | None) -> None:
    login = page.get_by_role("dialog", name="This library is locked")
    login.get_by_label("Key").fill(str(key))
    login.get_by_role("button", name="Open").click()
    expect(login).to_have_count(0)
    settled(page)


def test_a_reader_sees_no_buttons_that_fail_and_a_writer_all_they_may_use(
    serve: Callable[..., Server], open_page: Callable[..., Page], grouped_index: Path
) -> None:
    server = serve(grouped_index, name="photos", IMAGEFINDER_KEY=KEY)
    keys = Keys(server.home)
    reader, writer = keys.add("anna"), keys.add("bert", "write")
    page = open_page(server, "/i/photos/library", expected=[(401, "/v1/")])
    enter(page, reader.secret)
    expect(page.get_by_text("Your key is for looking only")).to_be_visible()
    expect(page.get_by_text("anna (read)")).to_be_visible()
    expect(page.get_by_role("tab", name="Sources")).to_be_visible()
    expect(page.get_by_role("button", name="Add pictures")).to_have_count(0)
    visit(page, server, "/i/photos/groups")
    expect(page.get_by_test_id("group").first).to_be_visible()
    expect(page.get_by_role("button", name="Group again…")).to_have_count(0)
    page.goto(f"{server.url}/")  # a list without scripts
    page.get_by_role("link", name="photos").click()
    page.wait_for_url(f"{server.url}/i/photos/")
    settled(page)

    other = open_page(server, "/i/photos/library", expected=[(401, "/v1/")])
    enter(other, writer.secret)
    expect(other.get_by_text("bert (write)")).to_be_visible()
    other.get_by_role("button", name="Add pictures").click()
    expect(other.get_by_test_id("add-folder")).to_be_visible()
    visit(other, server, "/i/photos/groups")
    expect(other.get_by_role("button", name="Group again…")).to_be_visible()
    keys.remove("bert")
    other.goto(f"{server.url}/i/photos/groups")
    expect(other.get_by_role("dialog", name="This library is locked")).to_be_visible()
