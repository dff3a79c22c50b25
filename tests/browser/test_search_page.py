"""Searching on the page: words, pictures, parts of pictures, thumbs, filters, tags, keys, and the URL that holds it."""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import pytest
from browsing import (
    SAMPLES,
    Server,
    message,
    open_facet,
    painted,
    place,
    reload,
    settled,
    shown_ids,
    turn_wheel,
    visit,
    wait_for,
)

from imagefinder import ImageFinder
from imagefinder.store.edge import engine, merging

expect = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed").expect

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

PICTURE = sorted(SAMPLES.rglob("*.jpg"))[40]

# A DataTransfer with one file or text, as a drag or the clipboard brings it; and how it is handed to an element.
TRANSFER = """([bytes, name, type]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], name, { type }));
  return transfer;
}"""


@pytest.fixture(scope="module")
def server(serve: Callable[..., Server], grouped_index: Path) -> Server:
    return serve(grouped_index, IMAGEFINDER_ALLOW_PRIVATE_ADDRESSES="1")


@pytest.fixture(scope="module")
def pictures() -> Iterator[str]:
    """The address of the sample images on a web server of this machine."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(SAMPLES))) as web:
        thread = threading.Thread(target=web.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{web.server_port}"
        web.shutdown()
        thread.join()


def grid(page: Page) -> Locator:
    return page.get_by_test_id("grid")


def params(page: Page) -> dict[str, str]:
    query = page.evaluate("location.search.slice(1)")  # page.url lags behind while nothing is asked of Playwright
    return {name: values[0] for name, values in parse_qs(query).items()}


def searched(page: Page) -> list[str]:
    """The hits on the screen, once the answer is there and the pictures are."""
    expect(page.get_by_test_id("summary")).to_contain_text("ms")
    expect(page.locator(".stale")).to_have_count(0)
    settled(page)
    return shown_ids(grid(page))


def first_hits(server: Server, body: dict[str, object], n: int) -> list[str]:
    """As the page asks for them: to the end of the good ones."""
    return [hit["id"] for hit in server.post("/search", {"cut": "auto", **body, "k": n})["hits"]]


def test_all_images_are_there_without_a_query(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server)
    settled(page)
    expect(page.get_by_test_id("summary")).to_have_text("185 pictures")
    ids = shown_ids(grid(page))
    assert ids == server.ids(sort="-date")[: len(ids)] and len(ids) > 10
    page.mouse.move(600, 400)
    turn_wheel(page, 100_000, grid(page).locator('[data-index="184"]').is_visible, "the last picture")


def test_words(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server)
    page.get_by_label("Search in words or by a URL").fill("strawberry")
    page.keyboard.press("Enter")
    ids = searched(page)
    assert ids[:10] == first_hits(server, {"words": "strawberry"}, 10)
    best = server.get(f"/images/{ids[0]}")
    assert "strawberr" in best["uri"].lower() or "strawberr" in best.get("caption", "").lower(), best["uri"]
    assert params(page) == {"q": "strawberry"}
    page.get_by_role("button", name="Clear the words").click()
    expect(page.get_by_test_id("summary")).to_have_text("185 pictures")
    assert params(page) == {}


@pytest.fixture(scope="module")
def in_a_graph(
    serve: Callable[..., Server],
    grouped_index: Path,
    tmp_path_factory: pytest.TempPathFactory,
    copy_index: Callable[[Path, Path], Path],
) -> Server:
    """A server on an index whose vectors are in a graph, though it is small."""
    home = copy_index(grouped_index, tmp_path_factory.mktemp("graph") / "index")
    with pytest.MonkeyPatch.context() as patch, ImageFinder.open(home) as finder:
        patch.setattr(merging, "APART_FROM", 5)
        patch.setattr(engine, "HNSW_FROM", 10)
        finder._collection.index.store.optimize()
    return serve(home)


def test_whether_an_answer_is_exact_is_said(server: Server, in_a_graph: Server, open_page: Callable[..., Page]) -> None:
    """Quietly, and with a way to compare all, which works by keys alone."""
    page = open_page(in_a_graph, "/?q=strawberry")
    usual = searched(page)
    word = page.get_by_test_id("exactness")
    expect(word).to_have_text("approximate")
    word.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Approximate: ")).to_contain_text("a few of the best may be missing")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(word).to_have_text("exact")
    assert params(page) == {"q": "strawberry", "exact": "1"}
    expect(page.get_by_label("Compare every picture")).to_be_focused()
    expect(page.get_by_label("Compare every picture")).to_be_checked()
    page.keyboard.press("Escape")
    expect(word).to_be_focused()
    assert searched(page) == usual  # so few that the graph misses none
    assert in_a_graph.post("/search", {"words": "strawberry", "exact": True})["approximate"] is False
    word.press("Enter")
    page.get_by_label("Compare every picture").uncheck()
    expect(word).to_have_text("approximate")
    assert params(page) == {"q": "strawberry"}

    page = open_page(server, "/?q=strawberry")
    searched(page)
    expect(page.get_by_test_id("exactness")).to_have_count(0)
    page.get_by_test_id("options").click()
    expect(page.get_by_test_id("all-compared")).to_contain_text("Exact: every picture was compared")


def test_where_the_good_hits_end(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, "/?q=strawberry")
    fitting = searched(page)
    told = server.post("/search", {"words": "strawberry", "k": 185, "cut": "auto"})
    counts = [f"{told[name]} {name}" for name in ("surely", "maybe") if told[name]]
    expect(page.get_by_test_id("summary")).to_contain_text(", ".join(counts))
    assert counts and len(fitting) == told["surely"] + told["maybe"] < 185
    expect(page.get_by_test_id("sure").first.get_by_role("img")).to_have_accessible_name(
        re.compile("^It is \\d+ % sure")
    )
    expect(page.get_by_test_id("rest")).to_contain_text(f"{185 - len(fitting)} pictures")
    page.get_by_test_id("show-more").click()
    expect(page.get_by_test_id("summary")).to_contain_text("185 ranked, best first")
    expect(page.get_by_test_id("rest")).to_have_count(0)
    assert searched(page)[: len(fitting)] == fitting and params(page) == {"q": "strawberry", "all": "1"}


def transfer(page: Page) -> object:
    data = base64.b64encode(PICTURE.read_bytes()).decode()
    return page.evaluate_handle(TRANSFER, [data, PICTURE.name, "image/jpeg"])


def pick(page: Page) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Search by a picture").click()
    chooser.value.set_files(PICTURE)


def drop(page: Page) -> None:
    brought = transfer(page)
    page.locator("main").dispatch_event("dragover", {"dataTransfer": brought})
    expect(page.get_by_text("Drop a picture to search by it")).to_be_visible()
    page.locator("main").dispatch_event("drop", {"dataTransfer": brought})
    expect(page.get_by_text("Drop a picture to search by it")).to_be_hidden()


def paste(page: Page) -> None:
    page.locator("main").evaluate(
        "(at, clipboardData) => at.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true }))",
        transfer(page),
    )


@pytest.mark.parametrize("bring", [pick, drop, paste])
def test_a_picture_of_ones_own(server: Server, open_page: Callable[..., Page], bring: Callable[[Page], None]) -> None:
    page = open_page(server)
    expect(page.get_by_test_id("summary")).to_have_text("185 pictures")
    bring(page)
    expect(page.get_by_test_id("query-picture")).to_be_visible()
    ids = searched(page)
    assert server.get(f"/images/{ids[0]}")["uri"] == str(PICTURE)  # itself is most like it
    upload = params(page)["upload"]
    assert ids[:10] == first_hits(server, {"parts": [{"upload": upload}]}, 10)
    reload(page)
    assert searched(page)[:10] == ids[:10]
    page.get_by_role("button", name="Remove this picture from the search").click()
    expect(page.get_by_test_id("summary")).to_have_text("185 pictures")


def test_a_file_that_is_no_picture_is_refused_kindly(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, expected=[(422, "/v1/uploads")])
    page.get_by_test_id("pick-picture").set_input_files(
        {"name": "notes.jpg", "mimeType": "image/jpeg", "buffer": b"these are words"}
    )
    expect(page.get_by_test_id("toast")).to_be_visible()
    expect(page.get_by_test_id("summary")).to_have_text("185 pictures")
    assert params(page) == {}


def test_a_picture_at_a_url(server: Server, open_page: Callable[..., Page], pictures: str) -> None:
    page = open_page(server)
    page.get_by_label("Search in words or by a URL").fill(f"{pictures}/{PICTURE.relative_to(SAMPLES)}")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("query-picture")).to_be_visible()
    ids = searched(page)
    assert server.get(f"/images/{ids[0]}")["uri"] == str(PICTURE)


def test_why_a_picture_was_found(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, "/?q=strawberry - car")
    ids = searched(page)
    page.locator('[data-testid="grid"] [data-index="0"] a').first.focus()
    page.keyboard.press("w")
    viewer = page.get_by_test_id("viewer")
    expect(viewer.get_by_test_id("why-map")).to_be_visible()
    body = {"words": "strawberry - car", "parts": []}
    expected = server.post(f"/images/{ids[0]}/explain", body)["why"]["reasons"]
    chips = viewer.get_by_test_id("why").get_by_role("listitem")
    expect(chips).to_have_count(len(expected))
    expect(chips.last).to_contain_text(f"{abs(expected[-1]['share']):.2f}")
    drawn = (
        "c => new Set(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.filter((_, i) => i % 4 === 3)).size"
    )
    assert viewer.get_by_test_id("why-map").evaluate(drawn) > 20, "what fits is lighter than the rest"
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile(f"image={ids[1]}"))
    expect(viewer.get_by_test_id("why-map")).to_be_visible()
    page.keyboard.press("w")
    expect(viewer.get_by_test_id("why")).to_have_count(0)
    expect(viewer.get_by_test_id("why-map")).to_have_count(0)
    button = viewer.get_by_role("button", name="Why it was found")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(viewer.get_by_test_id("why")).to_contain_text("stands out")
    reload(page)
    expect(page.get_by_test_id("why-map")).to_be_visible()
    page.keyboard.press("w")


def test_where_nothing_is_searched_for_there_is_no_why(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, f"/?image={server.ids()[0]}")
    viewer = page.get_by_test_id("viewer")
    expect(viewer.get_by_role("button", name="About this picture")).to_be_visible()
    expect(viewer.get_by_role("button", name="Why it was found")).to_have_count(0)
    page.keyboard.press("w")
    expect(viewer.get_by_test_id("why")).to_have_count(0)


@pytest.mark.parametrize("shape", ["width < 200 and height > 300", "width > 300 and height < 200"])
def test_a_part_of_a_picture(server: Server, open_page: Callable[..., Page], shape: str) -> None:
    id = server.ids(shape)[0]
    page = open_page(server, f"/?image={id}")
    viewer = page.get_by_test_id("viewer")
    viewer.get_by_test_id("box").click()
    at = place(viewer.get_by_test_id("box-area"))
    page.mouse.move(at["x"] + at["width"] * 0.1, at["y"] + at["height"] * 0.1)  # outside of the box that is there
    page.mouse.down()
    page.mouse.move(at["x"] + at["width"] * 0.4, at["y"] + at["height"] * 0.3, steps=3)
    page.mouse.move(at["x"] + at["width"] * 0.6, at["y"] + at["height"] * 0.7, steps=3)
    page.mouse.up()
    expect(viewer.get_by_role("spinbutton", name="Right")).to_have_value(
        re.compile("^(59|60|61)$")
    )  # a pixel is more than a percent
    viewer.get_by_test_id("search-box").click()
    expect(viewer).to_be_hidden()
    ids = searched(page)
    box = [float(side) for side in params(page)["box"].split(",")]
    assert box == pytest.approx([0.1, 0.1, 0.6, 0.7], abs=0.02)
    assert params(page)["id"] == id
    expect(page.get_by_test_id("query-picture")).to_contain_text("part")
    assert ids[:10] == first_hits(server, {"parts": [{"id": id, "box": box}]}, 10)
    whole = first_hits(server, {"parts": [{"id": id}]}, 30)
    assert ids[:30] != whole


def test_thumbs_rank_again_at_once_and_are_kept(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, "/?q=animal&all=1")
    before = searched(page)
    liked, disliked = before[4], before[0]
    judged: dict[str, object] = {"words": "animal", "cut": None}
    for id, kind, name in ((liked, "liked", "More like this one"), (disliked, "disliked", "Less like this one")):
        tile = grid(page).locator(f'[data-id="{id}"]')
        tile.hover()
        tile.get_by_label(name).click()
        judged[kind] = [id]
        expect(page.get_by_label(f"Remove the {kind.removesuffix('d')}s")).to_be_visible()
        wait_for(lambda: shown_ids(grid(page))[:10] == first_hits(server, judged, 10), "the new order")
    expect(page.get_by_text("1 liked")).to_be_visible()
    assert shown_ids(grid(page)) != before

    def kept() -> bool:
        feedback = server.get("/feedback")["feedback"]
        told = [{name: [one["id"] for one in f[name]] for name in ("liked", "disliked")} for f in feedback]
        return told == [{"liked": [liked], "disliked": [disliked]}] and feedback[0]["query"]["words"] == "animal"

    wait_for(kept, "both thumbs to be kept as one judgement")


def test_filters(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server)
    settled(page)
    open_facet(page, "folder")
    page.get_by_role("checkbox", name=re.compile("^food")).check()
    n = server.get("/images", filter='folder = "food"', k=1)["total"]
    expect(page.get_by_test_id("summary")).to_have_text(f"{n} pictures")
    page.keyboard.press("Escape")
    open_facet(page, "size")
    page.get_by_label("Width from").press("ArrowRight")
    wait_for(lambda: "width >= " in params(page)["filter"], "the filter in the address")
    food, width = params(page)["filter"].split(" and width >= ")
    assert re.fullmatch(r'\(uri >= "\S+/food/" and uri < "\S+/food0"\)', food)
    narrow = server.get("/images", filter=f'folder = "food" and width >= {width}', k=1)["total"]
    expect(page.get_by_test_id("summary")).to_have_text(f"{narrow} picture" + ("s" if narrow != 1 else ""))
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Any size").click()
    expect(page.get_by_test_id("summary")).to_have_text(f"{n} pictures")
    assert set(shown_ids(grid(page))) <= set(server.ids('folder = "food"'))
    page.get_by_role("button", name="Any folder").click()
    expect(page.get_by_test_id("summary")).to_have_text("185 pictures")


def test_a_wrong_filter_is_explained(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, expected=[(400, "/v1/images")])
    open_facet(page, "expression")
    page.locator("#filter-text").fill("width >=")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.locator("#filter-text").fill("width >= 10 and not format = GIF")
    page.get_by_role("button", name="Apply").click()
    wait_for(lambda: params(page).get("filter") == "width >= 10 and not format = GIF", "the filter in the address")


def test_tags_in_the_big_view(server: Server, open_page: Callable[..., Page]) -> None:
    id = server.id_of(PICTURE)
    page = open_page(server, f"/?image={id}")
    viewer = page.get_by_test_id("viewer")
    viewer.get_by_label("Add a tag").fill("holiday, blue sky")
    page.keyboard.press("Enter")
    expect(viewer.get_by_role("link", name="blue sky")).to_be_visible()
    wait_for(lambda: server.get(f"/images/{id}").get("tags") == ["holiday", "blue sky"], "the tags")
    viewer.get_by_label("Remove the tag holiday").click()
    expect(viewer.get_by_role("link", name="holiday")).to_have_count(0)
    wait_for(lambda: server.get(f"/images/{id}").get("tags") == ["blue sky"], "one tag")
    viewer.get_by_role("link", name="blue sky").click()
    expect(page.get_by_test_id("summary")).to_have_text("1 picture")
    assert shown_ids(grid(page)) == [id]


def test_several_are_tagged_at_once(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server)
    settled(page)
    ids = shown_ids(grid(page))[:3]
    for index in (0, 2):
        page.keyboard.down("Shift")
        grid(page).locator(f"[data-index='{index}'] .tile-link").click()
        page.keyboard.up("Shift")
    expect(page.get_by_test_id("selection-bar")).to_contain_text("3 pictures")
    page.get_by_test_id("tag").click()
    page.get_by_label("Add tags").fill("three")
    page.keyboard.press("Enter")
    message(page, "Tags of 3 pictures changed")
    assert sorted(server.ids('tags = "three"')) == sorted(ids)


def test_back_forward_and_reload(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server)
    settled(page)
    box = page.get_by_label("Search in words or by a URL")
    box.fill("dog")
    page.keyboard.press("Enter")
    dogs = searched(page)
    grid(page).locator("[data-index='0'] .tile-link").click()
    expect(page.get_by_test_id("viewer")).to_be_visible()
    page.keyboard.press("ArrowRight")
    wait_for(lambda: params(page).get("image") == dogs[1], "the second picture")
    reload(page)
    expect(page.get_by_test_id("viewer")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("viewer")).to_be_hidden()
    box.fill("bread")
    page.keyboard.press("Enter")
    wait_for(lambda: params(page) == {"q": "bread"}, "the new query in the address")
    bread = searched(page)
    assert bread != dogs
    page.go_back()
    expect(box).to_have_value("dog")
    wait_for(lambda: shown_ids(grid(page))[:8] == dogs[:8], "the former hits")
    page.go_forward()
    expect(box).to_have_value("bread")
    wait_for(lambda: shown_ids(grid(page))[:8] == bread[:8], "the later hits")
    reload(page)
    expect(box).to_have_value("bread")
    assert searched(page)[:8] == bread[:8]


def test_with_the_keyboard_alone(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server)
    settled(page)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keyboard")).to_have_count(0)
    page.keyboard.press("/")
    page.keyboard.type("animal")
    page.keyboard.press("Enter")
    hits = searched(page)
    page.keyboard.press("Escape")
    expect(page.locator("#search-words")).not_to_be_focused()
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('.tile-link')"):
            break
    expect(grid(page).locator("[data-index='0'] .tile-link")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(grid(page).locator("[data-index='1'] .tile-link")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(grid(page).locator("[data-index='1'] .tile-link")).not_to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Home")
    expect(grid(page).locator("[data-index='0'] .tile-link")).to_be_focused()
    page.keyboard.press("Space")
    expect(page.get_by_test_id("selection-bar")).to_contain_text("1 picture")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("selection-bar")).to_have_count(0)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("viewer")).to_be_visible()
    assert params(page)["image"] == hits[0]
    page.keyboard.press("ArrowRight")
    wait_for(lambda: params(page)["image"] == hits[1], "the next picture")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("viewer")).to_have_count(0)
    expect(grid(page).locator("[data-index='0'] .tile-link")).to_be_focused()
    page.keyboard.press("s")
    expect(page.get_by_test_id("query-picture")).to_be_visible()
    assert params(page) == {"id": hits[0]}


def test_the_title_says_what_is_searched_for(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server)
    expect(page).to_have_title("Search · ImageFinder")
    box = page.get_by_role("combobox", name="Search in words")
    box.fill("dog -grass")
    box.press("Enter")
    expect(page).to_have_title("dog -grass · Search · ImageFinder")
    page.get_by_role("navigation").get_by_role("link", name="Groups").click()
    expect(page).to_have_title("Groups · ImageFinder")
    page.go_back()
    expect(page).to_have_title("dog -grass · Search · ImageFinder")
    visit(page, server, f"/?id={server.ids()[0]}")
    expect(page).to_have_title("By a picture · Search · ImageFinder")


def test_what_was_disliked_is_seen_and_taken_back_one_by_one(server: Server, open_page: Callable[..., Page]) -> None:
    ids = first_hits(server, {"words": "dog"}, 3)
    page = open_page(server, f"/?q=dog&liked={ids[0]}&disliked={ids[1]},{ids[2]}")
    page.get_by_role("button", name="2 disliked: see which").click()
    shown = page.get_by_role("dialog", name="2 disliked: see which")
    expect(shown.get_by_role("link")).to_have_count(2)
    assert ids[1] in str(shown.get_by_role("link", name="Picture 1").get_attribute("href"))
    shown.get_by_role("button", name="Take back picture 1").focus()
    page.keyboard.press("Enter")
    wait_for(lambda: params(page)["disliked"] == ids[2], "the other one alone")
    last = page.get_by_role("button", name="Take back picture 1")
    expect(last).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("disliked")).to_have_count(0)
    assert params(page)["liked"] == ids[0]
    expect(page.locator("main")).to_be_focused()


def test_a_double_click_dislikes_one_picture(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, "/?q=dog")
    ids = searched(page)
    settled(page)
    grid(page).locator(f'[data-id="{ids[0]}"]').hover()
    button = place(grid(page).locator(f'[data-id="{ids[0]}"]').get_by_role("button", name="Less like this one"))
    page.mouse.move(button["x"] + button["width"] / 2, button["y"] + button["height"] / 2)
    page.mouse.down(click_count=1)
    page.mouse.up(click_count=1)
    wait_for(lambda: params(page).get("disliked") == ids[0], "the dislike")
    wait_for(lambda: ids[0] not in shown_ids(grid(page))[:1], "another picture in its place")
    page.mouse.down(click_count=2)
    page.mouse.up(click_count=2)
    painted(page)
    assert params(page)["disliked"] == ids[0]


def test_pictures_are_selected_from_their_menu_on_a_phone(server: Server, open_page: Callable[..., Page]) -> None:
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    page = open_page(server, "/?q=dog", **phone)
    settled(page)
    grid(page).locator("[data-index='0']").get_by_role("button", name="Actions").click()
    page.get_by_role("button", name="Select", exact=True).click()
    expect(page.get_by_role("region", name="Selected pictures")).to_contain_text("1 picture")
