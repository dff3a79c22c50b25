"""Teaching the index on the page, and choosing what pictures are compared by."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browsing import SAMPLES, Server, message, open_facet, reload, shown_ids, wait_for

expect = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed").expect

if TYPE_CHECKING:
    from playwright.sync_api import Page

LARGE = [n for folder in SAMPLES.iterdir() if folder.is_dir() and (n := len(list(folder.glob("*.jpg")))) >= 4]
BIRD = SAMPLES / "animals" / "albino-peahen.jpg"


@pytest.fixture(scope="module")
def server(serve: Callable[..., Server], grouped_index: Path) -> Server:
    return serve(grouped_index)


def test_classes_are_taught_told_and_filtered_by(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, "/library?part=tools")
    lesson = page.get_by_test_id("teach-classifier")
    lesson.get_by_label("Recognise categories: learn from").select_option("folder")
    lesson.get_by_role("button", name="Train").click()
    message(page, "Teaching classes: done").get_by_role("button", name="Details").click()
    told = page.get_by_role("dialog", name="Teaching classes")
    expect(told).to_contain_text("a hidden layer of 64")
    result = server.latest_job("train")["result"]
    expect(told).to_contain_text(f"{100 * result['after']['map_at_r']:.1f} %")
    told.get_by_role("button", name="Search with it").click()
    expect(told.get_by_role("button", name="Search with it")).to_have_count(0)
    page.keyboard.press("Escape")
    models = page.get_by_test_id("models")
    expect(models.get_by_role("listitem").filter(has_text="classifier")).to_contain_text("in use for pictures")
    assert server.get("/index")["model"] == "classifier"
    lesson.get_by_role("button", name="Tell the class of every picture").click()
    message(page, "Telling classes: done")

    page.get_by_role("link", name="Search", exact=True).click()
    open_facet(page, "class")
    page.get_by_label("animals").check()
    page.keyboard.press("Escape")
    animals = server.ids("class = animals")
    expect(page.get_by_test_id("summary")).to_have_text(f"{len(animals)} pictures")
    assert set(shown_ids(page.get_by_test_id("grid"))) <= set(animals)
    page.get_by_test_id("pick-picture").set_input_files(BIRD)
    expect(page.get_by_test_id("predicted")).to_contain_text("Looks like animals")


def test_lessons_and_work_say_what_they_need(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, "/library?part=tools")
    words, classes = page.get_by_test_id("teach-words"), page.get_by_test_id("teach-classifier")
    expect(words.get_by_test_id("needs")).to_contain_text("captions of 20 pictures at least; 0 have one")
    expect(words.get_by_role("button", name="Learn")).to_have_count(0)
    learnt_from = classes.get_by_label("Recognise categories: learn from").get_by_role("option")
    expect(learnt_from).to_have_text(["Folders", "Groups"])  # no image has a tag, and nothing was liked
    expect(classes.get_by_test_id("learns")).to_contain_text(f"{len(LARGE)} kinds with {sum(LARGE)} pictures")
    classes.get_by_label("Recognise categories: learn from").select_option("cluster_name")
    expect(classes.get_by_test_id("learns")).to_contain_text("It learns these groups as they are")
    server.post("/images/tags", {"ids": server.ids()[:8], "add": ["left"]})
    server.post("/images/tags", {"ids": server.ids()[8:16], "add": ["right"]})
    expect(learnt_from).to_have_text(["Tags", "Folders", "Groups"])
    odd = page.get_by_test_id("task-outliers")
    expect(odd.get_by_test_id("not-yet")).to_contain_text("once this has run")
    odd.get_by_role("button", name="Find unusual pictures").click()
    expect(odd.get_by_role("link", name="Most unusual first")).to_be_visible()


def test_models_and_measures_rank_together(server: Server, open_page: Callable[..., Page]) -> None:
    server.run_job("model", name="fast")
    id = server.id_of(BIRD)
    page = open_page(server, f"/?id={id}")
    page.get_by_test_id("options").click()
    page.get_by_text("Advanced", exact=True).click()
    page.get_by_label("efficientnet-lite2").check()
    page.get_by_label("efficientnet-lite0").check()
    page.get_by_role("radio", name="Both").check()
    page.get_by_role("radio", name="Votes").check()
    page.keyboard.press("Escape")
    body = {
        "parts": [{"id": id}],
        "k": 100,  # as the page asks: how many votes a picture gets depends on how many are looked at
        "spaces": ["efficientnet-lite2", "efficientnet-lite0"],
        "measures": ["cosine", "euclidean"],
        "fuse": "vote",
        "cut": "auto",
    }
    hits = [hit["id"] for hit in server.post("/search", body)["hits"]][:10]
    wait_for(lambda: shown_ids(page.get_by_test_id("grid"))[:10] == hits, "the hits of both models by both measures")
    reload(page)
    expect(page.get_by_test_id("options")).to_have_class("icon-button on")
