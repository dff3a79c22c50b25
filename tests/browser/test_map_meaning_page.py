"""What the map means: names of groups on it, axes by words and pictures, what can be done with a selection, a picture
of it, and making one."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from browsing import Server, message, painted
from PIL import Image

expect = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed").expect

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

OPEN_MODULES = "const load = (name) => import(`/js/map/${name}.js`);"


@pytest.fixture(scope="module")
def server(serve: Callable[..., Server], grouped_index: Path) -> Server:
    return serve(grouped_index)


def stage(page: Page) -> Locator:
    return page.get_by_test_id("map")


def opened(page: Page) -> None:
    expect(stage(page)).to_have_attribute("data-resting", "true")
    expect(stage(page)).to_have_attribute("aria-busy", "false")


def select_all(page: Page) -> int:
    page.get_by_role("button", name="Select all that is in view").click()
    return int(page.get_by_test_id("selection").get_attribute("data-count") or 0)


def test_groups_are_named_on_the_map(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, "/map?method=pca")
    expect(stage(page)).not_to_have_attribute("data-names", "0")
    page.get_by_role("button", name="Show names").focus()
    page.keyboard.press("Enter")
    expect(stage(page)).to_have_attribute("data-names", "0")
    page.wait_for_url("**names=0**")
    legend = page.get_by_test_id("legend")
    expect(legend.get_by_role("button").first).to_be_hidden()  # folded, so that it hides nothing
    legend.locator("summary").click()
    expect(legend.get_by_role("button").first).to_be_visible()


def test_names_keep_clear_of_each_other_and_more_have_room_nearer(
    server: Server, open_page: Callable[..., Page]
) -> None:
    page = open_page(server, "/map?method=pca")
    rows = page.evaluate(
        f"""async () => {{ {OPEN_MODULES}
          const {{ layOut }} = await load("layout");
          const {{ placesOf, arranged }} = await load("names");
          const groups = 60, each = (g) => 20 + 4 * g, coordinates = [], codes = [];
          for (let g = 0; g < groups; g++) for (let i = 0; i < each(g); i++) {{
            const angle = 2.4 * i, far = 0.02 * Math.sqrt(i);
            coordinates.push((g % 8) + far * Math.cos(angle), Math.floor(g / 8) + far * Math.sin(angle));
            codes.push(2 + g);
          }}
          const kind = (g) => ({{ code: 2 + g, value: g, name: `a group called ${{g}}`, count: each(g) }});
          const kinds = Array.from({{ length: groups }}, (_, g) => kind(g));
          const layout = layOut(Float32Array.from(coordinates));
          const places = placesOf(layout, {{ kinds, codes: Uint8Array.from(codes) }});
          const extent = {{ halfWidth: layout.halfWidth, halfHeight: layout.halfHeight }};
          const widthOf = (name, size) => 0.55 * size * name.length;
          const box = ({{ place: {{ name }}, x, y, width: w, height: h }}) =>
            [name, x - w / 2, y - h / 2, x + w / 2, y + h / 2];
          return [250, 500, 1000, 2000].map((scale) => arranged(places, {{ scale, extent }}, widthOf).map(box));
        }}"""
    )
    names = [[row[0] for row in boxes] for boxes in rows]
    assert all(some[0] == "a group called 59" for some in names)  # the largest
    assert len(names[0]) < len(names[1]) < len(names[2]) <= len(names[3]) == 60
    for boxes in rows:
        for i, (_, left, top, right, bottom) in enumerate(boxes):
            for _, *other in boxes[:i]:
                assert left >= other[2] or right <= other[0] or top >= other[3] or bottom <= other[1]


def test_groups_of_a_few_pictures_far_apart_are_named_too(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, "/map?method=pca")
    names = page.evaluate(
        f"""async () => {{ {OPEN_MODULES}
          const {{ layOut }} = await load("layout");
          const {{ placesOf }} = await load("names");
          const n = 180, side = 14; // as t-SNE lays out a few: no two in one place
          const coordinates = [];
          for (let i = 0; i < n; i++) coordinates.push(i % side, Math.floor(i / side));
          const codes = Uint8Array.from({{ length: n }}, (_, i) => 2 + Math.floor(i / 45));
          const kinds = [0, 1, 2, 3].map((g) => ({{ code: 2 + g, value: g, name: `group ${{g}}`, count: 45 }}));
          return placesOf(layOut(Float32Array.from(coordinates)), {{ kinds, codes }}).map((place) => place.name);
        }}"""
    )
    assert sorted(set(names)) == ["group 0", "group 1", "group 2", "group 3"]


def test_scores_come_in_parts(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, "/map?method=pca")
    opened(page)
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url) if "/scores" in one.url else None)
    whole, parts, n = page.evaluate(
        """async () => {
          const { api } = await import("/js/api.js");
          const { MapSource } = await import("/js/map/source.js");
          const { maps: [map] } = await api.get("/maps");
          const source = new MapSource();
          await source.open(map);
          const path = `${source.path}/scores`, body = { words: "animal" };
          const whole = new Float32Array(await api.post(path, body, { as: "bytes" }));
          const parts = new Uint8Array(4 * map.images);
          const told = [];
          await source.load(path, parts, map.images, null, { body, most: 40, onPart: (n) => told.push(n) });
          source.close();
          return [[...whole], [...new Float32Array(parts.buffer)], told];
        }"""
    )
    assert len(whole) > 10 and whole == parts and n == [*range(10, len(whole), 10), len(whole)]
    assert [one.partition("?")[2] for one in asked[1:]] == [f"offset={i}&k=10" for i in range(0, len(whole), 10)]


def test_words_become_left_and_right(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, "/map?method=pca")
    opened(page)
    page.get_by_role("button", name="Arrange by meaning").focus()
    page.keyboard.press("Enter")
    across = page.get_by_label("Left to right")
    expect(across).to_be_focused()
    page.keyboard.type("animal")
    page.keyboard.press("Tab")
    page.keyboard.type("food")
    page.keyboard.press("Enter")
    page.wait_for_url("**x=animal**y=food**")
    expect(page.get_by_test_id("axis-across")).to_contain_text("animal")
    expect(page.get_by_test_id("axis-up")).to_contain_text("food")
    assert "left to right: animal, bottom to top: food" in (
        page.get_by_role("application").get_attribute("aria-label") or ""
    )
    scores, ids = scored(server, "animal")
    page = open_page(server, "/map?method=pca&x=animal&view=0.8,0,3")  # the right end
    opened(page)
    n = select_all(page)
    assert 0 < n < len(ids) / 2
    right = page.get_by_test_id("selection-list").get_by_role("link")
    shown = [str(link.get_attribute("href")).split("image=")[1].split("&")[0] for link in right.all()]
    assert min(scores[id] for id in shown) > np.median(list(scores.values()))
    page.get_by_role("button", name="Arrange by meaning").click()
    page.get_by_role("button", name="Back to the map").click()
    expect(page.get_by_test_id("axis-across")).to_have_count(0)


def scored(server: Server, words: str) -> tuple[dict[str, float], list[str]]:
    name = server.get("/maps")["maps"][0]["name"]
    answer = server.client.post(f"/maps/{name}/scores", json={"words": words})
    raw = server.client.get(f"/maps/{name}/ids").content
    ids = [raw[i : i + 16].hex() for i in range(0, len(raw), 16)]
    ids = ["-".join((h[:8], h[8:12], h[12:16], h[16:20], h[20:])) for h in ids]
    return dict(zip(ids, np.frombuffer(answer.content, "<f4").tolist(), strict=True)), ids


def test_unknown_words_leave_the_map_as_it_is(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, "/map?method=pca&x=qwzrtpfgh", expected=[(400, "/v1/maps/")])
    message(page, "qwzrtpfgh")
    expect(stage(page)).to_have_attribute("data-resting", "true")
    assert int(stage(page).get_attribute("data-points") or 0) > 0
    expect(page.get_by_test_id("axis-across")).to_have_count(0)


def test_pictures_become_an_axis_and_steer_what_is_lit(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, "/map?method=pca&view=0.3,0.1,6")
    opened(page)
    n = select_all(page)
    assert n > 0
    page.get_by_test_id("selection").get_by_role("button", name="Left to right").click()
    page.wait_for_url("**x=id:**")
    expect(page.get_by_test_id("axis-across")).to_contain_text(f"By {min(n, 12)} picture")
    page.get_by_role("button", name="More like these").click()
    page.wait_for_url("**liked=**")
    expect(page.get_by_role("search", name="On the map")).to_contain_text(f"{min(n, 50)} liked")
    expect(stage(page)).not_to_have_attribute("data-lit", "0")
    page.get_by_role("button", name="Clear the words").click()
    expect(stage(page)).to_have_attribute("data-lit", "0")


def test_a_selection_is_moved_to_a_group(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, "/map?method=pca&view=0.3,0.1,6")
    opened(page)
    n = select_all(page)
    groups = server.get("/clusters")["clusters"]
    page.get_by_role("button", name="Move to group").click()
    page.get_by_label("Find a group").fill(groups[0]["name"])
    page.keyboard.press("Enter")
    message(page, f"moved to “{groups[0]['name']}”")
    assert server.get("/images", filter=f"cluster = {groups[0]['label']}", k=1)["total"] >= n
    page.get_by_role("button", name="Undo").click()
    message(page, "Undone: ")
    assert [one["size"] for one in server.get("/clusters")["clusters"]] == [one["size"] for one in groups]


def test_a_search_says_by_how_many_it_looks(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, "/map?method=pca")
    opened(page)
    assert select_all(page) > 50
    page.get_by_test_id("selection").get_by_role("button", name="More", exact=True).click()
    page.get_by_role("button", name="Search by 50 of these").click()
    page.wait_for_url("**/?id=*")
    assert len(page.evaluate("new URLSearchParams(location.search).get('id').split(',')")) == 50
    expect(page.get_by_role("list", name="What is searched for").get_by_role("listitem")).to_have_count(50)
    expect(page.get_by_test_id("summary")).not_to_be_empty()


def test_what_is_seen_is_saved_as_a_picture(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, "/map?method=pca&x=animal&colour=bytes")
    opened(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save what is seen as a picture").click()
    assert download.value.suggested_filename == "map.png"
    box = stage(page).bounding_box()
    assert box is not None
    with Image.open(io.BytesIO(Path(download.value.path()).read_bytes())) as picture:
        assert picture.size == (round(2 * box["width"]), round(2 * box["height"]))
        pixels = np.asarray(picture.convert("RGB"))
    assert len(np.unique(pixels.reshape(-1, 3) >> 4, axis=0)) > 30  # points and pictures, not the ground alone
    lower = pixels[-2 * 46 : -2 * 6, pixels.shape[1] // 2 - 60 : pixels.shape[1] // 2 + 60]
    assert lower.std() > 5  # the name of the axis
    opened(page)
    painted(page)


def test_choosing_a_layout_makes_it(
    serve: Callable[..., Server], grouped_index: Path, open_page: Callable[..., Page]
) -> None:
    server = serve(grouped_index)
    page = open_page(server, "/map?method=pca")
    opened(page)
    page.get_by_role("button", name="Layout: Quick sketch").focus()
    page.keyboard.press("Enter")
    choice = page.get_by_test_id("method-choice").filter(has_text="Neighbourhoods")
    expect(choice).to_contain_text("What is alike lies side by side")
    expect(choice).to_contain_text("Not made yet")
    choice.press("Enter")
    page.wait_for_url("**method=tsne**")
    opened(page)
    assert {one["method"] for one in server.get("/maps")["maps"]} == {"pca", "tsne"}


def test_progress_only_goes_forward(server: Server, open_page: Callable[..., Page]) -> None:
    page = open_page(server, "/map?method=pca")
    told: list[Any] = [("", 0, 0), ("reading vectors", 0, 0), ("comparing images", 0, 0), ("laying out", 0, 375)]
    told += [("laying out", 200, 375), ("laying out", 375, 375), ("scoring the map", 0, 0)]
    shares = page.evaluate(
        f"""async (told) => {{ {OPEN_MODULES}
          const {{ shareDone }} = await load("making");
          return told.map(([stage, done, total]) => shareDone({{ stage, done, total }}));
        }}""",
        told,
    )
    assert shares == sorted(shares) and shares[0] == 0 and 0.3 < shares[4] < 0.8 < shares[6] < 1


def test_an_empty_library_has_no_map_to_make(serve: Callable[..., Server], open_page: Callable[..., Page]) -> None:
    page = open_page(serve(), "/map")
    expect(page.get_by_text("There are no pictures yet")).to_be_visible()
    expect(page.get_by_test_id("method")).to_have_count(0)
    page.get_by_role("link", name="Add pictures").click()
    page.wait_for_url("**/library?add=1")
