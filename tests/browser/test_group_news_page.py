"""Groups on the page: what came since, who is in doubt, new groups of chosen pictures, names at once, families."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browsing import Server, message, settled, visit, wait_for
from PIL import Image, ImageDraw

expect = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed").expect

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures like none of the photos: pages of writing, and noise."""
    folder = tmp_path_factory.mktemp("later")
    for number in range(7):
        written = Image.new("RGB", (400, 560), "white")
        for line in range(20, 540, 14):
            ImageDraw.Draw(written).text((20, line), f"{number} about the lines of a page " * 2, fill="black")
        written.save(folder / f"page-{number}.png")
        Image.effect_noise((400, 560), 90 + number).save(folder / f"noise-{number}.png")
    return folder


@pytest.fixture(scope="module")
def server(serve: Callable[..., Server], grouped_index: Path) -> Server:
    return serve(grouped_index)


@pytest.fixture(scope="module")
def grown(serve: Callable[..., Server], grouped_index: Path, later: Path) -> Server:
    """With pictures that came after the groups were made: so many that none is so wide that it takes them in."""
    server = serve(grouped_index)
    server.run_job("cluster", n_clusters=30, method="kmeans")
    server.run_job("index", sources=[str(later)])
    return server


def groups(server: Server) -> list[dict[str, Any]]:
    return sorted(server.get("/clusters")["clusters"], key=lambda group: -group["size"])


def undo_all(server: Server, run: str) -> None:
    while server.get("/clusters")["run"] != run:
        server.post("/clusters/undo", {})


def test_what_is_new_is_said_and_accepted(grown: Server, open_page: Callable[..., Page]) -> None:
    before, news = grown.get("/clusters"), grown.get("/clusters/news")
    assert news["came"] == 14 and news["clusters"], news
    new, sorted_in = len(news["clusters"]), sum(c["size"] for c in news["clusters"])
    page = open_page(grown, "/groups")
    card = page.get_by_role("region", name="What is new")
    expect(card).to_contain_text("14 new pictures")
    expect(card).to_contain_text(f"{sorted_in} look like {new} new group")
    expect(card.get_by_role("listitem")).to_have_count(new)
    card.get_by_role("button", name=f"Make {new} group").click()
    told = message(page, f"{new} new group")
    assert grown.latest_job("take-in")["state"] == "done"
    expect(page.get_by_test_id("group")).to_have_count(len(before["clusters"]) + new)
    expect(page.get_by_role("region", name="What is new")).to_have_count(0)
    assert grown.get("/clusters")["since"]["came"] == 0
    told.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("region", name="What is new")).to_contain_text(f"{sorted_in} look like {new} new group")
    expect(page.get_by_test_id("group")).to_have_count(len(before["clusters"]))
    assert grown.get("/clusters")["since"] == before["since"]


def test_what_is_new_is_put_off_and_looked_at_closer(grown: Server, open_page: Callable[..., Page]) -> None:
    news, run = grown.get("/clusters/news"), grown.get("/clusters")["run"]
    page = open_page(grown, "/groups")
    page.get_by_role("region", name="What is new").get_by_role("button", name="Later").click()
    expect(page.get_by_test_id("since")).to_contain_text("14 new pictures since the groups were made")
    page.reload()
    expect(page.get_by_role("button", name="Show what is new")).to_be_visible()
    expect(page.get_by_role("region", name="What is new")).to_have_count(0)
    page.get_by_role("button", name="Show what is new").click()
    page.get_by_role("link", name="Look closer").click()
    shown = page.get_by_role("region", name="New groups").get_by_test_id("new-group")
    expect(shown).to_have_count(len(news["clusters"]))
    first = news["clusters"][0]
    expect(shown.first).to_contain_text(first["name"])
    expect(shown.first).to_contain_text(f"{first['size']} pictures")
    shown.first.get_by_role("checkbox").uncheck()
    left = len(news["clusters"]) - 1
    page.get_by_role("button", name=f"Make {left} group" if left else "Keep them there").click()
    expect(page.get_by_role("heading", name="Groups", level=1)).to_be_visible()
    names = {group["name"] for group in groups(grown)}
    assert first["name"] not in names and {c["name"] for c in news["clusters"][1:]} <= names
    undo_all(grown, run)


def test_those_in_doubt_are_answered_by_keys(server: Server, open_page: Callable[..., Page]) -> None:
    run, group = server.get("/clusters")["run"], groups(server)[0]
    doubts = server.get(f"/clusters/{group['label']}/borderline")["images"]
    page = open_page(server, f"/groups/{group['label']}")
    page.get_by_role("link", name="Do these belong?").focus()
    page.keyboard.press("Enter")
    picture = page.get_by_label("The picture in question")

    def in_question(number: int) -> None:
        expect(picture).to_have_attribute("data-id", doubts[number]["id"])

    def is_in(number: int, label: int) -> None:
        where = f"/images/{doubts[number]['id']}"
        wait_for(lambda: server.get(where)["cluster"] == label, f"image {number} to be in {label}")

    in_question(0)
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    page.keyboard.press("y")
    in_question(1)
    page.keyboard.press("n")
    in_question(2)
    is_in(1, doubts[1]["others"][0])
    page.keyboard.press("u")
    in_question(1)
    is_in(1, group["label"])
    page.keyboard.press("s")
    in_question(2)
    page.keyboard.press("w")
    page.get_by_label("Find a group").fill("Put by hand")
    expect(page.get_by_role("option", name="New group “Put by hand”")).to_be_visible()
    page.keyboard.press("Enter")
    in_question(3)
    wait_for(lambda: any(one["name"] == "Put by hand" for one in groups(server)), "the new group")
    made = next(one for one in groups(server) if one["name"] == "Put by hand")
    is_in(2, made["label"])
    left = [doubt["id"] for doubt in server.get(f"/clusters/{group['label']}/borderline", k=1000)["images"]]
    assert doubts[0]["id"] not in left and doubts[1]["id"] in left, "what was answered is in doubt no more"
    undo_all(server, run)


def test_a_group_is_made_of_a_selection(server: Server, open_page: Callable[..., Page]) -> None:
    run, first = server.get("/clusters")["run"], groups(server)[0]
    page = open_page(server, f"/groups/{first['label']}")
    settled(page)
    ids = []
    for index in (1, 2):
        tile = page.get_by_test_id("grid").locator(f"[data-index='{index}']")
        ids.append(tile.get_attribute("data-id"))
        tile.locator(".tile-link").focus()
        page.keyboard.press("Space")
        expect(tile.get_by_role("checkbox")).to_be_checked()
    bar = page.get_by_role("region", name="Selected pictures")
    expect(bar).to_contain_text("2 pictures selected")
    bar.get_by_role("button", name="Move to group").click()
    page.get_by_role("combobox", name="Find a group").fill("Two of them")
    page.get_by_role("option", name="New group “Two of them”").click()
    told = message(page, "2 pictures are now the group “Two of them”")
    made = next(one for one in groups(server) if one["name"] == "Two of them")
    assert {server.get(f"/images/{id}")["cluster"] for id in ids} == {made["label"]}
    expect(bar).to_have_count(0)
    told.get_by_role("button", name="Undo").click()
    wait_for(lambda: server.get("/clusters")["run"] == run, "the group to be taken back")


def test_a_name_is_shown_at_once_and_put_back_if_refused(server: Server, open_page: Callable[..., Page]) -> None:
    first, second = groups(server)[:2]
    run, grouped = server.get("/clusters")["run"], server.get("/clusters")["grouped"]
    page = open_page(server, f"/groups/{first['label']}", expected=[(400, "/v1/clusters/")])
    settled(page)
    held: list[Route] = []
    page.route("**/v1/clusters/*", lambda route: held.append(route))
    heading = page.get_by_role("heading", level=1)

    def name(text: str) -> None:
        heading.locator("xpath=..").get_by_role("button", name="Rename").click()
        page.get_by_label("New name of").fill(text)
        page.keyboard.press("Enter")
        expect(heading).to_have_text(text)
        wait_for(lambda: held, "the call")
        page.evaluate("1")  # the server has not been asked yet, and the name is there

    name("At once")
    assert next(one for one in groups(server) if one["label"] == first["label"])["name"] == first["name"]
    held.pop().continue_()
    message(page, "is now called “At once”")
    assert server.get("/clusters")["grouped"] == grouped, "a name changes nothing of when the groups were found"
    name(second["name"])
    held.pop().continue_()
    message(page, "is called")
    expect(heading).to_have_text("At once")
    undo_all(server, run)


def test_how_sure_a_name_is_is_told_until_a_person_names_it(server: Server, open_page: Callable[..., Page]) -> None:
    run = server.get("/clusters")["run"]
    group = next(one for one in groups(server) if one["sure"] is not None)
    page = open_page(server, f"/groups/{group['label']}")
    sure = page.get_by_text(f"({round(group['sure'] * 100)} %)", exact=True)
    expect(sure).to_have_attribute(
        "title", f"{round(group['sure'] * 100)} % of its pictures are nearer to this word than to any other"
    )
    server.client.patch(f"/clusters/{group['label']}", json={"name": "My own word"}).raise_for_status()
    expect(page.get_by_role("heading", level=1)).to_have_text("My own word")
    expect(sure).to_have_count(0)
    undo_all(server, run)


def test_similar_groups_are_combined_to_the_right(server: Server, open_page: Callable[..., Page]) -> None:
    count = len(groups(server))
    assert count > 3
    page = open_page(server, "/groups")
    slider = page.get_by_role("slider", name="Combine similar groups")

    def address() -> str:
        found: str = page.evaluate("location.search")
        return found

    expect(slider).to_have_value("0")
    slider.focus()
    page.keyboard.press("End")
    wait_for(lambda: "families=2" in address(), "two families in the address")
    assert slider.get_attribute("aria-valuetext") == "2 families"
    expect(page.get_by_test_id("group")).to_have_count(count)
    headings = page.locator(".families > section > h2")
    expect(headings).to_have_count(2)
    page.keyboard.press("ArrowLeft")
    wait_for(lambda: "families=3" in address(), "three families in the address")
    alone = sum(len(level) == 1 for level in server.get("/clusters/levels", n=3)["levels"])
    expect(headings).to_have_count(3 - alone + (alone > 0))
    page.keyboard.press("Home")
    wait_for(lambda: "families" not in address(), "no families in the address")
    expect(headings).to_have_count(0)
    visit(page, server, "/groups?families=2")
    expect(page.get_by_role("slider", name="Combine similar groups")).to_have_value(str(count - 2))
