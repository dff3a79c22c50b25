"""Months, histograms, folders and tags of a whole collection: against plain Python over all records."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from imagefinder import ImageFinder
from imagefinder.catalog.browse import DECADE
from imagefinder.catalog.snapshot import levels, place_of
from imagefinder.errors import InvalidFilterError, InvalidInputError
from imagefinder.store.edge import column_keeping
from imagefinder.types import Record

FOLDERS = ("2019/summer", "2019/winter", "2020/summer", "2020/summer/lake", "other/summer")
TAKEN = ("2019-05-01", "2019-05-31T23:30:00-02:00", "2020-06-15T10:00:00", None, None)
FILE_DAYS = ("2021-03-04", "2021-03-05", "1970-01-01")


@pytest.fixture(scope="module")
def finder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImageFinder]:
    """30 plain pictures in folders of which some have one name, with dates and sizes of all kinds."""
    home = tmp_path_factory.mktemp("browsed")
    for i in range(30):
        path = home / FOLDERS[i % len(FOLDERS)] / f"{i:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40 + 30 * i, 50), ("red", "blue", "white")[i % 3]).save(path)
        at = datetime.fromisoformat(FILE_DAYS[i % 3]).replace(tzinfo=UTC).timestamp()
        os.utime(path, (at, at))
    with ImageFinder.open(home / "index", model="fast") as finder:
        finder.add(*sorted(one for one in home.iterdir() if one.name != "index"))
        for i, record in enumerate(sorted(finder.records(), key=lambda one: one.uri)):
            if (taken := TAKEN[i % len(TAKEN)]) is not None:
                facts = {"taken_at": taken, "taken_from": "exif", "taken_guess": None}
                finder._collection.index.store.merge_payload([record.id], facts)
            finder._collection.index.store.merge_payload([record.id], {"blur": round(i / 30, 3)})
        yield finder


@pytest.mark.files
def test_what_is_known_of_all_images_is_kept_beside_them(finder: ImageFinder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(column_keeping, "KEPT_FROM", 10)
    store: Any = finder._collection.index.store
    finder.browse.prepare()
    written = store._kept._written
    assert {"uri", "taken_at", "width", "tags"} <= written.files.keys()
    assert written.column("uri").made.keys() >= {"place"} and written.column("taken_at").made.keys() >= {"year"}


def moment(record: Record) -> datetime | None:
    """When it was taken, else what its file says."""
    text = record.taken_at or record.taken_guess
    if text is None:
        return None
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


@pytest.mark.parametrize("filter", [None, "colours = red", "width > 100000"])
def test_the_months_are_those_of_the_records(finder: ImageFinder, filter: str | None) -> None:
    records = finder.records(filter)
    found = finder.browse.timeline(filter)
    months = Counter(at.strftime("%Y-%m") for r in records if (at := moment(r)))
    assert {row["month"]: row["count"] for row in found["months"]} == months
    assert [row["month"] for row in found["months"]] == sorted(months, reverse=True)
    guessed = Counter(at.strftime("%Y-%m") for r in records if not r.taken_at and (at := moment(r)))
    assert {row["month"]: row["guessed"] for row in found["months"] if row["guessed"]} == guessed
    assert found["undated"] == sum(moment(r) is None for r in records)
    assert found["total"] == len(records)
    assert not any(row["month"].startswith("1970") for row in found["months"]), "the zero time is no date"


def test_a_list_by_date_has_the_months_in_their_order(finder: ImageFinder) -> None:
    for sort in ("date", "-date"):
        records, total = finder.list(None, sort, 100)
        moments = [moment(r) for r in records]
        there = [at for at in moments if at]
        assert there == sorted(there, reverse=sort == "-date")
        assert moments == there + [None] * (total - len(there)), "those without a date come last"
        assert finder.columns(["id"], None, sort)["id"] == [r.id for r in records]
    found = finder.browse.timeline()
    months = [at.strftime("%Y-%m") for at in map(moment, finder.list(None, "-date", 100)[0]) if at]
    assert months == [row["month"] for row in found["months"] for _ in range(row["count"])]


@pytest.mark.parametrize("field", ["date", "width", "height", "bytes", "blur"])
@pytest.mark.parametrize("filter", [None, "colours = red", "width > 100000"])
@pytest.mark.parametrize("bins", [2, 7, 40])
def test_each_bin_counts_what_a_filter_by_its_edges_finds(
    finder: ImageFinder, field: str, filter: str | None, bins: int
) -> None:
    found = finder.browse.histogram(field, filter, bins)
    edges, counts = found["edges"], found["counts"]
    assert edges == sorted(edges) and len(edges) == len(counts) + 1 <= bins + 1
    records = finder.records(filter)
    for low, high, n in zip(edges, edges[1:], counts, strict=False):
        bounds = f"(taken_at >= {low} or taken_guess >= {low}) and (taken_at < {high} or taken_guess < {high})"
        where = bounds if field == "date" else f"{field} >= {low} and {field} < {high}"
        assert n == len(finder.records(f"({where}) and ({filter})" if filter else where))
    assert sum(counts) + found["missing"] == len(records)
    assert edges == finder.browse.histogram(field, None, bins)["edges"], "they stay when the filter changes"


def test_edges_are_round(finder: ImageFinder) -> None:
    widths = finder.browse.histogram("width", bins=20)["edges"]
    assert widths[0] <= 40 and widths[-1] > 910 and len({b - a for a, b in pairwise(widths)}) > 1
    assert all(any(edge == round(part * 10**e, 9) for part in DECADE for e in range(5)) for edge in widths)
    assert finder.browse.histogram("height")["edges"] == [50, 51], "one value is one bin"
    assert {len(edge) for edge in finder.browse.histogram("date", bins=40)["edges"]} == {len("2019-05")}


def test_folders_of_one_name_are_told_apart(finder: ImageFinder) -> None:
    def walk(under: str = "", depth: int = 0) -> Iterator[tuple[int, str, int, str]]:
        for row in finder.browse.folders(under=under)["folders"]:
            yield depth, row["name"], row["count"], row["path"]
            below = list(walk(row["path"], depth + 1)) if row["folders"] else []
            assert len([one for one in below if one[0] == depth + 1]) == row["folders"]
            yield from below

    (top, *rest) = list(walk())
    assert top[2] == 30 and top[3].endswith("/")
    assert [row[:3] for row in rest] == [
        (1, "2019", 12, ), (2, "summer", 6), (2, "winter", 6),
        (1, "2020/summer", 12), (2, "lake", 6),
        (1, "other/summer", 6),
    ]  # fmt: skip
    for _, _, count, path in rest:
        after = path[:-1] + chr(ord(path[-1]) + 1)
        uris = [r.uri for r in finder.records(f'uri >= "{path}" and uri < "{after}"')]
        assert len(uris) == count and all(uri.startswith(path) for uri in uris)
    some = finder.browse.folders("width < 100", top[3])["folders"]
    assert sum(row["count"] for row in some) == len(finder.records("width < 100"))


@pytest.mark.parametrize(
    ("uri", "place", "above"),
    [
        ("/home/me/a b/x.jpg", "/home/me/a b/", ["/", "/home/", "/home/me/"]),
        ("/home/C# notes/x.jpg", "/home/C# notes/", ["/", "/home/"]),
        ("/home/x.zip#in/it/y.jpg", "/home/x.zip#in/it/", ["/", "/home/", "/home/x.zip#", "/home/x.zip#in/"]),
        ("/home/t.parquet#image/12/name.png", "/home/t.parquet#", ["/", "/home/"]),
        ("/home/film.mp4#t=1.5", "/home/", ["/"]),
        ("https://host.example/shop/a.jpg?at=/b/c", "https://host.example/shop/", ["https://host.example/"]),
        ("s3://bucket/key.jpg", "s3://bucket/", []),
    ],
)  # fmt: skip
def test_places_and_what_is_above_them(uri: str, place: str, above: list[str]) -> None:
    assert place_of(uri) == place
    assert levels(place) == [*above, place]


def test_tags_are_counted_renamed_and_merged(finder: ImageFinder) -> None:
    ids = finder.columns(["id"])["id"]
    finder.tag(ids[:6], add=["sumer"])
    finder.tag(ids[4:8], add=["summer"])
    finder.tag(ids[8:9], add=["alone"])
    tags: Callable[..., dict[str, int]] = lambda *given, **how: {  # noqa: E731
        row["value"]: row["count"] for row in finder.browse.tags(*given, **how)
    }
    assert tags() == {"sumer": 6, "summer": 4, "alone": 1}
    assert tags(ids[3:5]) == {"sumer": 2, "summer": 1}
    assert tags(ids, "tags = summer") == tags(filter="tags = summer") == {"summer": 4, "sumer": 2}
    assert finder.browse.rename_tag("sumer", "summer") == 6
    assert tags() == {"summer": 8, "alone": 1}, "two of one name are one"
    assert finder.browse.rename_tag("alone", "by itself") == 1
    assert finder.get(ids[8]).tags == ("by itself",)
    assert finder.browse.rename_tag("summer", "summer") == finder.browse.rename_tag("nothing", "x") == 0
    assert finder.browse.rename_tag("summer", None) == 8
    assert tags() == {"by itself": 1}
    assert finder.browse.rename_tag("by itself", None) == 1


def test_wrong_calls_of_browse_are_refused(finder: ImageFinder) -> None:
    for field, bins in (("caption", 40), ("width", 1), ("width", 201)):
        with pytest.raises(InvalidInputError):
            finder.browse.histogram(field, bins=bins)
    with pytest.raises(InvalidInputError):
        finder.browse.rename_tag("", "x")
    with pytest.raises(InvalidInputError):
        finder.browse.rename_tag("x", "a" * 101)
    asks: list[Callable[[str], Any]] = [finder.browse.timeline, finder.browse.folders]
    for ask in asks:
        with pytest.raises(InvalidFilterError):
            ask("width >>> 3")


def test_an_empty_collection(tmp_path: Path) -> None:
    with ImageFinder.open(tmp_path / "index", model="fast") as finder:
        assert finder.browse.timeline() == {"total": 0, "undated": 0, "months": []}
        assert finder.browse.histogram("bytes") == {"field": "bytes", "edges": [], "counts": [], "missing": 0}
        assert finder.browse.folders() == {"folders": [], "more": 0}
        assert finder.browse.tags() == []
