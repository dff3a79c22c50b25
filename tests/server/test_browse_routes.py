"""Months, histograms, folders and tags over HTTP."""

from __future__ import annotations

from collections.abc import Callable

from fastapi.testclient import TestClient

Serve = Callable[..., TestClient]


def test_months_and_histograms(reader: TestClient) -> None:
    found = reader.get("/v1/timeline").json()
    assert found["total"] == sum(row["count"] for row in found["months"]) + found["undated"] > 0
    for field in ("date", "width", "height", "bytes", "blur"):
        spread = reader.get("/v1/histogram", params={"field": field, "bins": 10}).json()
        assert sum(spread["counts"]) + spread["missing"] == found["total"]
    narrow = reader.get("/v1/histogram", params={"field": "width", "filter": "width < 5", "bins": 10}).json()
    assert sum(narrow["counts"]) == 0 < len(narrow["edges"]) <= 11
    for wrong in ({"field": "caption"}, {"field": "width", "bins": 1}, {"field": "width", "filter": "x >"}):
        assert reader.get("/v1/histogram", params=wrong).status_code in (400, 422)


def test_folders_a_level_at_a_time(reader: TestClient) -> None:
    (top,) = reader.get("/v1/facets/folders").json()["folders"]
    inner = reader.get("/v1/facets/folders", params={"under": top["path"]}).json()["folders"]
    assert len(inner) == top["folders"] > 1
    for row in inner:
        after = row["path"][:-1] + chr(ord(row["path"][-1]) + 1)
        where = f'uri >= "{row["path"]}" and uri < "{after}"'
        assert reader.get("/v1/images", params={"filter": where, "k": 1}).json()["total"] == row["count"]


def test_tags_are_renamed_over_the_whole_index(client: TestClient) -> None:
    ids = client.get("/v1/images/columns", params={"fields": "id"}).json()["columns"]["id"][:4]
    for some, tag in ((ids[:3], "sumer"), (ids[2:], "summer")):
        assert client.post("/v1/images/tags", json={"ids": some, "add": [tag]}).json()["changed"] == len(some)
    assert client.get("/v1/tags").json()["tags"] == [{"value": "sumer", "count": 3}, {"value": "summer", "count": 2}]
    some_tags = client.post("/v1/tags/count", json={"ids": ids[2:3]}).json()["tags"]
    assert some_tags == [{"value": "sumer", "count": 1}, {"value": "summer", "count": 1}]
    assert client.post("/v1/tags/rename", json={"tag": "sumer", "to": "summer"}).json() == {"changed": 3}
    assert client.get("/v1/tags").json()["tags"] == [{"value": "summer", "count": 4}]
    assert client.post("/v1/tags/rename", json={"tag": "summer", "to": None}).json() == {"changed": 4}
    assert client.get("/v1/tags").json()["tags"] == []
    assert client.post("/v1/tags/rename", json={"tag": " ", "to": "x"}).status_code == 400
