"""In the page: months and their scrubber, ranges that are dragged, folders, counts under other filters, tags."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from browsing import Server, message, open_facet, settled, shown_ids, wait_for

from imagefinder import ImageFinder

expect = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed").expect

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

UNDATED = 5
TAGGED = {"sumer": slice(0, 6), "summer": slice(4, 12), "Lake Garda": slice(20, 25)}


@pytest.fixture(scope="module")
def dated(
    grouped_index: Path, tmp_path_factory: pytest.TempPathFactory, copy_index: Callable[[Path, Path], Path]
) -> Path:
    """The sample images, five a month from 2026 back, every third by the date of its file only, the last ones undated;
    with tags and with what is known of their sharpness."""
    home = copy_index(grouped_index, tmp_path_factory.mktemp("dated") / "index")
    with ImageFinder.open(home) as finder:
        records = sorted(finder.records(), key=lambda one: one.uri)
        for i, record in enumerate(records):
            at = (datetime(2026, 6, 28, tzinfo=UTC) - timedelta(days=6 * i)).isoformat(timespec="seconds")
            facts: dict[str, object] = {"taken_at": at, "taken_from": "exif", "taken_guess": None}
            if i % 3 == 0:
                facts = {"taken_at": None, "taken_from": "file", "taken_guess": at}
            if i >= len(records) - UNDATED:
                facts = {"taken_at": None, "taken_from": None, "taken_guess": None}
            finder._collection.index.store.merge_payload([record.id], {**facts, "blur": round(0.2 + i / 500, 3)})
        for tag, some in TAGGED.items():
            finder.tag([record.id for record in records[some]], add=[tag])
    return home


@pytest.fixture(scope="module")
def server(serve: Callable[..., Server], dated: Path) -> Server:
    return serve(dated)


def grid(page: Page) -> Locator:
    return page.get_by_test_id("grid")


def filter_of(page: Page) -> str:
    return parse_qs(urlsplit(page.url).query).get("filter", [""])[0]


def summary_says(page: Page, n: int) -> None:
    expect(page.get_by_test_id("summary")).to_have_text(f"{n} picture{'' if n == 1 else 's'}")


def months(server: Server) -> list[tuple[str, int]]:
    """Their names and numbers of images, the latest first."""
    rows = server.get("/timeline")["months"]
    return [(datetime.strptime(row["month"], "%Y-%m").strftime("%B %Y"), row["count"]) for row in rows]


def test_months_stand_over_their_pictures(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server)
    settled(page)
    (first, n), (second, _) = months(server)[:2]
    expect(page.get_by_role("heading", name=first)).to_be_visible()
    expect(page.get_by_role("heading", name=first)).to_contain_text("by the date of the file")
    heading = page.get_by_role("heading", name=second)
    ids = server.ids(sort="-date")
    assert shown_ids(grid(page))[:n] == ids[:n]
    below = heading.bounding_box()
    before, after = (grid(page).locator(f"[data-id='{id}']").bounding_box() for id in (ids[n - 1], ids[n]))
    assert before and below and after and before["y"] < below["y"] < after["y"]
    page.get_by_test_id("sort").select_option("uri")
    expect(heading).to_have_count(0)
    page.get_by_test_id("sort").select_option("date")
    oldest = months(server)[-1][0]
    expect(page.get_by_role("heading", name=oldest)).to_be_visible()


def test_the_scrubber_jumps_to_a_month(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server)
    settled(page)
    found = months(server)
    scrubber = page.get_by_role("slider", name="Timeline")
    scrubber.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(scrubber).to_have_attribute("aria-valuetext", f"{found[2][0]}, {found[2][1]} pictures")
    expect(page.get_by_role("heading", name=found[2][0])).to_be_in_viewport()
    expect(scrubber).to_be_focused()
    page.keyboard.press("End")
    expect(scrubber).to_have_attribute("aria-valuetext", f"No date, {UNDATED} pictures")
    expect(page.get_by_role("heading", name="No date")).to_be_in_viewport()
    box = scrubber.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] - 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 1)
    page.mouse.up()
    expect(page.get_by_role("heading", name=found[0][0])).to_be_in_viewport()


def test_hits_by_date(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, "/?q=animal&all=1")
    settled(page)
    page.get_by_test_id("sort").select_option("-date")
    found = server.post("/search", {"words": "animal", "k": 1000})["hits"]
    dated = [one for one in found if one.get("taken_at") or one.get("taken_guess")]
    wanted = sorted(dated, key=lambda one: one.get("taken_at") or one["taken_guess"], reverse=True)
    wait_for(lambda: (ids := shown_ids(grid(page))) and ids == [one["id"] for one in wanted][: len(ids)], "the order")
    expect(page.get_by_role("heading", name=months(server)[0][0])).to_be_visible()


def test_a_range_is_dragged(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server)
    settled(page)
    open_facet(page, "date")
    spread = server.get("/histogram", field="date", bins=40)
    bars = page.locator(".histogram-bars")
    bars.wait_for()
    box = bars.bounding_box()
    assert box
    width = box["width"] / len(spread["counts"])
    page.mouse.move(box["x"] + 2.5 * width, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + 4.5 * width, box["y"] + 30, steps=4)
    page.mouse.up()
    summary_says(page, sum(spread["counts"][2:5]))
    low, high = spread["edges"][2], spread["edges"][5]
    assert f"taken_at >= {low}" in filter_of(page) and f"taken_guess < {high}" in filter_of(page)
    assert set(shown_ids(grid(page))) <= set(server.ids(filter_of(page)))
    page.get_by_role("button", name="Reset").click()
    summary_says(page, 185)


def test_a_range_by_keys(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server)
    settled(page)
    open_facet(page, "sharpness")
    spread = server.get("/histogram", field="blur", bins=40)
    low = page.get_by_role("slider", name="Sharpness from")
    low.press("ArrowRight")
    low.press("ArrowRight")
    summary_says(page, sum(spread["counts"][:-2]))
    expect(low).to_be_focused()
    high = page.get_by_role("slider", name="Sharpness up to")
    high.press("ArrowLeft")
    summary_says(page, sum(spread["counts"][1:-2]))
    expect(high).to_have_attribute("aria-valuetext", f"{round(100 * (1 - spread['edges'][1]))} %")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("facet-sharpness")).to_be_visible()  # what is in use stands in the bar


def test_how_well_hits_fit_is_a_range_too(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, "/?q=animal&all=1")
    settled(page)
    open_facet(page, "fit")
    page.get_by_role("slider", name="Fit from").press("PageUp")
    wait_for(lambda: "min_score" in page.url, "the bound in the address")
    least = float(parse_qs(urlsplit(page.url).query)["min_score"][0])
    hits = server.post("/search", {"words": "animal", "k": 1000, "min_score": least})["hits"]
    assert 0 < len(hits) < 185
    expect(grid(page).get_by_role("listitem").first).to_have_attribute("aria-setsize", str(min(100, len(hits))))


def test_counts_are_those_under_the_other_filters(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, "/?filter=tags%20%3D%20%22Lake%20Garda%22")
    settled(page)
    summary_says(page, 5)
    open_facet(page, "cluster")
    for row in server.get("/facets", filter='tags = "Lake Garda"')["cluster"]:
        name = row.get("name") or "Without a group"
        expect(page.get_by_role("checkbox", name=f"{name} {row['count']}")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Clear all").click()
    lonely = server.ids(sort="uri")[-1]
    page = open_page(server, f"/?filter=id%20%3D%20%22{lonely}%22")
    open_facet(page, "tags")
    expect(page.get_by_text("None of the pictures that pass the other filters has one.")).to_be_visible()


def test_what_cannot_narrow_is_not_shown(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server)
    page.locator(".filter-bar[aria-busy=false]").wait_for()
    shown = page.get_by_role("group", name="Filters").locator("[data-testid^=facet-]")
    expect(shown).to_have_count(5)
    expect(shown.last).to_have_text("More")
    page.get_by_test_id("facet-more").click()
    for name in ("size", "sharpness", "expression"):
        expect(page.get_by_test_id(f"facet-{name}")).to_be_visible()
    for name in ("camera", "class"):  # of which nothing is known here
        expect(page.get_by_test_id(f"facet-{name}")).to_have_count(0)


def test_folders_as_a_tree(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server)
    settled(page)
    open_facet(page, "folder")
    (top,) = server.get("/facets/folders")["folders"]
    inner = server.get("/facets/folders", under=top["path"])["folders"]
    for row in inner:
        expect(page.get_by_role("checkbox", name=re.compile(f"^{row['name']} {row['count']}$"))).to_be_visible()
    for row in inner[:2]:
        page.get_by_role("checkbox", name=re.compile(f"^{row['name']} ")).check()
    summary_says(page, sum(row["count"] for row in inner[:2]))
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("facet-folder")).to_have_text(f"{inner[0]['name']}, {inner[1]['name']}")
    page.reload()
    open_facet(page, "folder")
    expect(page.get_by_role("checkbox", name=re.compile(f"^{inner[1]['name']} "))).to_be_checked()


def test_tags_of_a_selection(server: Server, open_page: Callable[..., Page]) -> None:
    ids = server.ids(sort="uri")[3:7]
    page = open_page(server, "/?sort=uri")
    settled(page)
    for index in (3, 6):
        page.keyboard.down("Shift")
        grid(page).locator(f"[data-index='{index}'] .tile-link").click()
        page.keyboard.up("Shift")
    page.get_by_test_id("tag").click()
    dialog = page.get_by_role("dialog", name="Tag 4 pictures")
    first = dialog.get_by_role("checkbox", name=re.compile("^sumer"))
    expect(first).to_have_js_property("indeterminate", True)
    first.click()  # on all of them
    expect(first).to_be_checked()
    other = dialog.get_by_role("checkbox", name=re.compile("^summer"))
    other.click()
    other.click()  # on none
    expect(other).not_to_be_checked()
    dialog.get_by_label("Add tags").fill("gar")
    dialog.get_by_role("button", name="Lake Garda").click()
    expect(dialog.get_by_label("Add tags")).to_be_focused()
    page.keyboard.press("Enter")
    message(page, "4 pictures changed")
    assert [sorted(server.get(f"/images/{id}")["tags"]) for id in ids] == [["Lake Garda", "sumer"]] * 4


def test_a_tag_is_renamed_merged_and_removed(
    serve: Callable[..., Server], dated: Path, open_page: Callable[..., Page]
) -> None:
    server = serve(dated)
    page = open_page(server, "/?filter=tags%20%3D%20%22sumer%22")
    settled(page)
    summary_says(page, 6)
    open_facet(page, "tags")
    page.get_by_role("button", name="Rename, merge or remove tags").click()
    page.get_by_role("button", name="Rename sumer").click()
    page.get_by_label("New name").fill("summer")
    page.keyboard.press("Enter")
    page.get_by_role("dialog", name="Merge “sumer” into “summer”?").get_by_role("button", name="Merge").click()
    message(page, "“sumer” is now “summer” on 6 pictures")
    expect(page.get_by_role("button", name="Rename sumer")).to_have_count(0)
    wait_for(lambda: filter_of(page) == 'tags = "summer"', "the filter to follow")
    page.get_by_role("button", name="Rename Lake Garda").click()
    page.get_by_label("New name").fill("Garda")
    page.keyboard.press("Enter")
    message(page, "“Lake Garda” is now “Garda” on 5 pictures")
    page.get_by_role("button", name="Remove Garda").click()
    page.get_by_role("dialog", name="Remove the tag “Garda”?").get_by_role("button", name="Remove").click()
    message(page, "“Garda” was taken away from 5 pictures")
    wait_for(lambda: server.get("/tags")["tags"] == [{"value": "summer", "count": 12}], "one tag on all of them")
