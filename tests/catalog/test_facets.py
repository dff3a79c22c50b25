"""Facets, columns, lists, tags and captions: against plain Python over all records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from imagefinder import ImageFinder
from imagefinder.catalog.facets import SORTS
from imagefinder.errors import InvalidFilterError, InvalidInputError, NotFoundError
from imagefinder.types import image_id

YEARS = ("2019-05-01", "2021-12-31T23:30:00-02:00", "2022-01-01T01:00:00", None)


@pytest.fixture(scope="module")
def finder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImageFinder]:
    """24 plain pictures in three folders, with all that an image may have, here and there."""
    home = tmp_path_factory.mktemp("browsing")
    for i in range(24):
        path = home / f"album{i % 3}" / f"{i:02d}.{'png' if i % 2 else 'jpg'}"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (40 + 7 * (i % 5), 50), ("red", "blue", "white", "green")[i % 4]).save(path)
    with ImageFinder.open(home / "index", model="fast") as finder:
        finder.add(*sorted(home.glob("album*")))
        for i, record in enumerate(finder.records()):
            fields: dict[str, Any] = {"cluster": i % 4 - 1, "taken_at": YEARS[i % 4], "shop no": i}
            fields |= {"cluster_name": f"group {i % 4}" if i % 4 else None, "blur": 0.1 * (i % 3) if i % 2 else None}
            fields |= {"issues": ["dark", "tiny"] if i % 6 == 0 else []}
            finder._collection.index.store.merge_payload([record.id], fields)
            if i % 5 == 0:
                finder.tag([record.id], add=["sale", f"size {i}"])
        yield finder


def counted(values: list[Any]) -> list[tuple[Any, int]]:
    return sorted(Counter(values).items(), key=lambda row: (-row[1], str(row[0])))


@pytest.mark.parametrize("filter", [None, "folder = album1", "width > 50 and colours = red", "width > 1000"])
def test_facets_count_what_the_records_say(finder: ImageFinder, filter: str | None) -> None:
    rows = [r.to_dict() for r in finder.records(filter)]
    found = finder.facets(filter)
    assert found["total"] == len(rows)
    for field in ("folder", "format", "cluster"):
        shown = [(row["value"], row["count"]) for row in found[field]]
        assert shown == counted([row[field] for row in rows if field in row])
    for field in ("tags", "colours", "issues"):
        shown = [(row["value"], row["count"]) for row in found[field]]
        assert shown == counted([value for row in rows for value in row.get(field, [])])
    years = counted([int(row["taken_at"][:4]) for row in rows if "taken_at" in row])
    assert [(row["value"], row["count"]) for row in found["year"]] == years
    assert {row["value"]: row.get("name") for row in found["cluster"]} == {
        row["cluster"]: row.get("cluster_name") for row in rows
    }
    for field in ("width", "height", "bytes"):
        values = [row[field] for row in rows]
        assert found["ranges"].get(field, []) == ([min(values), max(values)] if values else [])
    if filter is None:  # in time, not in text: half past one of the next day in UTC comes after one o'clock
        assert found["ranges"]["taken_at"] == [YEARS[0], YEARS[1]]


def test_a_facet_holds_the_hundred_most_frequent(tmp_path: Path) -> None:
    Image.new("RGB", (20, 20)).save(tmp_path / "a.png")
    with ImageFinder.open(tmp_path / "index", model="fast") as finder:
        assert finder.facets()["total"] == 0
        finder.add(tmp_path / "a.png")
        (record,) = finder.records()
        finder._collection.index.store.merge_payload([record.id], {"tags": [f"t{i:03d}" for i in range(150)]})
        assert [row["value"] for row in finder.facets()["tags"]] == [f"t{i:03d}" for i in range(100)]
        assert finder.facets()["more"] == {"tags": 50}, "a list that is cut says so"


def test_facets_are_never_out_of_date(finder: ImageFinder) -> None:
    found = finder.facets("width > 50")
    found["folder"].clear()  # the caller's own
    assert finder.facets("width > 50")["folder"]
    for i in range(20):
        finder.facets(f"width > {i}")
    id = finder.records("width > 50")[0].id
    finder.tag([id], add=["brand new"])
    assert {"value": "brand new", "count": 1} in finder.facets("width > 50")["tags"]
    finder.tag([id], remove=["brand new"])
    assert "brand new" not in {row["value"] for row in finder.facets("width > 50")["tags"]}


@pytest.mark.parametrize("sort", [f"{sign}{field}" for field in SORTS for sign in ("", "-")])
def test_lists_are_sorted_and_their_pages_hold_each_record_once(finder: ImageFinder, sort: str) -> None:
    records, total = finder.list(None, sort, 1000)
    assert total == len(records) == len(finder)
    field = sort.removeprefix("-")
    values = [r.to_dict().get(field) for r in records]
    there = [v for v in values if v is not None]
    assert values == there + [None] * (len(values) - len(there))
    if field != "taken_at":
        assert there == sorted(there, reverse=sort.startswith("-"))
    else:
        in_time = [YEARS[0], YEARS[2], YEARS[1]]  # by the zone, not by the text
        assert list(dict.fromkeys(there)) == (in_time[::-1] if sort.startswith("-") else in_time)
    pages = [finder.list(None, sort, 7, offset)[0] for offset in range(0, 28, 7)]
    assert [r.id for page in pages for r in page] == [r.id for r in records]


def test_columns_are_the_fields_of_the_records(finder: ImageFinder) -> None:
    for filter, sort in ((None, None), ("folder = album2", "-width")):
        rows = [r.to_dict() for r in finder.list(filter, sort, 1000)[0]]
        fields = ["width", "id", "cluster_name", "shop no", "tags", "nothing"]
        found = finder.columns(fields, filter, sort)
        assert list(found) == fields
        assert found == {field: [row.get(field) for row in rows] for field in fields}


def test_wrong_calls_are_refused(finder: ImageFinder) -> None:
    for fields in ([], "id", [""], [3], ["x"] * 51):
        with pytest.raises(InvalidInputError):
            finder.columns(fields)  # type: ignore[arg-type]
    for sort in ("size", "--id", "caption"):
        with pytest.raises(InvalidInputError, match="sorted"):
            finder.list(None, sort)
    for k, offset in ((0, 0), (1, -1)):
        with pytest.raises(InvalidInputError):
            finder.list(None, None, k, offset)
    for ask in (finder.facets, finder.list, lambda where: finder.columns(["id"], where)):
        with pytest.raises(InvalidFilterError):
            ask("width >>> 3")


# --- tags and captions ----------------------------------------------------------------------------------------------


def test_tags_are_added_and_removed(finder: ImageFinder) -> None:
    a, b, c = (r.id for r in finder.records()[1:4])
    assert finder.tag([a, b], add=[" summer ", "summer", "Lake Garda"]) == 2
    assert finder.tag([a, b, c], add=["summer"]) == 1
    assert [finder.get(i).tags for i in (a, b, c)] == [("summer", "Lake Garda")] * 2 + [("summer",)]
    assert {r.id for r in finder.records("tags = summer")} == {a, b, c}
    assert finder.tag([finder.get(a).uri], add=["new"], remove=["summer"]) == 1
    assert finder.get(a).tags == ("Lake Garda", "new")
    assert finder.tag(filter="tags = summer or tags = new", remove=["summer", "new", "Lake Garda"]) == 3
    assert not finder.get(a).tags and "tags" not in finder.get(a).to_dict()
    assert finder.tag([a], remove=["nothing"]) == 0


def test_captions_and_names_are_given_and_taken_away(finder: ImageFinder) -> None:
    id = finder.records()[8].id
    record = finder.update(id, caption="  A boat.\nOn a lake. ", tags=["boat"], name="boat.jpg")
    assert (record.caption, record.tags, record.extra["name"]) == ("A boat.\nOn a lake.", ("boat",), "boat.jpg")
    assert finder.update(id, tags=[]).tags == ()
    assert finder.get(id).caption
    assert finder.update(id, caption=None, name=None) == finder.get(id)
    assert finder.get(id).caption is None and "name" not in finder.get(id).extra


@pytest.mark.parametrize("tag", ["", "  ", "x" * 101, "a\nb", "a\0", "\ud800", 3, None])
def test_impossible_tags_are_refused_and_nothing_is_changed(finder: ImageFinder, tag: Any) -> None:
    before = finder.records()
    ids = [r.id for r in before[:3]]
    with pytest.raises(InvalidInputError):
        finder.tag(ids, add=["good", tag])
    with pytest.raises(InvalidInputError):
        finder.update(ids[0], tags=["good", tag])
    assert list(finder.records()) == list(before)


def test_other_impossible_edits_change_nothing(finder: ImageFinder) -> None:
    before = list(finder.records())
    ids = [r.id for r in before[:3]]
    for wrong in (
        lambda: finder.tag(ids),
        lambda: finder.tag(ids, add=["a"], remove=["a"]),
        lambda: finder.tag(ids, add=[f"t{i}" for i in range(101)]),
        lambda: finder.tag(ids, add="text"),
        lambda: finder.tag(ids[0], add=["a"]),
        lambda: finder.update(ids[0], caption="x" * 10_001),
        lambda: finder.update(ids[0], caption="\0"),
        lambda: finder.update(ids[0], name="x" * 256),
        lambda: finder.update(ids[0], tags=["good"], caption=7),  # type: ignore[arg-type]
    ):
        with pytest.raises(InvalidInputError):
            wrong()
    with pytest.raises(NotFoundError):
        finder.tag([*ids, image_id("nowhere")], add=["a"])
    with pytest.raises(NotFoundError):
        finder.update("nowhere", caption="a")
    assert list(finder.records()) == before
