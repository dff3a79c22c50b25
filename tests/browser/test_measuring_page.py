"""Measuring search on the page, and keeping a search under a name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browsing import Server, message, shown_ids, visit

expect = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed").expect

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture(scope="module")
def server(serve: Callable[..., Server], grouped_index: Path) -> Server:
    return serve(grouped_index)


def test_search_is_measured_and_the_worst_is_shown(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, "/library?part=tools")
    section = page.get_by_test_id("measure")
    section.get_by_label("by").select_option("tags")
    expect(section.get_by_test_id("needs")).to_contain_text("No picture has a value there")
    expect(section.get_by_role("button", name="Measure")).to_be_disabled()
    section.get_by_label("by").select_option("likes")
    section.get_by_role("button", name="Measure").click()
    expect(section.get_by_test_id("measured")).to_contain_text("Nothing was liked that is in the index")
    section.get_by_label("by").select_option("folder")
    with page.expect_response(lambda one: one.request.method == "POST" and one.url.endswith("/v1/jobs")):
        section.get_by_role("button", name="Measure").click()
    message(page, "Measuring how well images are found: done")
    result = server.latest_job("evaluate")["result"]
    (labels,) = result["searches"]
    right = f"{100 * labels['measures']['hit@1']['mean']:.1f} %"
    expect(section.get_by_test_id("measured")).to_contain_text(right)
    section.get_by_role("button", name="All of it").click()
    told = page.get_by_role("dialog", name="Measuring how well images are found")
    expect(told.get_by_test_id("labels")).to_contain_text(labels["classes"][0]["name"])
    expect(told.get_by_test_id("worst")).to_have_count(len(labels["worst"]))
    expect(told.locator(".worst a.wrong img[data-state=loaded]").first).to_be_visible()
    with page.expect_download() as download:
        told.get_by_role("link", name="Report as a file").click()
    text = Path(download.value.path()).read_text("utf-8")
    assert right in text and text.count("data:image/jpeg;base64,") > len(labels["worst"])


def test_a_search_is_kept_found_again_renamed_and_removed(server: Server, open_page: Callable[..., Page]) -> None:
    ids = [hit["id"] for hit in server.post("/search", {"words": "animal", "k": 8})["hits"]]
    page = open_page(
        server, f"/?q=animal&liked={ids[0]},{ids[1]}&disliked={ids[2]}&min_score=0.2", expected=[(400, "/concepts")]
    )
    page.get_by_test_id("keep").click()
    form = page.get_by_role("dialog", name="Save this search")
    form.get_by_role("textbox", name="Name").fill("my <b>pets</b>")
    form.get_by_role("button", name="Save").click()
    message(page, "A concept is called by words")
    page.get_by_test_id("keep").click()
    form.get_by_role("textbox", name="Name").fill("my pets")
    form.get_by_role("button", name="Save").click()
    asked = {"words": "animal", "liked": ids[:2], "disliked": ids[2:3], "k": 200}
    wanted = server.post("/search", {**asked, "cut": "auto"})["hits"]
    marked = {*ids[:2], *(hit["id"] for hit in server.post("/search", {**asked, "min_score": 0.2})["hits"])}
    message(page, "Saved as")
    visit(page, server, "/?q=concept:my pets")
    expect(page.get_by_test_id("summary")).to_contain_text("surely")
    expect(page.get_by_test_id("grid").locator(".tile").first).to_be_visible()
    assert shown_ids(page.get_by_test_id("grid"))[:5] == [hit["id"] for hit in wanted[:5]]
    field = page.get_by_role("combobox", name="Search in words or by a URL")
    field.fill("pets")
    expect(page.get_by_role("option", name="my pets")).to_contain_text("Saved search")
    page.keyboard.press("Escape")

    tools(page)
    kept = page.get_by_test_id("concepts")
    expect(kept).to_contain_text("2 liked, 1 disliked")
    kept.get_by_role("button", name="Rename my pets").click()
    form = page.get_by_role("dialog", name="Rename")
    form.get_by_label("Name").fill("pets")
    form.get_by_role("button", name="Save").click()
    expect(kept.get_by_role("link", name="pets", exact=True)).to_be_visible()
    kept.get_by_role("link", name=f"{len(marked)} pictures").click()
    expect(page.get_by_test_id("summary")).to_have_text(f"{len(marked)} pictures")
    assert set(shown_ids(page.get_by_test_id("grid"))) <= marked
    tools(page)
    kept.get_by_role("button", name="Remove pets").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).click()
    expect(kept).to_have_count(0)


def tools(page: Page) -> None:
    page.get_by_role("link", name="Library", exact=True).click()
    page.get_by_role("tab", name="Tools").click()
