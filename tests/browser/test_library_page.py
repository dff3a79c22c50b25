"""Adding images on the page: the first use, what was left out and why, and work that is stopped."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browsing import SAMPLES, Server, message, settled, shown_ids, wait_for

expect = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed").expect

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page, Route


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with twelve pictures in two folders, a broken one and one that is none."""
    folder = tmp_path_factory.mktemp("home") / "Pictures"
    for i, path in enumerate(sorted(SAMPLES.rglob("*.jpg"))[::15][:12]):
        place = folder / ("trip" if i % 2 else "garden")
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)
    (folder / "broken.jpg").write_bytes(sorted(SAMPLES.rglob("*.jpg"))[0].read_bytes()[:2000])
    (folder / "words.png").write_text("this is no picture")
    return folder


@pytest.fixture(scope="module")
def server(serve: Callable[..., Server]) -> Server:
    return serve(IMAGEFINDER_ALLOW_PRIVATE_ADDRESSES="1")


class SlowWeb(ThreadingHTTPServer):
    """A web server that gives one picture at every address, each time with other bytes behind it. The first ``QUICK``
    come at once, the others when it is told to ``go_on``."""

    QUICK, ALL = 16, 48  # the others are more than are embedded at once: work that is stopped is not done with them
    picture = sorted(SAMPLES.rglob("*.jpg"))[0].read_bytes()
    daemon_threads = True

    def __init__(self) -> None:
        self.go_on = threading.Event()
        super().__init__(("127.0.0.1", 0), self.Answer)

    def address(self, number: int) -> str:
        return f"http://127.0.0.1:{self.server_port}/{number}.jpg"

    class Answer(BaseHTTPRequestHandler):
        server: SlowWeb

        def do_GET(self) -> None:
            number = self.path.strip("/").removesuffix(".jpg")
            if int(number) >= self.server.QUICK:
                self.server.go_on.wait()
            body = self.server.picture + number.encode()
            with suppress(ConnectionError):  # nobody waits for it any more
                self.send_response(200)
                self.send_header("content-type", "image/jpeg")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass


@pytest.fixture
def slow_web() -> Iterator[SlowWeb]:
    with SlowWeb() as web:
        thread = threading.Thread(target=web.serve_forever)
        thread.start()
        yield web
        web.go_on.set()
        web.shutdown()
        thread.join()


def listed(folder: Path, web: SlowWeb, n: int) -> Path:
    """A table of ``n`` pictures of the slow web."""
    table = folder / "many.csv"
    table.write_text("\n".join(["url", *(web.address(number) for number in range(n))]))
    return table


def test_first_use(server: Server, open_page: Callable[..., Page], photos: Path) -> None:
    page = open_page(server)
    expect(page.get_by_role("heading", name="Which pictures do you want to search?")).to_be_visible()
    page.get_by_test_id("add-folder").click()
    dialog = page.get_by_role("dialog", name="Choose a folder")
    dialog.get_by_label("Path of a folder").fill(str(photos.parent))
    dialog.get_by_role("button", name="Open").click()
    tree = dialog.get_by_label(f"Folders in {photos.parent}", exact=True)
    expect(tree).to_contain_text("14 pictures")
    tree.get_by_role("button", name="Pictures 14 pictures").click()
    expect(dialog.get_by_role("status")).to_have_text("14 pictures here, with the folders inside")
    tree.get_by_role("button", name="Folders inside Pictures").click()
    expect(dialog.get_by_label(f"Folders in {photos}")).to_contain_text("garden")
    dialog.get_by_test_id("choose-folder").click()
    expect(page.get_by_test_id("summary")).to_have_text("12 pictures")
    settled(page)
    assert sorted(shown_ids(page.get_by_test_id("grid"))) == sorted(server.ids())
    job = server.latest_job("index")
    assert (job["options"]["sources"], job["skipped"]) == ([str(photos)], 2)
    server.at_rest()
    assert server.get("/index")["clustered"]  # the first folder is put into groups


def test_what_is_typed_for_a_folder_stays(server: Server, open_page: Callable[..., Page], photos: Path) -> None:
    page = open_page(server, "/library?add=1", expected=[(404, "/v1/folders?path=%2Fno%2Fsuch")])
    held: list[Route] = []
    page.route("**/v1/folders*", lambda route: held.append(route))
    with page.expect_request("**/v1/folders*"):
        page.get_by_test_id("add-folder").click()
    field = page.get_by_label("Path of a folder")
    expect(field).not_to_be_editable()  # nothing typed now can mix with the path that is on its way
    held[0].continue_()
    page.unroute("**/v1/folders*")
    expect(field).to_be_editable()
    assert Path(field.input_value()).is_dir()
    field.fill("")
    expect(field).to_have_value("")
    field.press_sequentially("/no/such")
    field.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("alert")).to_contain_text("That folder doesn't exist: /no/such")
    expect(field).to_have_value("/no/such")  # to be corrected
    expect(dialog.get_by_role("button", name="Cancel")).to_be_visible()
    expect(dialog.get_by_test_id("choose-folder")).to_be_disabled()
    field.fill(str(photos))
    dialog.get_by_role("button", name="Open", exact=True).click()
    expect(page.get_by_label(f"Folders in {photos}")).to_contain_text("garden")
    expect(field).to_have_value(str(photos))


def test_what_was_left_out_and_why(server: Server, open_page: Callable[..., Page], photos: Path) -> None:
    page = open_page(server, "/library")
    expect(page.get_by_role("link", name=str(photos))).to_be_visible()
    page.get_by_role("tab", name="Activity").click()
    page.get_by_role("button", name="Details of Reading your pictures").first.click()
    skipped = page.get_by_test_id("skipped")
    expect(skipped).to_contain_text("2 pictures were left out")
    rows = skipped.get_by_role("list", name="Left out")
    rows.focus()  # without a pointer too, one gets to its end
    expect(rows).to_be_focused()
    told = server.get(f"/jobs/{server.latest_job('index')['id']}/skipped")["skipped"]
    assert {Path(one["uri"]).name for one in told} == {"broken.jpg", "words.png"}
    for one in told:
        line = skipped.get_by_role("listitem").filter(has_text=Path(one["uri"]).name)
        expect(line).to_contain_text(one["code"])
        expect(line).to_contain_text(one["reason"])
    with page.expect_download() as download:
        skipped.get_by_role("button", name="CSV").click()
    assert Path(download.value.path()).read_text("utf-8").count("\n") == 3


def test_files_are_added_and_found(server: Server, open_page: Callable[..., Page], photos: Path) -> None:
    new = sorted(SAMPLES.rglob("*.jpg"))[7]
    page = open_page(server, "/library")
    before = server.get("/index")["images"]
    page.get_by_role("button", name="Add pictures").click()
    page.get_by_test_id("files").set_input_files([new, photos / "words.png"])
    added = message(page, "1 picture added, 1 left out")
    assert server.get("/index")["images"] == before + 1
    added.get_by_role("button", name="Why?").click()
    left_out = page.get_by_role("dialog", name="Left out")
    expect(left_out).to_contain_text("words.png")
    page.keyboard.press("Escape")
    expect(left_out).to_have_count(0)
    page.get_by_role("navigation", name="Places").get_by_role("link", name="Search").click()
    expect(page.get_by_test_id("summary")).to_have_text(f"{before + 1} pictures")


def test_a_change_in_the_folder_is_taken_in(server: Server, open_page: Callable[..., Page], photos: Path) -> None:
    before = server.get("/index")["images"]
    page = open_page(server, "/library")
    expect(page.get_by_test_id("reindex")).to_be_enabled()
    shutil.copy(sorted(SAMPLES.rglob("*.jpg"))[11], photos / "late.jpg")
    page.get_by_test_id("reindex").click()
    message(page, "Reading your pictures: done")
    expect(page.get_by_label(f"{before + 1} pictures", exact=True)).to_be_visible()
    assert server.get("/index")["images"] == before + 1


def test_another_model_is_used(server: Server, open_page: Callable[..., Page]) -> None:
    server.run_job("model", name="fast")
    page = open_page(server, "/library?part=tools")
    models = page.get_by_test_id("models")
    expect(models.get_by_text("in use for pictures and words")).to_have_count(1)
    models.get_by_role("button", name="Search with efficientnet-lite0").click()
    expect(models.get_by_role("button", name="Search with efficientnet-lite2")).to_be_visible()
    assert server.get("/index")["model"] == "efficientnet-lite0"
    page.get_by_role("tab", name="Sources").click()
    page.get_by_text("Details", exact=True).click()
    expect(page.get_by_text("efficientnet-lite0", exact=True)).to_be_visible()


def test_work_can_be_stopped(server: Server, open_page: Callable[..., Page], slow_web: SlowWeb, tmp_path: Path) -> None:
    """However fast the machine, this work does not end by itself: its pictures are long in coming."""
    n = slow_web.ALL
    table = listed(tmp_path, slow_web, n)
    page = open_page(server, "/library")
    expect(page.get_by_test_id("reindex")).to_be_enabled()
    job = server.post("/jobs", {"kind": "index", "options": {"sources": [str(table)]}})
    inside = {"filter": f'source = "{table}"', "k": 1}
    wait_for(lambda: server.get("/images", **inside)["total"], "the first pictures to be in")
    with page.expect_response(lambda answer: answer.request.method == "DELETE"):
        page.locator("main").get_by_role("button", name="Cancel reading your pictures").click()
    slow_web.go_on.set()
    row = page.get_by_test_id("sources").get_by_role("listitem").filter(has_text=str(table))
    expect(row).to_contain_text("Stopped at ")
    stored = server.get("/images", **inside)["total"]
    assert server.get(f"/jobs/{job['id']}")["state"] == "cancelled"
    assert 0 < stored < n  # what is in stays, the rest was not looked at
    expect(row).to_contain_text(f"Stopped at {stored} of {n:,}.")
    page.get_by_role("tab", name="Activity").click()
    expect(page.locator("#jobs")).to_contain_text("Stopped")
    page.get_by_role("tab", name="Sources").click()

    with page.expect_request(lambda one: one.method == "POST" and one.url.endswith("/v1/jobs")) as asked:
        row.get_by_role("button", name="Go on reading").click()
    assert asked.value.post_data_json["options"] == {"sources": [str(table)], "cluster": True}  # groups, if none are
    expect(row).to_contain_text(f"{n:,} pictures, read")
    expect(row).not_to_contain_text("Stopped at")
    row.get_by_role("button", name="More for").click()
    row.get_by_role("button", name="Take out").click()
    page.get_by_role("dialog", name="Take this source out?").get_by_role(
        "button", name=f"Take {n:,} pictures out"
    ).click()
    expect(row).to_have_count(0)
    assert server.get("/images", **inside)["total"] == 0


def test_sources_are_shown_paused_moved_and_forgotten(
    serve: Callable[..., Server], open_page: Callable[..., Page], tmp_path: Path, photos: Path
) -> None:
    server, home = serve(), tmp_path / "home"
    shutil.copytree(photos / "trip", home / "trip")
    shutil.copytree(photos / "garden", home / "garden")
    server.run_job("index", sources=[str(home / "trip"), str(home / "garden")])
    trips = len(list((home / "trip").iterdir()))
    page = open_page(server, "/library")
    rows = page.get_by_test_id("sources").get_by_role("listitem")
    trip, garden = rows.filter(has_text="trip"), rows.filter(has_text="garden")
    expect(trip).to_contain_text(f"{trips} pictures, read")

    def choose(row: Locator, action: str) -> None:
        row.get_by_role("button", name="More for").click()
        row.get_by_role("dialog").get_by_role("button", name=action).click()

    choose(garden, "Pause")
    expect(garden).to_contain_text("It is left out of rescans")
    choose(garden, "Resume")
    expect(garden).not_to_contain_text("left out")

    (home / "trip").rename(home / "journey")
    page.get_by_test_id("reindex").click()
    expect(trip).to_contain_text("missing")
    expect(trip).to_contain_text("Its pictures stay")
    choose(trip, "Say where it is now")
    dialog = page.get_by_role("dialog", name="Where is this folder now?")
    dialog.get_by_label("Path of a folder").fill(str(home / "journey"))
    dialog.get_by_role("button", name="Open").click()
    expect(dialog.get_by_role("status")).to_have_text(f"{trips} pictures here")
    dialog.get_by_role("button", name="It is here now").click()
    journey = rows.filter(has_text="journey")
    expect(journey).to_contain_text(f"{trips} pictures, read")
    expect(trip).to_have_count(0)

    page.get_by_test_id("reindex").click()
    server.at_rest()
    (next(iter((home / "journey").iterdir()))).unlink()
    for path in (home / "garden").iterdir():
        path.unlink()
    expect(page.get_by_test_id("reindex")).to_be_enabled()
    page.get_by_test_id("reindex").click()
    expect(garden).to_contain_text("6 not there any more")
    choose(garden, "Take out what is gone")
    page.get_by_role("dialog", name="Take out what is gone?").get_by_role("button", name="Take them out").click()
    expect(garden).to_contain_text("0 pictures, read")
    expect(garden).not_to_contain_text("not there")
    choose(garden, "Take out…")
    page.get_by_role("dialog", name="Take this source out?").get_by_test_id("forget-remove").click()
    expect(garden).to_have_count(0)
    choose(journey, "Take out…")
    page.get_by_role("dialog", name="Take this source out?").get_by_test_id("forget-keep").click()
    expect(page.get_by_text("None yet. Add some pictures.")).to_be_visible()
    assert len(server.ids()) == trips - 1


def test_pictures_appear_and_are_found_while_more_are_read(
    serve: Callable[..., Server], open_page: Callable[..., Page], slow_web: SlowWeb, tmp_path: Path
) -> None:
    """In the tab that began it, which is neither left nor loaded again."""
    server = serve(IMAGEFINDER_ALLOW_PRIVATE_ADDRESSES="1")
    page = open_page(server)
    expect(page.get_by_role("heading", name="Which pictures do you want to search?")).to_be_visible()
    table = listed(tmp_path, slow_web, slow_web.ALL)
    job = server.post("/jobs", {"kind": "index", "options": {"sources": [str(table)], "cluster": True}})
    grid = page.get_by_test_id("grid")
    expect(grid.locator("img[data-state=loaded]").first).to_be_visible()
    growing = page.get_by_role("complementary", name="Pictures are still coming in")
    expect(growing.get_by_role("progressbar", name="Reading your pictures")).to_be_visible()
    box = page.get_by_label("Search in words or by a URL")
    box.fill("animal")
    box.press("Enter")
    expect(page.get_by_test_id("summary")).to_contain_text(" ms")
    assert server.get(f"/jobs/{job['id']}")["state"] == "running"
    expect(growing).to_be_visible()
    slow_web.go_on.set()
    server.job_done(job["id"])
    expect(growing).to_have_count(0)
    assert server.get("/index")["clustered"]


def test_a_source_is_renamed_and_pausing_stops_what_reads_it(
    serve: Callable[..., Server], open_page: Callable[..., Page], slow_web: SlowWeb, tmp_path: Path
) -> None:
    server = serve(IMAGEFINDER_ALLOW_PRIVATE_ADDRESSES="1")
    table = listed(tmp_path, slow_web, slow_web.ALL)
    job = server.post("/jobs", {"kind": "index", "options": {"sources": [str(table)]}})
    wait_for(lambda: server.get("/images", k=1)["total"], "the first pictures to be in")
    page = open_page(server, "/library")
    row = page.get_by_test_id("sources").get_by_role("listitem")
    row.get_by_role("button", name="More for").click()
    row.get_by_role("button", name="Rename…", exact=True).click()
    dialog = page.get_by_role("dialog", name="Rename this source")
    dialog.get_by_label("Name").fill("Summer 2024")
    dialog.get_by_role("button", name="Save").click()
    expect(row.get_by_role("link", name="Summer 2024")).to_be_visible()
    expect(row).to_contain_text(str(table))

    row.get_by_role("button", name="More for Summer 2024").click()
    with page.expect_response(lambda answer: answer.request.method == "DELETE"):
        row.get_by_role("button", name="Pause", exact=True).click()
    slow_web.go_on.set()
    wait_for(lambda: server.get(f"/jobs/{job['id']}")["state"] == "cancelled", "it to stop")
    stored = server.get("/index")["images"]
    expect(row).to_contain_text(f"Paused at {stored} of {slow_web.ALL}.")
    row.get_by_role("button", name="More for Summer 2024").click()
    row.get_by_role("button", name="Resume", exact=True).click()
    expect(row).to_contain_text(f"{slow_web.ALL} pictures, read")
    expect(row.get_by_role("link", name="Summer 2024")).to_be_visible()


def test_what_failed_is_in_sight_until_it_was_seen(
    serve: Callable[..., Server], open_page: Callable[..., Page], photos: Path, tmp_path: Path
) -> None:
    server = serve()
    server.run_job("index", sources=[str(photos)])
    (tmp_path / "usb").mkdir()
    page = open_page(server, "/library")
    expect(page.get_by_role("tab", name="Sources")).to_have_attribute("aria-selected", "true")
    failed = server.post("/jobs", {"kind": "index", "options": {"sources": [str(tmp_path / "usb" / "gone")]}})
    page.get_by_role("button", name="1 task failed").click()
    expect(page.get_by_role("dialog", name="1 task failed")).to_contain_text("Reading your pictures: ")
    page.keyboard.press("Escape")
    attention = page.get_by_role("region", name="Needs your attention")
    expect(attention).to_contain_text(server.get(f"/jobs/{failed['id']}")["error"]["message"])
    (tmp_path / "usb" / "gone").mkdir()
    shutil.copy(next((photos / "trip").iterdir()), tmp_path / "usb" / "gone")
    attention.get_by_role("button", name="Try again: Reading your pictures").click()
    message(page, "Reading your pictures: done")
    expect(attention).to_have_count(0)
    expect(page.get_by_role("button", name="Nothing is running")).to_be_visible()


def test_the_parts_of_the_library_by_keys_and_address(
    serve: Callable[..., Server], open_page: Callable[..., Page], grouped_index: Path
) -> None:
    page = open_page(serve(grouped_index), "/library")
    tabs = page.get_by_role("tablist", name="Parts of the library").get_by_role("tab")
    expect(tabs).to_have_text(["Sources", "Tools", "Activity"])
    tabs.first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Tools")).to_be_focused()
    expect(page.get_by_role("tabpanel", name="Tools").get_by_role("heading", name="Organise")).to_be_visible()
    page.keyboard.press("End")
    expect(page.get_by_role("tabpanel", name="Activity").get_by_role("heading", name="What has run")).to_be_visible()
    assert page.url.endswith("/library?part=activity")
    page.keyboard.press("Home")
    add = page.get_by_role("button", name="Add pictures")
    expect(add).to_have_attribute("aria-expanded", "false")
    add.press("Enter")
    expect(page.get_by_role("button", name="Choose a folder…")).to_be_visible()
    expect(add).to_be_focused()


def test_folders_are_offered_and_counted_truly(
    serve: Callable[..., Server], open_page: Callable[..., Page], photos: Path
) -> None:
    server = serve(HOME=str(photos.parent))
    page = open_page(server)
    page.get_by_test_id("add-folder").click()
    dialog = page.get_by_role("dialog", name="Choose a folder")
    dialog.get_by_role("list", name="Shortcuts").get_by_role("button", name="Pictures").click()
    expect(dialog.get_by_label("Path of a folder")).to_have_value(str(photos))
    expect(dialog.get_by_role("status")).to_contain_text("pictures here, with the folders inside")
    dialog.get_by_role("button", name="garden").last.click()
    expect(dialog.get_by_label("Path of a folder")).to_have_value(str(photos / "garden"))
    expect(dialog.get_by_role("status")).to_contain_text(f"{len(list((photos / 'garden').iterdir()))} pictures here")
    dialog.get_by_role("button", name="Up one folder").click()
    expect(dialog.get_by_label("Path of a folder")).to_have_value(str(photos.parent))
    expect(dialog.get_by_role("status")).to_contain_text("No pictures directly here; ")


def test_every_place_of_an_empty_library_leads_to_adding(
    serve: Callable[..., Server], open_page: Callable[..., Page]
) -> None:
    server = serve()
    for path in ("/groups", "/map", "/duplicates"):
        page = open_page(server, path)
        expect(page.get_by_role("heading", name="There are no pictures yet")).to_be_visible()
        expect(page.get_by_role("combobox")).to_have_attribute("placeholder", "Search in words, or drop a picture")
        page.get_by_role("link", name="Add pictures").click()
        expect(page.get_by_test_id("add-folder")).to_be_visible()


def test_the_first_page_of_all_is_read_in_ones_language_on_a_phone(
    serve: Callable[..., Server], open_page: Callable[..., Page]
) -> None:
    page = open_page(serve(), viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page.get_by_role("button", name="Language").click()
    page.get_by_role("button", name="Deutsch").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Welche Bilder sollen durchsucht werden?")
