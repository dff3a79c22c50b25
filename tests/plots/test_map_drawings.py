"""The drawings of a map: colours, scatter plots, picture maps, the page and the tables."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imagefinder.errors import InvalidInputError
from imagefinder.plots import pictures
from imagefinder.plots import scatter as scatter_module
from imagefinder.plots.colours import NONE_COLOUR, colour_by, name_places
from imagefinder.plots.page import link, write_page
from imagefinder.plots.pictures import grid_cells, picture_map
from imagefinder.plots.scatter import plot_scatter
from imagefinder.plots.table import map_rows, write_parquet
from imagefinder.plots.variance import plot_variance
from imagefinder.types import Record
from imagefinder.vectors.variance import pca_report

NASTY = '</script><img src=x onerror=alert(1)>"& <!-- $a$ é \u2028.jpg'


def spots(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, 2)).astype(np.float32)


def records(n: int, folder: Path, make_image: object = None) -> list[Record]:
    found = []
    for i in range(n):
        path = folder / f"{i}.jpg"
        if make_image is not None:
            make_image(i, (90, 60)).save(path)  # type: ignore[operator]
        found.append(Record(id=str(i), uri=str(path), width=90, caption=NASTY, extra={"cluster": i % 3 - 1}))
    return found


def test_words_and_clusters_are_categories_and_numbers_a_ramp() -> None:
    clusters = colour_by([2, 0, 0, -1, None, 2, 0], "cluster")
    assert [(c.label, c.count, c.named) for c in clusters.categories] == [
        ("0", 3, True), ("2", 2, True), ("no cluster", 2, False),
    ]  # fmt: skip
    assert clusters.categories[-1].colour == NONE_COLOUR
    assert clusters.codes.tolist() == [1, 0, 0, 2, 2, 1, 0]
    widths = colour_by([1, None, 3.5], "width")
    assert widths.numbers is not None and np.isnan(widths.numbers[1]) and not widths.categories
    tags = colour_by([["b", "x"], [], ["b"], True], "tags")
    assert [c.label for c in tags.categories] == ["b", "True", "no value"]
    alone = {c.label: c.colour for c in colour_by([5, 2], "cluster").categories}
    assert alone["2"] == colour_by([2, 5, 5], "cluster").categories[0].colour  # whatever their sizes


def test_a_name_stands_where_its_category_is_dense() -> None:
    two = np.concatenate([spots(60) * 0.1, spots(50) * 0.1 + 10])
    place = name_places(two, colour_by(["a"] * 110, "folder"))[0]
    assert np.abs(place).max() < 1


@pytest.mark.parametrize("name", ["a.png", "a.svg", "a.pdf"])
@pytest.mark.parametrize("n", [1, 3, 300])
def test_scatter_plots_of_any_size(n: int, name: str, tmp_path: Path) -> None:
    for values, field in (([NASTY] * n, "folder"), (list(range(n)), "width"), ([i % 40 for i in range(n)], "cluster")):
        plot_scatter(spots(n), path=tmp_path / name, colouring=colour_by(values, field), title="$x", note=NASTY)
        assert (tmp_path / name).stat().st_size > 3000


def test_names_on_the_map_do_not_overlap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    boxes = []
    place = scatter_module._free_place

    def spied(text, renderer, taken, page):  # type: ignore[no-untyped-def]
        box = place(text, renderer, taken, page)
        if box is not None:
            boxes.append(box)
        return box

    monkeypatch.setattr(scatter_module, "_free_place", spied)
    plot_scatter(spots(3000), path=tmp_path / "a.png", colouring=colour_by([i % 100 for i in range(3000)], "cluster"))
    assert len(boxes) > 30
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_many_points_make_no_large_svg(tmp_path: Path) -> None:
    plot_scatter(spots(20_000), path=tmp_path / "a.svg", colouring=colour_by(["a", "b"] * 10_000, "folder"))
    assert (tmp_path / "a.svg").stat().st_size < 3_000_000


def test_the_variance_plot(tmp_path: Path) -> None:
    for n, name in ((2, "two.png"), (80, "many.svg")):
        plot_variance(
            pca_report([np.random.default_rng(0).random((n, 30), np.float32)], searched=5), path=tmp_path / name
        )
        assert (tmp_path / name).stat().st_size > 5000
    with pytest.raises(InvalidInputError, match="extension"):
        plot_variance(pca_report([np.eye(3, dtype=np.float32)]), path=tmp_path / "a.gif")


@settings(deadline=None, max_examples=60)
@given(n=st.integers(1, 150), shown=st.sampled_from([20, 90, 400]), flat=st.booleans(), seed=st.integers(0, 9))
def test_no_picture_covers_another(n: int, shown: int, flat: bool, seed: int) -> None:
    places = spots(n, seed) * ([1, 0] if flat else [1, 3])
    rows, cells, (columns, lines) = grid_cells(places.astype(np.float32), shown=shown)
    assert len({tuple(c) for c in cells.tolist()}) == len(rows) == len(set(rows.tolist())) <= shown
    assert len(rows) == n or n > shown
    assert (cells >= 0).all() and (cells < [columns, lines]).all()


def test_pictures_lie_where_their_images_do() -> None:
    corners = np.array([[0, 0], [9, 0], [0, 9], [9, 9]], np.float32)
    around = np.concatenate([c + spots(30, i) * 0.5 for i, c in enumerate(corners)]).astype(np.float32)
    rows, cells, (columns, lines) = grid_cells(around)
    left, top = cells[:, 0] < columns / 2, cells[:, 1] < lines / 2
    assert (left == (around[rows, 0] < 4.5)).mean() > 0.95
    assert (top == (around[rows, 1] > 4.5)).mean() > 0.95


def test_a_picture_map_shows_each_picture_once(tmp_path: Path) -> None:
    colours = [(250, 10, 10), (10, 250, 10), (10, 10, 250)]
    for i, colour in enumerate(colours):
        Image.new("RGB", (64, 40), colour).save(tmp_path / f"{i}.png")
    uris = [str(tmp_path / f"{i}.png") for i in range(4)]  # the last one is not there
    sheet, drawn = picture_map(spots(4), uris)
    assert drawn == 3 and max(sheet.size) <= pictures.LONGEST
    areas = {colour: count for count, colour in sheet.getcolors() or []}
    assert len({areas[c] for c in colours}) == 1
    with pytest.raises(InvalidInputError):
        picture_map(spots(0), [])


class Page(HTMLParser):
    """What a browser would make of it: tags, and the text of the scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] == "script":
            self.scripts.append(data)


def test_the_page_needs_no_network_and_trusts_no_name(tmp_path: Path, make_image: object) -> None:
    rows = [*records(5, tmp_path, make_image), Record(id="u", uri=f"https://example.org/{NASTY}")]
    colouring = colour_by([r.extra.get("cluster") for r in rows], "cluster")
    assert write_page(spots(6), rows[:5] + rows[5:], tmp_path / "map.html", colouring=colouring, title=NASTY) == 5
    text = (tmp_path / "map.html").read_text("utf-8")
    page = Page(text)
    assert [t for t, _ in page.tags].count("script") == 2 and "onerror" not in str(page.tags)
    assert not [a for _, attrs in page.tags for a in attrs if a in ("src", "href")]
    data = json.loads(next(s for s in page.scripts if s.lstrip().startswith("{")))
    assert data["title"] == NASTY and data["captions"][0] == NASTY
    assert [data["base"] + u for u in data["uris"]] == [r.uri for r in rows]
    assert data["sprites"]["slots"] == [0, 1, 2, 3, 4, -1]
    assert all(s.startswith("data:image/jpeg;base64,") for s in data["sprites"]["sheets"])
    outside = re.sub(r'<script type="application/json".*?</script>', "", text, flags=re.S)
    assert not re.search(r"https?://", outside)
    assert "default-src 'none'" in outside


def test_only_pictures_are_linked() -> None:
    assert link("https://a.b/c.jpg") == "https://a.b/c.jpg"
    assert link("javascript:alert(1)") == link("data:text/html,x") == link("relative.jpg") == ""
    assert link("/a b/c#.jpg").endswith("/a%20b/c%23.jpg")


def test_of_many_images_the_page_holds_an_even_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imagefinder.plots.page.EMBEDDED", 10)
    Image.new("RGB", (8, 8), "red").save(tmp_path / "one.png")
    rows = [Record(id=str(i), uri=str(tmp_path / "one.png")) for i in range(60)]
    assert 4 <= write_page(spots(60), rows, tmp_path / "map.html") <= 10


def test_fields_of_several_kinds_become_text_in_parquet(tmp_path: Path) -> None:
    rows = map_rows(spots(3), records(3, tmp_path))
    rows[0]["mixed"], rows[1]["mixed"], rows[2]["tags"] = 1, "a", ["x", "y"]
    write_parquet(rows, tmp_path / "map.parquet")
    table = pq.read_table(tmp_path / "map.parquet")
    assert table["mixed"].to_pylist() == ["1", "a", None]
    assert table["tags"].to_pylist() == [None, None, ["x", "y"]]
    assert table["cluster"].to_pylist() == [-1, 0, 1]
    assert table["image"].to_pylist() == [None] * 3  # the files are not there
    assert table["x"].type == "double"
