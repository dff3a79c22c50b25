"""Adding images on the page: the first use, what was left out and why, and work that is stopped."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browsing import SAMPLES, Server, settled, shown_ids, wait_for

expect = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed").expect

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with twelve pictures in two folders, a broken one and one that is none."""
    folder = tmp_path_factory.mktemp("home") / "Pictures"
    for i, path in enumerate(sorted(SAMPLES.rglob("*.jpg"))[::15][:12]):
        place = folder / ("trip" if i % 2 else "garden")
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)
    (folder / "broken.jpg").write_bytes(next(SAMPLES.rglob("*.jpg")).read_bytes()[:2000])
    (folder / "words.png").write_text("this is no picture")
    return folder


@pytest.fixture(scope="module")
def server(serve: Callable[..., Server]) -> Server:
    return serve()


def test_first_use(server: Server, open_page: Callable[..., Page], photos: Path) -> None:
    page = open_page(server)
    expect(page.get_by_role("heading", name="Which pictures do you want to search?")).to_be_visible()
    page.get_by_test_id("add-folder").click()
    dialog = page.get_by_role("dialog", name="Choose a folder")
    dialog.get_by_label("Path of a folder").fill(str(photos.parent))
    dialog.get_by_role("button", name="Go").click()
    dialog.get_by_role("button", name="Pictures").click()
    expect(dialog.get_by_label(f"Folders in {photos}")).to_contain_text("garden")
    dialog.get_by_test_id("choose-folder").click()
    expect(page.get_by_test_id("summary")).to_have_text("12 images")
    settled(page)
    assert sorted(shown_ids(page.get_by_test_id("grid"))) == server.ids()
    job = server.job_done(server.get("/jobs", kind="index")["jobs"][0]["id"])
    assert (job["options"]["sources"], job["skipped"]) == ([str(photos)], 2)
    wait_for(lambda: server.get("/index")["clustered"], "the groups that the first folder is put into")


def test_what_was_left_out_and_why(server: Server, open_page: Callable[..., Page], photos: Path) -> None:
    page = open_page(server, "/library")
    expect(page.get_by_role("link", name=str(photos))).to_be_visible()
    page.get_by_role("button", name="Details of Indexing").first.click()
    skipped = page.get_by_test_id("skipped")
    expect(skipped).to_contain_text("2 images were left out")
    told = server.get(f"/jobs/{server.get('/jobs', kind='index')['jobs'][0]['id']}/skipped")["skipped"]
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
    expect(page.get_by_test_id("toast")).to_contain_text("1 image added, 1 left out")
    assert server.get("/index")["images"] == before + 1
    page.get_by_test_id("toast").get_by_role("button", name="Why?").click()
    expect(page.get_by_role("dialog", name="Left out")).to_contain_text("words.png")
    page.keyboard.press("Escape")
    page.get_by_role("navigation", name="Places").get_by_role("link", name="Search").click()
    expect(page.get_by_test_id("summary")).to_have_text(f"{before + 1} images")


def test_a_change_in_the_folder_is_taken_in(server: Server, open_page: Callable[..., Page], photos: Path) -> None:
    before = server.get("/index")["images"]
    page = open_page(server, "/library")
    expect(page.get_by_test_id("reindex")).to_be_enabled()
    shutil.copy(sorted(SAMPLES.rglob("*.jpg"))[11], photos / "late.jpg")
    page.get_by_test_id("reindex").click()
    wait_for(lambda: server.get("/index")["images"] == before + 1, "the new picture")
    expect(page.get_by_label(f"{before + 1} images")).to_be_visible()


def test_another_model_is_used(server: Server, open_page: Callable[..., Page]) -> None:
    job = server.post("/jobs", {"kind": "model", "options": {"name": "fast"}})
    wait_for(lambda: server.get(f"/jobs/{job['id']}")["state"] == "done", "the vectors of the other model")
    page = open_page(server, "/library")
    models = page.get_by_test_id("models")
    expect(models.get_by_text("in use for pictures and words")).to_have_count(1)
    models.get_by_role("button", name="Search with efficientnet-lite0").click()
    expect(models.get_by_role("button", name="Search with efficientnet-lite2")).to_be_visible()
    assert server.get("/index")["model"] == "efficientnet-lite0"
    expect(page.locator(".library-facts")).to_contain_text("efficientnet-lite0")


def test_work_can_be_stopped(server: Server, open_page: Callable[..., Page], tmp_path: Path) -> None:
    folder = tmp_path / "many"
    for i in range(8):
        shutil.copytree(SAMPLES, folder / str(i), ignore=shutil.ignore_patterns("*.csv", "*.md", "LICENSE"))
    for i, path in enumerate(sorted(folder.rglob("*.jpg"))):
        with path.open("ab") as file:
            file.write(str(i).encode())  # behind the picture: another content, so each one has to be looked at
    page = open_page(server, "/library")
    expect(page.get_by_test_id("reindex")).to_be_enabled()
    job = server.post("/jobs", {"kind": "index", "options": {"sources": [str(folder)]}})
    page.locator("main").get_by_role("button", name="Cancel indexing").click()
    expect(page.locator("#jobs")).to_contain_text("Cancelled")
    wait_for(lambda: server.get(f"/jobs/{job['id']}")["state"] == "cancelled", "the job's end")
    done = server.get("/images", filter=f'source = "{folder}"', k=1)["total"]
    assert done < 8 * 185  # what is in stays, the rest was not looked at
