"""The order that a wall of pictures is laid out by: as lists are sorted, with the shape and colours of each image."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from imagefinder import ImageFinder
from imagefinder.catalog.order import MIDDLE, ORDERS, UNKNOWN, WIDEST, shapes_of
from imagefinder.errors import InvalidInputError
from imagefinder.images.palette import COLOURS


@pytest.fixture(scope="module")
def finder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImageFinder]:
    home = tmp_path_factory.mktemp("order")
    for i in range(12):
        Image.new("RGB", (30 + 20 * i, 60), ("red", "blue", "green")[i % 3]).save(home / f"{i:02d}.png")
    with ImageFinder.open(home / "index", model="fast") as finder:
        finder.add(home)
        yield finder


@pytest.mark.parametrize("sort", [None, "-mtime", "uri", "-width"])
@pytest.mark.parametrize("filter", [None, "colours = red", "width > 1000"])
def test_it_is_the_order_of_lists(finder: ImageFinder, sort: str | None, filter: str | None) -> None:
    records, total = finder.list(filter, sort, 1000)
    order = finder.order(filter, sort)
    assert list(order.ids) == [r.id for r in records] and len(order.shapes) == len(order.colours) == total
    for place, record in enumerate(records):
        ratio = WIDEST ** ((order.shapes[place] - MIDDLE) / MIDDLE)
        assert ratio == pytest.approx(min(WIDEST, record.width / record.height), rel=0.005)
        assert COLOURS[(order.colours[place] >> 4) - 1] == record.colours[0]
        assert order.place(record.id) == place
    later, _ = finder.list(filter, sort, 3, 2)
    assert [r.id for r in later] == [r.id for r in records[2:5]]


def test_it_is_remembered_until_something_is_written(finder: ImageFinder) -> None:
    first = finder.order(sort="-width")
    assert finder.order(sort="-width") is first
    finder.tag([first.ids[0]], add=["seen"])
    again = finder.order(sort="-width")
    assert again is not first and list(again.ids) == list(first.ids)


def test_few_orders_are_remembered(finder: ImageFinder) -> None:
    for width in range(ORDERS + 3):
        finder.order(f"width > {width}")
    kept = [one for one in finder._collection.index.remembered if one.startswith("order ")]
    assert len(kept) == ORDERS


def test_an_unknown_sort_is_refused(finder: ImageFinder) -> None:
    with pytest.raises(InvalidInputError, match="sorted"):
        finder.order(sort="beauty")


def test_shapes() -> None:
    sizes = [(7, 7), (3, 1), (1, 3), (100, 1), (1, 100), (math.nan, 5), (0, 0), (3, 2)]
    found = shapes_of(*np.array(sizes, float).T).tolist()
    assert found == [127, 254, 0, 254, 0, UNKNOWN, UNKNOWN, MIDDLE + round(MIDDLE * math.log(1.5) / math.log(3))]
