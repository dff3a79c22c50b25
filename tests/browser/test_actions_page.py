"""What can be done with chosen pictures: favourites, ratings, tags, albums, files, the trash, and the way back."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browsing import SAMPLES, Server, settled, shown_ids, wait_for

from imagefinder import ImageFinder

expect = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed").expect

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

N = 24  # pictures of a folder of the test's own


@pytest.fixture(scope="module")
def server(serve: Callable[..., Server], grouped_index: Path) -> Server:
    return serve(grouped_index)


@pytest.fixture(scope="module")
def own(serve: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory) -> tuple[Server, Path]:
    """A server of copies of the sample images, whose files may be moved about."""
    home = tmp_path_factory.mktemp("own")
    pictures = home / "pictures"
    pictures.mkdir()
    for path in sorted(SAMPLES.rglob("*.jpg"))[:N]:
        (pictures / path.name).write_bytes(path.read_bytes())
    with ImageFinder.open(home / "index") as finder:
        finder.add(pictures)
    return serve(home / "index"), pictures


def grid(page: Page) -> Locator:
    return page.get_by_test_id("grid")


def bar(page: Page) -> Locator:
    return page.get_by_role("region", name="Selected pictures")


def choose(page: Page, n: int) -> list[str]:
    """Select the first pictures with the keyboard; their ids."""
    settled(page)
    ids = shown_ids(grid(page))[:n]
    grid(page).locator(".tile-link").first.focus()
    for i in range(n):
        page.keyboard.press("Space")
        if i < n - 1:
            page.keyboard.press("ArrowRight")
    expect(bar(page)).to_contain_text(f"{n} picture")
    return ids


def more(page: Page, name: str) -> None:
    bar(page).get_by_role("button", name="More").click()
    page.get_by_role("button", name=name).click()


def record(server: Server, id: str) -> dict[str, Any]:
    found: dict[str, Any] = server.get(f"/images/{id}")
    return found


def undo(page: Page, told: str) -> None:
    """Take back what a message tells, once it is there."""
    page.get_by_test_id("toast").filter(has_text=told).get_by_role("button", name="Undo").click()
    expect(page.get_by_test_id("toast").last).to_contain_text("Undone")


def test_f_makes_a_favourite_and_undo_takes_it_back(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server)
    settled(page)
    (id, *_) = shown_ids(grid(page))
    grid(page).locator(".tile-link").first.focus()
    page.keyboard.press("f")
    expect(grid(page).get_by_role("img", name="Favourite")).to_have_count(1)
    expect(page.get_by_test_id("toast")).to_contain_text("1 picture added to the favourites")
    wait_for(lambda: record(server, id).get("favorite"), "the mark")
    undo(page, "1 picture added to the favourites")
    assert "favorite" not in record(server, id)
    expect(grid(page).get_by_role("img", name="Favourite")).to_have_count(0)


def test_stars_are_given_by_keys_and_kept_apart_from_likes(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server)
    settled(page)
    (id, *_) = shown_ids(grid(page))
    grid(page).locator(".tile-link").first.focus()
    page.keyboard.press("4")
    wait_for(lambda: record(server, id).get("rating") == 4, "the rating")
    expect(grid(page).get_by_role("img", name="4 stars")).to_have_count(1)
    page.keyboard.press("Enter")
    viewer = page.get_by_test_id("viewer")
    expect(viewer.get_by_role("button", name="4 stars")).to_have_attribute("aria-pressed", "true")
    viewer.get_by_role("button", name="4 stars").click()
    wait_for(lambda: "rating" not in record(server, id), "the rating to go")


def test_ctrl_a_selects_all_and_escape_none(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server)
    settled(page)
    page.keyboard.press("Control+a")
    expect(bar(page)).to_contain_text("185 pictures")
    page.keyboard.press("Escape")
    expect(bar(page)).to_have_count(0)


def test_a_long_press_selects_by_pointer_events_alone(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server)
    settled(page)
    first = grid(page).locator(".tile-link").first
    how = {"pointerType": "touch", "isPrimary": True, "clientX": 50, "clientY": 50, "bubbles": True}
    first.dispatch_event("pointerdown", how)
    expect(bar(page)).to_contain_text("1 picture")
    first.dispatch_event("pointerup", how)
    first.dispatch_event("click")  # what ends the press opens nothing
    expect(page.get_by_test_id("viewer")).to_have_count(0)
    expect(bar(page)).to_contain_text("1 picture")


def test_an_album_is_made_shown_in_its_order_renamed_and_deleted(
    server: Server, open_page: Callable[..., Page]
) -> None:
    page = open_page(server)
    ids = choose(page, 3)
    bar(page).get_by_role("button", name="Album").click()
    page.get_by_role("combobox", name="Find an album, or name a new one").fill("Summer")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("toast")).to_contain_text("3 pictures put into “Summer”")
    page.get_by_role("button", name="Albums", exact=True).click()
    page.get_by_role("link", name="Summer").click()
    expect(page.get_by_test_id("summary")).to_have_text("3 pictures")
    settled(page)
    assert shown_ids(grid(page)) == ids
    page.get_by_role("button", name="Rename", exact=True).click()
    page.get_by_label("Name of the album").fill("Lake")
    page.keyboard.press("Enter")
    wait_for(lambda: [a["name"] for a in server.get("/albums")["albums"]] == ["Lake"], "the new name")
    page.get_by_role("button", name="Delete the album").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete the album").click()
    wait_for(lambda: not server.get("/albums")["albums"], "the album to go")
    undo(page, "The album “Lake” is deleted")
    assert [(a["name"], a["images"]) for a in server.get("/albums")["albums"]] == [("Lake", 3)]


def test_the_history_tells_what_was_done_and_takes_it_back(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server)
    ids = choose(page, 2)
    bar(page).get_by_role("button", name="Tag").click()
    page.get_by_role("textbox", name="Add tags").fill("history")
    page.keyboard.press("Enter")
    wait_for(lambda: all("history" in record(server, id).get("tags", []) for id in ids), "the tags")
    page.get_by_role("button", name="History").click()
    newest = page.get_by_test_id("history").get_by_role("listitem").first
    expect(newest).to_contain_text("Tags of 2 pictures changed: +history")
    newest.get_by_role("button").click()
    wait_for(lambda: not any("history" in record(server, id).get("tags", []) for id in ids), "the tags to go")
    expect(page.get_by_test_id("history").get_by_role("listitem").first).to_contain_text("A change was undone")


def test_originals_come_as_a_zip(server: Server, open_page: Callable[..., Page], tmp_path: Path) -> None:
    page = open_page(server)
    ids = choose(page, 3)
    with page.expect_download() as download:
        bar(page).get_by_role("button", name="Download").click()
    download.value.save_as(tmp_path / "images.zip")
    with zipfile.ZipFile(tmp_path / "images.zip") as archive:
        assert archive.testzip() is None
        paths = [Path(record(server, id)["uri"]) for id in ids]
        assert {archive.read(one) for one in archive.namelist()} == {path.read_bytes() for path in paths}


def test_a_table_of_the_chosen_asks_for_these_alone(
    server: Server, open_page: Callable[..., Page], tmp_path: Path
) -> None:
    page = open_page(server)
    ids = choose(page, 3)
    asked: list[Any] = []
    page.on("request", lambda one: asked.append(one.post_data_json) if one.url.endswith("/images/columns") else None)
    with page.expect_download() as download:
        more(page, "Export as a table (CSV)")
    download.value.save_as(tmp_path / "images.csv")
    with (tmp_path / "images.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [one["ids"] for one in asked] == [ids]
    assert [(row["id"], row["uri"]) for row in rows] == [(id, record(server, id)["uri"]) for id in ids]
    assert all(int(row["width"]) == record(server, row["id"])["width"] for row in rows)


def test_pictures_go_to_the_trash_and_come_back(own: tuple[Server, Path], open_page: Callable[..., Page]) -> None:
    server, _ = own
    page = open_page(server)
    ids = choose(page, 2)
    paths = [Path(record(server, id)["uri"]) for id in ids]
    more(page, "Move to the trash …")
    page.get_by_role("dialog").get_by_role("button", name="Move to the trash").click()
    expect(page.get_by_test_id("toast")).to_contain_text("2 files moved to the trash")
    expect(page.get_by_test_id("summary")).to_have_text(f"{N - 2} pictures")
    assert not any(path.exists() for path in paths)
    undo(page, "2 files moved to the trash")
    expect(page.get_by_test_id("summary")).to_have_text(f"{N} pictures")
    assert all(path.exists() for path in paths)


def test_files_are_moved_to_a_folder_and_back(
    own: tuple[Server, Path], open_page: Callable[..., Page], tmp_path: Path
) -> None:
    server, _ = own
    page = open_page(server)
    (id,) = choose(page, 1)
    path = Path(record(server, id)["uri"])
    more(page, "Move to a folder …")
    page.get_by_label("Path of a folder").fill(str(tmp_path))
    page.keyboard.press("Enter")
    expect(page.get_by_label("Path of a folder")).to_have_value(str(tmp_path))
    page.get_by_role("button", name="Move here").click()
    expect(page.get_by_test_id("toast").last).to_contain_text(f"1 file moved to {tmp_path}")
    assert (tmp_path / path.name).exists() and not path.exists()
    undo(page, "1 file moved to")
    assert path.exists() and record(server, id)["uri"] == str(path)


def test_taking_out_is_undone_too(own: tuple[Server, Path], open_page: Callable[..., Page]) -> None:
    server, _ = own
    page = open_page(server)
    choose(page, 1)
    more(page, "Take out of the library …")
    page.get_by_role("dialog").get_by_role("button", name="Take out").click()
    expect(page.get_by_test_id("summary")).to_have_text(f"{N - 1} pictures")
    told = page.get_by_test_id("toast").filter(has_text="1 picture taken out of the library")
    told.get_by_role("button", name="Undo").click()
    expect(page.get_by_test_id("summary")).to_have_text(f"{N} pictures")


def test_a_group_offers_the_same_and_moves_to_another(server: Server, open_page: Callable[..., Page]) -> None:
    groups = server.get("/clusters")["clusters"]
    page = open_page(server, f"/groups/{groups[0]['label']}")
    ids = choose(page, 1)
    for name in ("Favourite", "Tag", "Album", "Download", "More"):
        expect(bar(page).get_by_role("button", name=name)).to_be_visible()
    bar(page).get_by_role("button", name="Move to group").click()
    page.get_by_role("combobox", name="Find a group").fill(groups[1]["name"])
    page.keyboard.press("Enter")
    wait_for(lambda: record(server, ids[0])["cluster"] == groups[1]["label"], "the move")
    page.get_by_role("button", name="History").click()
    newest = page.get_by_test_id("history").get_by_role("listitem").first
    expect(newest).to_contain_text(f"Groups: move 1 to {groups[1]['name']}")
    newest.get_by_role("button").click()
    wait_for(lambda: record(server, ids[0])["cluster"] == groups[0]["label"], "the way back")
    expect(page.get_by_test_id("history").get_by_role("listitem").first).to_contain_text("A change was undone")


def test_the_focus_stays_in_the_grid_when_hits_change_places(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, "/?q=dog")
    settled(page)
    first = grid(page).locator(".tile-link").first
    first.focus()
    page.keyboard.press("d")
    expect(page.get_by_test_id("summary")).to_contain_text("ms")
    page.wait_for_url("**disliked=*")
    expect(page.locator(".stale")).to_have_count(0)
    wait_for(lambda: page.evaluate("document.activeElement.className.includes('tile-link')"), "the focus")


def test_a_dislike_is_undone_from_its_message(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, "/?q=dog")
    settled(page)
    before = shown_ids(grid(page))
    grid(page).locator(".tile-link").first.focus()
    page.keyboard.press("d")
    page.wait_for_url(f"**disliked={before[0]}*")
    told = page.get_by_test_id("toast").filter(has_text="Fewer like that one are shown")
    told.get_by_role("button", name="Undo").click()
    page.wait_for_url(lambda url: "disliked" not in url)
    wait_for(lambda: shown_ids(grid(page)) == before, "the former order")
