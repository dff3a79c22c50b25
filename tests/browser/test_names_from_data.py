"""Names that a table or a folder brings, and that JavaScript's objects have of their own, are names like any other."""

from __future__ import annotations

import csv
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from browsing import Server, open_facet, shown_ids

from imagefinder import ImageFinder

expect = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed").expect

if TYPE_CHECKING:
    from playwright.sync_api import Page

COLUMNS = ("__proto__", "constructor", "toString", "hasOwnProperty")
FOLDERS = ("constructor", "__proto__", "valueOf")


@pytest.fixture(scope="module")
def server(
    serve: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory, make_image: Callable[..., Any]
) -> Server:
    home = tmp_path_factory.mktemp("names")
    with (home / "table.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["path", "tags", *COLUMNS])
        for i in range(12):
            place = home / FOLDERS[i % 3] / f"{i}.png"
            place.parent.mkdir(exist_ok=True)
            make_image(i).save(place)
            table.writerow([place, COLUMNS[i % 4], *(f"{column[:4]} {i % 2}" for column in COLUMNS)])
    with ImageFinder.open(home / "index", model="fast") as finder:
        assert finder.add(home / "table.csv").added == 12
        finder.cluster(3, method="kmeans")
        finder.clusters.rename(0, "constructor")
        finder.clusters.rename(1, "__proto__")
        finder.map("pca")
    return serve(home / "index")


def test_fields_of_an_image(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, f"/?image={server.ids()[0]}")
    page.get_by_text("All fields").click()
    rows = page.locator(".other-fields .facts-list > div")
    for column in COLUMNS:
        expect(rows.filter(has=page.get_by_text(column, exact=True))).to_contain_text(f"{column[:4]} ")


def test_facets_and_filters(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server)
    open_facet(page, "folder")
    for folder in FOLDERS:
        expect(page.get_by_label(folder)).to_be_visible()
    page.get_by_label("__proto__").check()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("summary")).to_have_text("4 pictures")
    expect(page.get_by_test_id("facet-folder")).to_contain_text("__proto__")
    open_facet(page, "tags")
    page.get_by_label("hasOwnProperty").check()
    page.keyboard.press("Escape")
    wanted = server.ids('folder = "__proto__" and tags = "hasOwnProperty"')
    expect(page.get_by_test_id("summary")).to_have_text(f"{len(wanted)} picture{'' if len(wanted) == 1 else 's'}")
    page = open_page(server, "/?filter=constructor%20%3D%20%22cons%201%22&fuse=constructor&q=red")
    expect(page.get_by_test_id("summary")).to_contain_text("ms")
    assert set(shown_ids(page.get_by_test_id("grid"))) == set(server.ids('constructor = "cons 1"'))


def test_colours_of_the_map(server: Server, open_page: Callable[..., Page]) -> None:
    for column in COLUMNS:
        page = open_page(server, f"/map?method=pca&colour={column}")
        legend = page.get_by_test_id("legend")
        expect(legend).to_contain_text(f"{column[:4]} 0")
        expect(legend).to_contain_text(f"{column[:4]} 1")
    page = open_page(server, "/map?method=constructor", expected=[(400, "/v1/"), (404, "/v1/")])
    expect(page.locator("body")).to_contain_text("no constructor map")


def test_what_classes_are_learnt_from(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, "/library?part=tools")
    lesson = page.get_by_test_id("teach-classifier")
    for column in COLUMNS:
        lesson.get_by_label("Recognise categories: learn from").select_option(column)
        expect(lesson.get_by_role("button", name="Train")).to_be_enabled()
        expect(lesson.get_by_test_id("needs")).to_have_count(0)


def test_names_and_orders_of_groups(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, "/groups?sort=constructor")
    expect(page.get_by_text("__proto__").first).to_be_visible()
    expect(page.get_by_text("constructor").first).to_be_visible()
    page = open_page(server, "/groups/0?sort=__proto__")
    expect(page.get_by_text("constructor").first).to_be_visible()
