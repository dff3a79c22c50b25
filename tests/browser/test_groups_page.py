"""Groups on the page: naming, merging, splitting, moving, taking back, and how many there should be."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browsing import Server, message, settled, visit, wait_for

expect = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed").expect

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page


@pytest.fixture(scope="module")
def server(serve: Callable[..., Server], grouped_index: Path) -> Server:
    return serve(grouped_index)


def groups(server: Server) -> list[dict[str, Any]]:
    """The largest first, as on the page."""
    return sorted(server.get("/clusters")["clusters"], key=lambda group: -group["size"])


def group(server: Server, label: int) -> dict[str, Any]:
    return next(one for one in groups(server) if one["label"] == label)


def cover(page: Page, label: int) -> Locator:
    return page.get_by_test_id("group").and_(page.locator(f'[data-label="{label}"]'))


def choose(page: Page, group: dict[str, Any]) -> None:
    """Pick a group in the dialog that asks for one, by the keys alone. Names of others may hold its name."""
    page.get_by_label("Find a group").fill(group["name"])
    wanted = page.get_by_role("option").and_(page.locator(f'[id$="-{group["label"]}"]'))
    expect(wanted).to_be_visible()
    for _ in range(page.get_by_role("option").count()):
        if wanted.get_attribute("aria-selected") == "true":
            break
        page.keyboard.press("ArrowDown")
    expect(wanted).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")


def test_all_groups_are_shown(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, "/groups")
    there = groups(server)
    expect(page.get_by_test_id("group")).to_have_count(len(there))
    settled(page)
    for one in there:
        expect(cover(page, one["label"])).to_contain_text(one["name"])
        expect(cover(page, one["label"])).to_contain_text(f"{one['size']} picture")


def test_a_name_is_changed_and_taken_back(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, "/groups")
    first = groups(server)[0]
    cover(page, first["label"]).get_by_label(f"Rename {first['name']}").click()
    field = page.get_by_label(f"New name of {first['name']}")
    expect(field).to_be_focused()
    field.fill("Best of all")
    page.keyboard.press("Enter")
    expect(cover(page, first["label"])).to_contain_text("Best of all")
    message(page, "is now called “Best of all”")  # the name is shown before the server has answered
    assert group(server, first["label"])["name"] == "Best of all"
    page.get_by_test_id("undo").click()
    expect(cover(page, first["label"])).to_contain_text(first["name"])
    assert group(server, first["label"])["name"] == first["name"]


def test_a_rename_or_lock_is_not_read_twice_nor_are_the_images(server: Server, open_page: Callable[..., Page]) -> None:
    first = groups(server)[0]
    page = open_page(server, f"/groups/{first['label']}")
    settled(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(f"{request.method} {request.url.partition('/v1')[2]}"))
    page.get_by_role("heading", level=1).locator("xpath=..").get_by_role("button", name="Rename").click()
    page.get_by_label(f"New name of {first['name']}").fill("Read once")
    page.keyboard.press("Enter")
    message(page, "is now called “Read once”")
    page.get_by_role("button", name="Lock", exact=True).click()
    message(page, "keeps its pictures")
    with page.expect_request("**/v1/index"):  # events come in order: by then those of the corrections have come
        server.post("/images/tags", {"ids": [first["medoid"]], "add": ["seen"]})
    corrections = ["PATCH /clusters/{label}", "GET /clusters"] * 2
    assert asked[:4] == [text.format(label=first["label"]) for text in corrections], asked
    assert {*asked[4:]} <= {"GET /index", "GET /clusters"} and asked.count("GET /clusters") <= 3, asked
    for _ in range(2):
        server.post("/clusters/undo", {})


def test_corrections_outlive_a_restart(server: Server, open_page: Callable[..., Page]) -> None:
    """Rename, merge, split and move, one after the other, then end the server and start it again."""
    page = open_page(server, "/groups")
    settled(page)
    before = groups(server)
    a, b, c, d = before[:4]
    for one in (a, b):
        cover(page, one["label"]).hover()
        cover(page, one["label"]).get_by_role("checkbox").check()
    page.get_by_test_id("selection-bar").get_by_role("button", name="Merge…").click()
    page.get_by_role("button", name=f"Merge into “{a['name']}”").click()
    expect(page.get_by_test_id("group")).to_have_count(len(before) - 1)
    merged = group(server, a["label"])
    assert merged["size"] == a["size"] + b["size"]

    cover(page, c["label"]).get_by_role("button", name=f"More for {c['name']}").click()
    page.get_by_role("button", name="Split…").click()
    page.get_by_test_id("split").get_by_label("Into how many parts?").fill("2")
    page.get_by_role("button", name="Split", exact=True).click()
    expect(page.get_by_test_id("parts").get_by_role("link")).to_have_count(2)
    page.get_by_role("button", name="Done").click()
    expect(page.get_by_test_id("group")).to_have_count(len(before))

    visit(page, server, f"/groups/{a['label']}")
    settled(page)
    tile = page.get_by_test_id("grid").locator("[data-index='2']")
    moved = tile.get_attribute("data-id")
    tile.hover()
    tile.locator(".tile-check").click()
    expect(tile.get_by_role("checkbox")).to_be_checked()
    page.get_by_role("button", name="Move to group").click()
    choose(page, d)
    message(page, "1 picture moved")
    assert server.get(f"/images/{moved}")["cluster"] == d["label"]

    page.get_by_role("heading", level=1).locator("xpath=..").get_by_role("button", name="Rename").click()
    page.get_by_label(f"New name of {a['name']}").fill("Put together by hand")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "Put together by hand"
    )  # at once, before the server has it
    wait_for(lambda: group(server, a["label"])["name"] == "Put together by hand", "the new name to be stored")

    def state() -> list[tuple[Any, ...]]:
        return [(one["label"], one["name"], one["size"]) for one in groups(server)]

    left = state()
    page.close()  # it would rightly complain that its server is gone
    server.restart()
    assert state() == left
    again = open_page(server, "/groups")
    expect(again.get_by_test_id("group")).to_have_count(len(left))
    for label, name, size in left:
        expect(cover(again, label)).to_contain_text(name)
        expect(cover(again, label)).to_contain_text(f"{size} picture")
    assert server.get(f"/images/{moved}")["cluster"] == d["label"]
    for _ in range(4):  # rename, move, split, merge: all taken back after the restart
        done = server.get("/clusters")["run"]
        again.get_by_test_id("undo").click()
        wait_for(lambda done=done: server.get("/clusters")["run"] != done, "a change to be taken back")  # type: ignore[misc]
    expect(again.get_by_test_id("group")).to_have_count(len(before))
    expect(cover(again, b["label"])).to_contain_text(b["name"])
    assert state() == [(one["label"], one["name"], one["size"]) for one in before]


def test_pictures_are_dragged_onto_a_group(server: Server, open_page: Callable[..., Page]) -> None:
    first, second = groups(server)[:2]
    page = open_page(server, f"/groups/{first['label']}")
    settled(page)
    tile = page.get_by_test_id("grid").locator("[data-index='0']")
    id = tile.get_attribute("data-id")
    tile.drag_to(page.get_by_label("Groups").locator(f'[data-label="{second["label"]}"]'))
    moved = message(page, "1 picture moved")
    assert server.get(f"/images/{id}")["cluster"] == second["label"]
    moved.get_by_role("button", name="Undo").click()
    wait_for(lambda: server.get(f"/images/{id}")["cluster"] == first["label"], "the move to be taken back")


def test_how_many_groups(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, "/groups")
    page.get_by_role("link", name="How many groups?").click()
    page.get_by_label("Try 2 to").fill("12")
    page.get_by_role("button", name="Measure").click()
    elbow, silhouette = page.locator(".chart").first, page.locator(".chart").last
    expect(silhouette.locator(".chart-path")).to_be_visible()
    expect(elbow.locator(".chart-path")).to_be_visible()
    job = server.latest_job("choose-k")
    assert [one["n_clusters"] for one in job["result"]["scores"]] == list(range(2, 13))
    said = f"{job['result']['suggested']} groups fit your pictures best"
    expect(page.get_by_role("heading", name=said)).to_be_visible()
    silhouette.focus()
    for key, number in (("Home", 2), ("ArrowRight", 3), ("ArrowRight", 4)):
        page.keyboard.press(key)
        expect(page.get_by_test_id("choice").get_by_role("heading")).to_have_text(f"{number} groups")
    wait_for(lambda: re.search(r"[?&]k=4\b", page.evaluate("location.search")), "the number in the address")
    page.get_by_test_id("use-number").click()
    expect(page.get_by_test_id("group")).to_have_count(4)
    assert server.get("/clusters")["n_clusters"] == 4


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_groups_move_to_their_new_places(server: Server, open_page: Callable[..., Page], motion: str) -> None:
    """Only for those who want motion."""
    page = open_page(server, "/groups", reduced_motion=motion)
    expect(page.get_by_test_id("group")).to_have_count(len(groups(server)))
    settled(page)
    page.evaluate(
        """() => {
          const animate = Element.prototype.animate;
          window.moved = [];
          Element.prototype.animate = function (...how) {
            window.moved.push(this.dataset.label);
            return animate.apply(this, how);
          };
        }"""
    )
    labels = "all => all.map((one) => one.dataset.label)"
    before = page.get_by_test_id("group").evaluate_all(labels)
    page.get_by_label("Sort").select_option("Most varied first")
    after = [str(one["label"]) for one in sorted(groups(server), key=lambda group: group["tightness"])]
    wait_for(lambda: page.get_by_test_id("group").evaluate_all(labels) == after, "the other order")
    moved = sorted(label for label, was in zip(after, before, strict=True) if label != was)
    assert moved and sorted(page.evaluate("window.moved")) == (moved if motion == "no-preference" else [])
