"""Columns of a table whose names are ours, or signs of filters, or of JavaScript, or long, or very many."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from imagefinder import ImageFinder
from imagefinder.server.app import create_app

OURS = ("id", "folder", "content_hash", "cluster", "cluster_name", "outlier", "class", "missing", "width", "mtime")
RESULTS = ("rank", "score", "sure", "copies", "nearest", "from_cluster")  # what answers put beside a record
SIGNS = (
    "and",
    "NOT",
    "has",
    "in",
    "a.b",
    "a[0]",
    "a b",
    "q'uote",
    'q"uote',
    "back\\slash",
    "x=1",
    "(",
    "~",
    "%",
    "ü",
    "日本",
)
SCRIPTS = ("__proto__", "constructor", "toString", "hasOwnProperty", "__class__", "${x}", "<b>")
LONG, MANY = ("x" * 3000,), tuple(f"column {i}" for i in range(500))
NAMES = (*OURS, *RESULTS, *SIGNS, *SCRIPTS, *LONG, *MANY)
N = 4


@pytest.fixture(scope="module")
def finder(tmp_path_factory: pytest.TempPathFactory, make_image: Callable[..., Any]) -> Iterator[ImageFinder]:
    home = tmp_path_factory.mktemp("columns")
    with (home / "t.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["path", *NAMES, "", " "])
        for i in range(N):
            make_image(i).save(home / f"{i}.png")
            table.writerow([home / f"{i}.png", *(f"v{i}" for _ in NAMES), "nothing", "nothing"])
    with ImageFinder.open(home / "index", model="fast") as finder:
        report = finder.add(home / "t.csv")
        assert report.added == N and not report.skipped
        yield finder


def field(name: str) -> str:
    return f"csv_{name}" if name in OURS else name


def test_no_column_takes_the_place_of_what_is_ours(finder: ImageFinder) -> None:
    for record in finder.records():
        row = record.to_dict()
        assert (row["id"], row["uri"], row["width"]) == (record.id, record.uri, 96)
        value = row["csv_id"]
        assert all(row[field(name)] == value for name in NAMES) and "" not in row and " " not in row
    hit = finder.search("red", 1)[0]
    assert (hit.to_dict()["rank"], hit.to_dict()["id"]) == (1, hit.id) and isinstance(hit.to_dict()["score"], float)
    odd = finder.outliers(1)[0]
    told = odd.to_dict()
    assert (told["id"], told["nearest"], told["score"]) == (odd.record.id, odd.nearest, round(odd.score, 3))
    finder.cluster(2, method="kmeans", stability=0)
    assert {r.extra["cluster"] for r in finder.records()} <= {0, 1} and finder.list('csv_cluster = "v1"')[1] == 1


def test_every_column_is_filtered_shown_and_learnt_from(finder: ImageFinder) -> None:
    with TestClient(create_app(finder), base_url="http://localhost") as client:
        for name in (*NAMES[: -len(MANY)], *MANY[:3]):
            quoted = '"' + field(name).replace("\\", "\\\\").replace('"', '\\"') + '"'
            found = client.get("/v1/images", params={"filter": f'{quoted} = "v1"'})
            assert found.status_code == 200 and found.json()["total"] == 1, (name, found.text)
            assert finder.list(f"has {quoted}")[1] == N
            assert set(finder.columns([field(name)])[field(name)]) == {f"v{i}" for i in range(N)}
        shown = client.get("/v1/images?k=10").json()["images"]
        assert len(shown) == N and all(len(row) > len(NAMES) for row in shown)
        assert client.get("/v1/facets").status_code == 200
        columns = client.get("/v1/images/columns", params={"fields": "__proto__,constructor"}).json()["columns"]
        assert list(columns) == ["__proto__", "constructor"]
