"""The search box: chips with weights, suggestions, recent and saved searches, and how well hits fit."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import pytest
from browsing import SAMPLES, Server, grave_violations, message, place, reload, settled, shown_ids, wait_for

from imagefinder.errors import InvalidQueryError
from imagefinder.search.grammar import split_pieces

expect = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed").expect
pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
PICTURE = sorted(SAMPLES.rglob("*.jpg"))[40]
WRITTEN = [
    "dog",
    "dog -grass",
    "dog - grass",
    'dog -grass -"green leaves"',
    '"dog - cat"',
    '2:dog - 0.5:cat -2:"tall hat"',
    'name:beach -tag:"to do" sun',
    "t-shirt, black-and-white, -5",
    "- grass + dog",
    "dog \u2212 people + .5:big beach",
    'a "green leaf" on 2:stone',
    '2:a "green leaf"',
    "caption:\u201cred shoe\u201d + boot",
    'what: "so" -- -> 5-6',
    "dog -",
    "+",
    '""',
    'screen 27" wide',
    "concept:my pets + 0.3:blue",
]


@pytest.fixture(scope="module")
def server(serve: Callable[..., Server], grouped_index: Path) -> Server:
    return serve(grouped_index)


def field(page: Page) -> Locator:
    return page.get_by_role("combobox", name="Search in words or by a URL")


def chips(page: Page) -> Locator:
    return page.get_by_role("list", name="What is searched for").get_by_role("listitem")


def options(page: Page, kind: str = "") -> Locator:
    return page.get_by_test_id("suggestions").locator(f"[role=option]{f'[data-kind={kind}]' if kind else ''}")


def params(page: Page) -> dict[str, str]:
    query = page.evaluate("location.search.slice(1)")
    return {name: values[0] for name, values in parse_qs(query).items()}


def searched(page: Page) -> list[str]:
    expect(page.get_by_test_id("summary")).to_contain_text("ms")
    expect(page.locator(".stale")).to_have_count(0)
    settled(page)
    return shown_ids(page.get_by_test_id("grid"))


def first_hits(server: Server, n: int, **body: object) -> list[str]:
    return [hit["id"] for hit in server.post("/search", {"cut": "auto", **body, "k": n})["hits"]]


def shows(page: Page, server: Server, **body: object) -> None:
    """Wait until the hits are those of this query."""
    wanted = first_hits(server, 5, **body)
    wait_for(lambda: shown_ids(page.get_by_test_id("grid"))[: len(wanted)] == wanted, f"the hits of {body}")


def pieces(text: str) -> list[list[object]] | None:
    try:
        return [[one.text, one.weight, one.field] for one in split_pieces(text)]
    except InvalidQueryError:
        return None


def test_the_page_reads_words_as_the_server_does(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server)
    read = """async (texts) => {
      const { splitPieces, writePieces } = await import("/js/search/pieces.js");
      const facts = (found) => found && found.map((one) => [one.text, one.weight, one.field]);
      return texts.map((text) => [splitPieces(text), splitPieces(text) && writePieces(splitPieces(text))])
        .map(([found, written]) => [facts(found), written]);
    }"""
    for text, (found, written) in zip(WRITTEN, page.evaluate(read, WRITTEN), strict=True):
        assert found == pieces(text), text
        if found:
            assert pieces(written) == found, f"{text} is written again as {written}"


def test_parts_are_chips_whose_weight_is_changed_live(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server)
    field(page).fill("animal -bird")
    page.keyboard.press("Enter")
    expect(chips(page)).to_have_text(["animal", "−bird"])
    expect(field(page)).to_have_value("")
    searched(page)
    face = chips(page).nth(1).get_by_role("button", name=re.compile("^bird, less of it, weight −0.5"))
    face.focus()
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    expect(chips(page).nth(1)).to_have_attribute("data-weight", "-0.8")
    wait_for(lambda: params(page)["q"] == "animal - 0.8:bird", "the weight in the address")
    shows(page, server, words="animal - 0.8:bird")
    page.keyboard.press("Enter")
    slider = page.get_by_role("slider", name="How much it counts")
    slider.fill("1.5")
    wait_for(lambda: params(page)["q"] == "animal + 1.5:bird", "the weight in the address")
    shows(page, server, words="animal + 1.5:bird")
    page.keyboard.press("Escape")
    field(page).fill("red")
    page.keyboard.press("Enter")
    expect(chips(page)).to_have_text(["animal", "bird", "red"])
    reload(page)
    expect(chips(page)).to_have_text(["animal", "bird", "red"])
    assert params(page)["q"] == "animal + 1.5:bird + red"


def test_a_weight_is_dragged(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, "/?q=animal%20%2B%20red")
    searched(page)
    at = place(chips(page).nth(1).get_by_role("button").first)
    page.mouse.move(at["x"] + 12, at["y"] + 12)
    page.mouse.down()
    page.mouse.move(at["x"] + 62, at["y"] + 12, steps=4)
    expect(chips(page).nth(1)).to_have_attribute("data-weight", "1.5")
    page.mouse.move(at["x"] - 138, at["y"] + 12, steps=4)
    page.mouse.up()
    expect(chips(page).nth(1)).to_have_attribute("data-weight", "-0.5")
    expect(page.locator(":popover-open")).to_have_count(0)
    wait_for(lambda: params(page)["q"] == "animal - 0.5:red", "the weight in the address")
    shows(page, server, words="animal - 0.5:red")


def test_chips_are_taken_away_and_words_changed(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, "/?q=animal%20%2B%20red%20-%20bird")
    searched(page)
    chips(page).nth(0).get_by_role("button", name="Remove animal from the search").click()
    expect(chips(page)).to_have_text(["red", "−bird"])
    expect(field(page)).to_be_focused()
    page.keyboard.press("Backspace")
    expect(chips(page)).to_have_count(0)
    expect(field(page)).to_have_value("red")  # one text alone is text
    field(page).fill("red + food")
    page.keyboard.press("Enter")
    chips(page).nth(1).get_by_role("button", name=re.compile("^food")).click()
    page.get_by_role("textbox", name="Words").fill("flower")
    page.keyboard.press("Enter")
    expect(chips(page)).to_have_text(["red", "flower"])
    shows(page, server, words="red + flower")
    page.get_by_role("button", name="Clear the search").click()
    expect(page.get_by_test_id("summary")).to_have_text("185 pictures")


def test_pictures_are_chips_beside_words(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, "/?q=animal")
    ids = searched(page)
    tile = page.get_by_test_id("grid").locator(f'[data-id="{ids[1]}"]')
    tile.hover()
    tile.get_by_label("Search by this too").click()
    expect(chips(page)).to_have_count(2)
    shows(page, server, words="animal", parts=[{"id": ids[1]}])
    page.get_by_test_id("pick-picture").set_input_files(PICTURE)
    expect(chips(page)).to_have_count(3)
    upload = params(page)["upload"]
    shows(page, server, words="animal", parts=[{"upload": upload}, {"id": ids[1]}])
    picture = page.get_by_test_id("query-picture").nth(0)
    picture.get_by_role("button", name=re.compile("^this picture, more of it")).focus()
    for _ in range(4):
        page.keyboard.press("ArrowDown")
    wait_for(lambda: params(page)["upload"] == f"{upload}*0.6", "the weight in the address")
    picture.get_by_role("button", name=re.compile("^this picture")).click()
    page.get_by_role("button", name="Choose a part").click()
    page.get_by_test_id("use-box").click()
    expect(picture).to_contain_text("part")
    wait_for(lambda: "_" in params(page)["upload"], "the part in the address")
    box = [float(side) for side in params(page)["upload"].split("*")[2].split("_")]
    shows(page, server, words="animal", parts=[{"upload": upload, "weight": 0.6, "box": box}, {"id": ids[1]}])
    page.get_by_test_id("query-picture").nth(1).get_by_role("button", name="Remove this picture").click()
    expect(chips(page)).to_have_count(2)
    assert "id" not in params(page)


def test_a_picture_without_something_in_words(server: Server, open_page: Callable[..., Page]) -> None:
    id = server.id_of(PICTURE)
    page = open_page(server, f"/?id={id}")
    searched(page)
    field(page).fill("-red")
    page.keyboard.press("Enter")
    expect(chips(page)).to_have_count(2)
    shows(page, server, words="-red", parts=[{"id": id}])


def test_less_of_a_word_is_offered(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, "/?q=animal%20%2B%20red")
    searched(page)
    field(page).fill("big bird")
    expect(options(page, "more")).to_have_text("More of “big bird”")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(options(page, "less")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(chips(page)).to_have_text(["animal", "red", '−"big bird"'])
    assert params(page)["q"] == 'animal + red - 0.5:"big bird"'


def test_suggestions_lead_to_what_they_name(server: Server, open_page: Callable[..., Page]) -> None:
    ids = server.ids()[:2]
    server.post("/images/tags", {"ids": ids, "add": ["anniversary"]})
    page = open_page(server)
    settled(page)
    box = field(page)
    box.click()
    box.press_sequentially("ann")
    expect(options(page, "tag")).to_contain_text("anniversary")
    expect(options(page, "tag")).to_contain_text("2 pictures")
    expect(box).to_have_attribute("aria-expanded", "true")
    assert box.get_attribute("aria-activedescendant") is None
    while box.get_attribute("aria-activedescendant") != options(page, "tag").get_attribute("id"):
        page.keyboard.press("ArrowDown")
    assert grave_violations(page) == []
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("summary")).to_have_text("2 pictures")
    assert params(page) == {"filter": 'tags = "anniversary"'}
    expect(box).to_have_value("")
    expect(page.get_by_test_id("suggestions")).to_have_count(0)
    box.fill(PICTURE.name[:-6])
    options(page, "file").filter(has_text=PICTURE.name).click()
    expect(page.get_by_test_id("viewer").get_by_role("heading", level=1)).to_have_text(PICTURE.name)
    page.keyboard.press("Escape")
    box.fill("foo")
    options(page, "folder").filter(has_text="food").click()
    assert params(page)["filter"] == 'tags = "anniversary" and folder = "food"'
    box.fill("x")
    box.fill("")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("suggestions")).to_have_count(0)


def test_recent_searches_are_offered_and_forgotten(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server)
    for words in ("fruit", "animal - red"):
        field(page).fill(words)
        page.keyboard.press("Enter")
        searched(page)
        page.wait_for_function("(q) => (localStorage.getItem('recent-searches') ?? '').includes(q)", arg=words)
        page.get_by_role("button", name=re.compile("^Clear the (words|search)$")).click()
    reload(page)
    field(page).click()
    expect(options(page, "recent")).to_contain_text(["animal - red", "fruit"])
    options(page, "recent").filter(has_text="fruit").click()
    searched(page)
    assert params(page) == {"q": "fruit"}
    page.get_by_role("button", name="Clear the words").click()
    field(page).click()
    options(page, "forget").click()
    expect(options(page, "recent")).to_have_count(0)


def test_a_saved_search_is_an_album_that_counts_live(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, '/?q=animal - 0.4:red&filter=folder = "animals"')
    hits = searched(page)
    page.get_by_test_id("keep").click()
    form = page.get_by_role("dialog", name="Save this search")
    expect(form.get_by_role("textbox", name="Name")).to_have_value("animal")
    form.get_by_role("textbox", name="Name").fill("no red animals")
    form.get_by_role("button", name="Save").click()
    message(page, "Saved as “no red animals”").get_by_role("link", name="Show saved searches").click()
    albums = page.get_by_test_id("saved-searches")
    told = server.post("/search", {"words": "animal - 0.4:red", "filter": "folder = animals", "cut": "auto", "k": 1})
    expect(albums.get_by_role("link")).to_have_text(f"no red animals{told['surely'] + told['maybe']} pictures")
    albums.get_by_role("link").click()
    assert searched(page) == hits
    expect(chips(page)).to_have_text(["animal", "−red"])
    assert params(page)["filter"] == "folder = animals" or params(page)["filter"] == 'folder = "animals"'

    page.goto(server.url + "/?filter=tags = album")
    expect(page.get_by_test_id("summary")).to_have_text("0 pictures")
    page.get_by_test_id("keep").click()
    form.get_by_role("textbox", name="Name").fill("the album")
    form.get_by_role("button", name="Save").click()
    message(page, "Saved as “the album”").get_by_role("link", name="Show saved searches").click()
    expect(albums.get_by_role("link", name="the album")).to_contain_text("0 pictures")
    server.post("/images/tags", {"ids": server.ids()[:3], "add": ["album"]})
    expect(albums.get_by_role("link", name="the album")).to_contain_text("3 pictures")

    field(page).fill("the al")
    expect(options(page, "saved")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("summary")).to_have_text("3 pictures")
    page.get_by_role("link", name="ImageFinder, all pictures").click()
    albums.get_by_role("button", name="Change the album").click()
    page.get_by_role("button", name="Rename").click()
    page.get_by_role("dialog").get_by_role("textbox", name="Name").fill("three")
    page.keyboard.press("Enter")
    expect(albums.get_by_role("link", name="three")).to_be_visible()
    for name in ("three", "no red animals"):
        albums.get_by_role("button", name=f"Change {name}").click()
        page.get_by_role("button", name="Delete").click()
        page.get_by_role("dialog", name="Delete").get_by_role("button", name="Delete").click()
        expect(albums.get_by_role("link", name=name)).to_have_count(0)
    expect(albums).to_have_count(0)


def test_hits_say_how_well_they_fit_without_numbers(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, "/?q=strawberry&all=1")
    ids = searched(page)
    told = server.post("/search", {"words": "strawberry", "k": 3})["hits"][0]
    first = page.get_by_test_id("grid").locator(f'[data-id="{ids[0]}"]')
    name = f"It is {round(100 * min(told['sure'], 0.99))} % sure that this fits"
    expect(first.get_by_role("img", name=name)).to_be_visible()
    expect(page.get_by_test_id("sure").filter(has_text=re.compile(r"\d"))).to_have_count(0)
    group = server.get(f"/images/{ids[0]}")
    expect(first.get_by_title(f"Group: {group['cluster_name']}")).to_have_count(0)  # a name that nobody gave
    server.client.patch(f"/clusters/{group['cluster']}", json={"name": "red things"}).raise_for_status()
    expect(first.get_by_title("Group: red things")).to_be_visible()
    page.goto(server.url + f"/?q=strawberry&liked={ids[0]}&all=1")
    searched(page)
    expect(page.get_by_test_id("sure").filter(has_text=re.compile(r"\d"))).to_have_count(0)


def test_where_nothing_fits_the_page_says_what_to_try(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server)
    nonsense = next(
        words
        for words in ("spreadsheet", "wedding ceremony", "skyscraper at night", "x-ray of a hand", "newspaper")
        if not any(server.post("/search", {"words": words, "cut": "auto", "k": 1})[n] for n in ("surely", "maybe"))
    )
    field(page).fill(nonsense)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("empty")).to_contain_text("Nothing here fits")
    expect(page.get_by_test_id("tries").get_by_role("listitem").first).to_be_visible()
    page.get_by_role("button", name="Show the nearest all the same").click()
    assert len(searched(page)) > 10


def test_a_pasted_path_finds_its_file(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server)
    field(page).fill(f"/home/somebody/Pictures/{PICTURE.name}")
    page.keyboard.press("Enter")
    assert searched(page)[0] == server.id_of(PICTURE)
    expect(page.get_by_test_id("summary")).to_contain_text("1 ")


def test_links_to_this_machine_are_refused_kindly(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, expected=[(422, "/v1/uploads"), (400, "/v1/uploads"), (403, "/v1/uploads")])
    field(page).fill("http://127.0.0.1:9/x.jpg")
    page.keyboard.press("Enter")
    told = message(page, "For safety, links to this computer or your home network are off.")
    expect(told).to_contain_text("Save the picture and drop it here")
    expect(page.get_by_test_id("toast").filter(has_text="Fetching")).to_have_count(0)
    expect(page.get_by_test_id("toast").filter(has_text="IMAGEFINDER_ALLOW")).to_have_count(0)


def test_chips_on_a_phone(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, "/?q=animal%20%2B%20red%20-%20bird%20%2B%20snow", **PHONE)
    searched(page)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert grave_violations(page) == []
    chips(page).nth(0).get_by_role("button", name=re.compile("^animal, more")).tap()
    page.get_by_role("slider", name="How much it counts").fill("0.5")
    wait_for(lambda: params(page)["q"].startswith("0.5:animal"), "the weight in the address")
    page.get_by_role("button", name="Remove", exact=True).tap()
    expect(chips(page)).to_have_text(["red", "−bird", "snow"])
    header, first = place(page.locator("header").first), place(page.get_by_test_id("grid"))
    assert header["y"] + header["height"] <= first["y"]
