"""Adding images on the page: the first use, what was left out and why, and work that is stopped."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
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

    QUICK = 300
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


def test_first_use(server: Server, open_page: Callable[..., Page], photos: Path) -> None:
    page = open_page(server)
    expect(page.get_by_role("heading", name="Which pictures do you want to search?")).to_be_visible()
    page.get_by_test_id("add-folder").click()
    dialog = page.get_by_role("dialog", name="Choose a folder")
    dialog.get_by_label("Path of a folder").fill(str(photos.parent))
    dialog.get_by_role("button", name="Go").click()
    dialog.get_by_label(f"Folders in {photos.parent}", exact=True).get_by_role("button", name="Pictures").click()
    expect(dialog.get_by_label(f"Folders in {photos}")).to_contain_text("garden")
    dialog.get_by_test_id("choose-folder").click()
    expect(page.get_by_test_id("summary")).to_have_text("12 images")
    settled(page)
    assert sorted(shown_ids(page.get_by_test_id("grid"))) == sorted(server.ids())
    job = server.latest_job("index")
    assert (job["options"]["sources"], job["skipped"]) == ([str(photos)], 2)
    server.at_rest()
    assert server.get("/index")["clustered"]  # the first folder is put into groups


def test_what_is_typed_for_a_folder_stays(server: Server, open_page: Callable[..., Page], photos: Path) -> None:
    page = open_page(server, "/library", expected=[(404, "/v1/folders?path=%2Fno%2Fsuch")])
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
    expect(page.get_by_role("dialog").get_by_role("alert")).to_be_visible()
    expect(field).to_have_value("/no/such")  # to be corrected
    field.fill(str(photos))
    page.get_by_role("button", name="Go").click()
    expect(page.get_by_label(f"Folders in {photos}")).to_contain_text("garden")
    expect(field).to_have_value(str(photos))


def test_what_was_left_out_and_why(server: Server, open_page: Callable[..., Page], photos: Path) -> None:
    page = open_page(server, "/library")
    expect(page.get_by_role("link", name=str(photos))).to_be_visible()
    page.get_by_role("button", name="Details of Indexing").first.click()
    skipped = page.get_by_test_id("skipped")
    expect(skipped).to_contain_text("2 images were left out")
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
    page.get_by_test_id("files").set_input_files([new, photos / "words.png"])
    added = message(page, "1 image added, 1 left out")
    assert server.get("/index")["images"] == before + 1
    added.get_by_role("button", name="Why?").click()
    left_out = page.get_by_role("dialog", name="Left out")
    expect(left_out).to_contain_text("words.png")
    page.keyboard.press("Escape")
    expect(left_out).to_have_count(0)
    page.get_by_role("navigation", name="Places").get_by_role("link", name="Search").click()
    expect(page.get_by_test_id("summary")).to_have_text(f"{before + 1} images")


def test_a_change_in_the_folder_is_taken_in(server: Server, open_page: Callable[..., Page], photos: Path) -> None:
    before = server.get("/index")["images"]
    page = open_page(server, "/library")
    expect(page.get_by_test_id("reindex")).to_be_enabled()
    shutil.copy(sorted(SAMPLES.rglob("*.jpg"))[11], photos / "late.jpg")
    page.get_by_test_id("reindex").click()
    message(page, "Indexing: done")
    expect(page.get_by_label(f"{before + 1} images", exact=True)).to_be_visible()
    assert server.get("/index")["images"] == before + 1


def test_another_model_is_used(server: Server, open_page: Callable[..., Page]) -> None:
    server.run_job("model", name="fast")
    page = open_page(server, "/library")
    models = page.get_by_test_id("models")
    expect(models.get_by_text("in use for pictures and words")).to_have_count(1)
    models.get_by_role("button", name="Search with efficientnet-lite0").click()
    expect(models.get_by_role("button", name="Search with efficientnet-lite2")).to_be_visible()
    assert server.get("/index")["model"] == "efficientnet-lite0"
    expect(page.locator(".library-facts")).to_contain_text("efficientnet-lite0")


def test_work_can_be_stopped(server: Server, open_page: Callable[..., Page], slow_web: SlowWeb, tmp_path: Path) -> None:
    """However fast the machine, this work does not end by itself: its pictures are long in coming."""
    table, n = tmp_path / "many.csv", 1000
    table.write_text("\n".join(["url", *(slow_web.address(number) for number in range(n))]))
    page = open_page(server, "/library")
    expect(page.get_by_test_id("reindex")).to_be_enabled()
    job = server.post("/jobs", {"kind": "index", "options": {"sources": [str(table)]}})
    inside = {"filter": f'source = "{table}"', "k": 1}
    wait_for(lambda: server.get("/images", **inside)["total"], "the first pictures to be in")
    with page.expect_response(lambda answer: answer.request.method == "DELETE"):
        page.locator("main").get_by_role("button", name="Cancel indexing").click()
    slow_web.go_on.set()
    expect(page.locator("#jobs")).to_contain_text("Cancelled")
    assert server.get(f"/jobs/{job['id']}")["state"] == "cancelled"
    assert 0 < server.get("/images", **inside)["total"] < n  # what is in stays, the rest was not looked at


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
    expect(trip).to_contain_text(f"{trips} images, indexed")

    def choose(row: Locator, action: str) -> None:
        row.get_by_role("button", name="More for").click()
        row.get_by_role("dialog").get_by_role("button", name=action).click()

    choose(garden, "Pause")
    expect(garden).to_contain_text("It is left out when changes are looked for")
    choose(garden, "Resume")
    expect(garden).not_to_contain_text("left out")

    (home / "trip").rename(home / "journey")
    page.get_by_test_id("reindex").click()
    expect(trip).to_contain_text("missing")
    expect(trip).to_contain_text("Its images stay")
    choose(trip, "Say where it is now")
    dialog = page.get_by_role("dialog", name="Where is this folder now?")
    dialog.get_by_label("Path of a folder").fill(str(home / "journey"))
    dialog.get_by_role("button", name="Go").click()
    expect(dialog.get_by_role("status")).to_contain_text(f"{trips} images here")
    dialog.get_by_role("button", name="It is here now").click()
    journey = rows.filter(has_text="journey")
    expect(journey).to_contain_text(f"{trips} images, indexed")
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
    expect(garden).to_contain_text("0 images, indexed")
    expect(garden).not_to_contain_text("not there")
    choose(garden, "Forget")
    page.get_by_role("dialog", name="Forget this source?").get_by_test_id("forget-remove").click()
    expect(garden).to_have_count(0)
    choose(journey, "Forget")
    page.get_by_role("dialog", name="Forget this source?").get_by_test_id("forget-keep").click()
    expect(page.get_by_text("None yet. Add some images below.")).to_be_visible()
    assert len(server.ids()) == trips - 1
