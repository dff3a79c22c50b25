"""Clusters, maps and duplicates through the API, held against the library."""

from __future__ import annotations

import shutil
import threading
import time
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from clusterer import HALVES
from fastapi.testclient import TestClient
from PIL import Image

from imagefinder import ImageFinder
from imagefinder.clusters import make, news
from imagefinder.clusters.algorithms.methods import METHODS

Serve = Callable[..., TestClient]
GONE = "6ba7b810-9dad-51d1-80b4-00c04fd430c8"


def finder_of(client: TestClient) -> ImageFinder:
    found: ImageFinder = client.app.state.serving.finder  # type: ignore[attr-defined]
    return found


def told(client: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/v1/clusters").json()
    return found


@pytest.fixture(scope="module")
def clustered(serve_all: Serve) -> TestClient:
    """With three clusters that no test changes."""
    client = serve_all()
    finder_of(client).cluster(3, method="kmeans")
    return client


# --- clusters -----------------------------------------------------------------------------------------------------


def test_clusters_are_told_as_they_are_now(client: TestClient, ids: list[str]) -> None:
    assert client.get("/v1/clusters").status_code == 404
    finder_of(client).cluster(5, method="kmeans")
    found = told(client)
    assert found["n_clusters"] == 5 == len(found["clusters"]) and sum(c["size"] for c in found["clusters"]) == len(ids)
    assert client.get("/v1/index").json()["clustered"] is True
    largest = found["clusters"][0]
    inside = client.get("/v1/images", params={"filter": f"cluster = {largest['label']}", "k": 1000}).json()
    assert inside["total"] == largest["size"] and largest["medoid"] in [i["id"] for i in inside["images"]]
    client.delete(f"/v1/images/{inside['images'][0]['id']}")
    now = next(c for c in told(client)["clusters"] if c["label"] == largest["label"])
    assert now["size"] == largest["size"] - 1


def test_corrections_are_made_and_taken_back(client: TestClient) -> None:
    finder_of(client).cluster(5, method="kmeans")
    before = told(client)
    a, b, c = (x["label"] for x in before["clusters"][:3])
    assert client.patch(f"/v1/clusters/{a}", json={"name": " Best ", "locked": True}).json()["name"] == "Best"
    merged = client.post("/v1/clusters/merge", json={"clusters": [a, b]})
    assert merged.status_code == 200 and merged.json()["label"] == a
    assert len(client.post(f"/v1/clusters/{c}/split", json={"n": 2}).json()["clusters"]) == 2
    image = client.get("/v1/images", params={"filter": f"cluster = {a}"}).json()["images"][0]["id"]
    moved = client.post(f"/v1/clusters/{c}/images", json={"ids": [image]})
    assert moved.status_code == 200 and client.get(f"/v1/images/{image}").json()["cluster"] == c
    assert told(client)["parent"]
    for _ in range(5):  # name, lock, merge, split, move
        assert client.post("/v1/clusters/undo").status_code == 200
    after = told(client)
    assert [(x["label"], x["name"], x["size"]) for x in after["clusters"]] == [
        (x["label"], x["name"], x["size"]) for x in before["clusters"]
    ]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PATCH", "/v1/clusters/0", {"name": ""}, 400),
        ("PATCH", "/v1/clusters/0", {"name": "x" * 300}, 400),
        ("PATCH", "/v1/clusters/99", {"name": "x"}, 404),
        ("PATCH", "/v1/clusters/-1", {"name": "x"}, 400),
        ("PATCH", "/v1/clusters/x", {"name": "x"}, 400),
        ("POST", "/v1/clusters/merge", {"clusters": [0]}, 400),
        ("POST", "/v1/clusters/merge", {"clusters": [0, 99]}, 404),
        ("POST", "/v1/clusters/0/split", {"n": 1}, 400),
        ("POST", "/v1/clusters/0/images", {"ids": [GONE]}, 404),
        ("POST", "/v1/clusters/0/images", {"ids": ["/etc/passwd"]}, 400),
        ("GET", "/v1/clusters/levels?n=0", None, 400),
        ("GET", "/v1/clusters/export?format=xls", None, 400),
        ("POST", "/v1/clusters/undo", None, 404),
    ],
)
def test_bad_corrections_change_nothing(clustered: TestClient, method: str, path: str, body: Any, status: int) -> None:
    before = told(clustered)
    assert clustered.request(method, path, json=body).status_code == status
    assert told(clustered) == before


def test_a_clusterer_is_told_and_used_as_its_row_says(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METHODS, "halves", HALVES)
    info = client.get("/v1/index").json()
    assert info["methods"]["cluster"] == list(info["clusterers"]) == [*METHODS] and "halves" in METHODS
    assert info["clusterers"]["halves"] == {
        "title": "Halves",
        "summary": "Keeps a share of the images and leaves out the others.",
        "counts": False,
        "needs_count": False,
        "noise": True,
        "settings": {"share": {"kind": "float", "help": "how much to keep.  [default: 0.5]", "least": None}},
    }
    started = client.post("/v1/jobs", json={"kind": "cluster", "options": {"method": "halves"}})
    assert started.status_code == 202, started.text
    end = time.monotonic() + 120
    while not client.get(f"/v1/jobs/{started.json()['id']}").json()["finished"]:
        assert time.monotonic() < end
        time.sleep(0.02)
    assert told(client)["method"] == "halves" and told(client)["n_noise"] > 0


def test_levels_and_exports(client: TestClient, ids: list[str]) -> None:
    finder_of(client).cluster(6, method="kmeans")
    levels = client.get("/v1/clusters/levels", params={"n": 2}).json()["levels"]
    assert len(levels) == 2 and sum(len(group) for group in levels) == 6
    rows = client.get("/v1/clusters/export", params={"format": "json"}).json()
    assert len(rows) == len(ids) and rows == finder_of(client).clusters.rows()
    table = client.get("/v1/clusters/export")
    assert "attachment" in table.headers["content-disposition"] and len(table.text.splitlines()) == len(ids) + 1


def ended(client: TestClient, kind: str, **options: Any) -> dict[str, Any]:
    """A job once it has ended."""
    started = client.post("/v1/jobs", json={"kind": kind, "options": options})
    assert started.status_code == 202, started.text
    end = time.monotonic() + 120
    while not (job := client.get(f"/v1/jobs/{started.json()['id']}").json())["finished"]:
        assert time.monotonic() < end, job
        time.sleep(0.02)
    found: dict[str, Any] = job
    return found


def test_what_came_is_told_and_taken_in(client: TestClient, tmp_path: Path) -> None:
    finder = finder_of(client)
    assert client.get("/v1/clusters/news").status_code == 404
    finder.cluster(5, method="kmeans", stability=0)
    assert client.get("/v1/clusters/news").json()["came"] == 0
    for number in range(12):
        Image.effect_noise((300, 300), 60 + number).save(tmp_path / f"noise-{number}.png")
    finder.add(tmp_path)
    found, before = client.get("/v1/clusters/news").json(), told(client)
    assert (
        found["came"]
        == 12
        == found["rest"] + sum(c["size"] for c in found["clusters"] + [{"size": one["came"]} for one in found["fit"]])
    )
    for wrong in ({"key": "of another day"}, {"key": found["key"], "clusters": [0]}):
        job = ended(client, "take-in", **wrong)
        assert job["state"] == "failed" and job["error"]["code"] == "invalid-input", job
    assert told(client) == before
    job = ended(client, "take-in", key=found["key"])
    made = told(client)
    assert job["state"] == "done" and job["options"] == {} and made["since"]["came"] == 0
    assert job["result"] == {name: made[name] for name in ("run", "n_images", "n_clusters", "n_noise")}
    assert made["n_clusters"] == 5 + len(found["clusters"]) and made["grouped"] >= before["grouped"]
    assert client.post("/v1/clusters/undo").json()["since"] == before["since"]


def test_taking_in_is_stopped_before_anything_is_changed(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finder = finder_of(client)
    finder.cluster(3, method="kmeans", stability=0)
    for number in range(8):
        Image.effect_noise((300, 300), 60 + number).save(tmp_path / f"noise-{number}.png")
    finder.add(tmp_path)
    before, went_on, learn = told(client), threading.Event(), make.with_strangers
    label = before["clusters"][0]["label"]

    def learning(*args: Any) -> Any:
        (job,) = client.get("/v1/jobs", params={"kind": "take-in"}).json()["jobs"]
        assert (job["state"], job["stage"]) == ("running", "learning what is usual")
        assert client.patch(f"/v1/clusters/{label}", json={"name": "Mine"}).json()["error"]["code"] == "busy"
        client.delete(f"/v1/jobs/{job['id']}")
        went_on.set()
        return learn(*args)

    monkeypatch.setattr(news, "with_strangers", learning)
    job = ended(client, "take-in")
    assert went_on.is_set() and job["state"] == "cancelled" and told(client) == before
    monkeypatch.undo()
    assert ended(client, "take-in")["state"] == "done" and told(client)["since"]["came"] == 0


def test_a_cluster_is_made_of_images_and_doubts_are_told(client: TestClient, ids: list[str]) -> None:
    finder_of(client).cluster(4, method="kmeans", stability=0)
    made = client.post("/v1/clusters", json={"ids": ids[:3], "name": " Mine "})
    assert made.status_code == 200 and (made.json()["name"], made.json()["size"]) == ("Mine", 3)
    assert client.post("/v1/clusters", json={"ids": ids[:1], "name": "mine"}).status_code == 400
    assert client.post("/v1/clusters", json={"ids": [GONE]}).status_code == 404
    label = max(told(client)["clusters"], key=lambda c: c["size"])["label"]
    doubts = client.get(f"/v1/clusters/{label}/borderline", params={"k": 4}).json()["images"]
    assert doubts == [d.to_dict() for d in finder_of(client).clusters.borderline(label, 4)] and len(doubts) == 4
    assert client.get(f"/v1/clusters/{label}/borderline", params={"new": True}).json() == {"images": []}
    assert client.get("/v1/clusters/999/borderline").status_code == 404


def test_groupings_and_corrections_are_in_the_history(client: TestClient) -> None:
    finder_of(client).cluster(3, method="kmeans", stability=0)
    first, name = told(client)["run"], told(client)["clusters"][0]["name"]
    client.patch("/v1/clusters/0", json={"name": "One"}).raise_for_status()
    elsewhere = [record.id for record in finder_of(client).records("cluster != 1")][:2]
    client.post("/v1/clusters/1/images", json={"ids": elsewhere}).raise_for_status()

    def events() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = client.get("/v1/history").json()["events"]
        return found

    move, rename, made = events()
    assert [(e["action"], e["what"], e["undoable"]) for e in (move, rename)] == [
        ("grouped", f"move 2 to {told(client)['clusters'][1]['name']}", True),
        ("grouped", f"rename {name} to One", False),
    ]
    assert (made["what"], made["count"], made["undoable"]) == ("cluster", 3, False)
    assert client.post(f"/v1/history/{rename['id']}/undo").status_code == 404, "the move comes first"
    for change in (move, rename):
        assert client.post(f"/v1/history/{change['id']}/undo").json()["changed"] == 1
        assert (events()[0]["action"], events()[0]["id"]) == ("undone", change["id"])
    assert (told(client)["run"], told(client)["clusters"][0]["name"]) == (first, name)
    assert not any(e["undoable"] for e in events())


# --- maps ---------------------------------------------------------------------------------------------------------


def test_a_map_is_given_as_arrays(client: TestClient, ids: list[str]) -> None:
    made = finder_of(client).map("pca")
    finder_of(client).cluster(3, method="kmeans")
    listed = client.get("/v1/maps").json()["maps"]
    assert [m["name"] for m in listed] == [made.name] and client.get("/v1/maps/latest").json() == listed[0]
    places = np.frombuffer(client.get(f"/v1/maps/{made.name}/coordinates").content, "<f4").reshape(-1, 2)
    assert np.array_equal(places, made.coordinates)
    raw = client.get("/v1/maps/latest/ids").content
    found = [str(UUID(bytes=raw[i : i + 16])) for i in range(0, len(raw), 16)]
    assert found == list(made.ids) and sorted(found) == sorted(ids)
    part = {"offset": 2, "k": 3}
    assert client.get("/v1/maps/latest/ids", params=part).content == raw[32:80]
    some = client.get("/v1/maps/latest/coordinates", params=part).content
    assert np.array_equal(np.frombuffer(some, "<f4").reshape(-1, 2), made.coordinates[2:5])
    assert client.get("/v1/maps/latest/ids", params={"offset": len(ids)}).content == b""
    for field in ("cluster", "mtime", "bytes", "nothing"):
        told = client.get("/v1/maps/latest/values", params={"field": field}).json()
        codes, column = b64decode(told["codes"]), finder_of(client).columns([field])[field]
        assert told["total"] == len(codes) == len(ids) and 255 not in codes
        assert told["missing"] == sum(v is None or v == -1 for v in column)
    client.delete(f"/v1/images/{found[4]}")
    columns = client.get("/v1/maps/latest/columns", params={"fields": "cluster,uri"}).json()["columns"]
    assert columns["uri"][4] is None and columns["cluster"][4] is None
    assert b64decode(client.get("/v1/maps/latest/values").json()["codes"])[4] == 255
    assert columns["uri"][5] == finder_of(client).get(found[5]).uri
    for path in ("/v1/maps/0099", "/v1/maps/..", "/v1/maps/0099/ids", "/v1/maps/x/columns", "/v1/maps/x/values"):
        assert client.get(path).status_code == 404, path


def test_the_images_of_a_map_are_scored_for_a_query(client: TestClient) -> None:
    finder = finder_of(client)
    made = finder.map("pca")
    path = f"/v1/maps/{made.name}/scores"

    def scores(part: dict[str, int] | None = None, **query: Any) -> np.ndarray:
        answer = client.post(path, json=query, params=part)
        assert answer.status_code == 200, answer.text
        return np.frombuffer(answer.content, "<f4")

    by_words = dict(zip(made.ids, scores(words="food"), strict=True))
    hits = finder.search("food", k=len(made), words_in="pictures")
    assert [hit.record.id for hit in hits] == sorted(by_words, key=lambda id: (-by_words[id], id))
    assert scores(words=f"id:{made.ids[3]}").argmax() == 3  # it is not left out as it is among the hits
    parts = [scores({"offset": start, "k": 7}, words="food") for start in range(0, len(made), 7)]
    assert max(map(len, parts)) == 7 and np.array_equal(np.concatenate(parts), scores(words="food"))
    assert scores({"offset": len(made)}, words="food").size == 0
    assert client.post(path, json={"words": "food"}, params={"k": 0}).status_code == 400
    against = scores(words="food - animal")
    assert np.corrcoef(against, scores(words="food"))[0, 1] > 0 > np.corrcoef(against, scores(words="animal"))[0, 1]
    client.delete(f"/v1/images/{made.ids[4]}")
    assert np.isnan(scores(words="food")).nonzero()[0].tolist() == [4]
    assert client.post(path, json={"words": "qwzrtpfgh"}).status_code == 400
    assert client.post(path, json={}).status_code == 400
    assert client.post("/v1/maps/none/scores", json={"words": "food"}).status_code == 404


# --- duplicates ---------------------------------------------------------------------------------------------------


@pytest.fixture
def copies(serve: Serve, tmp_path: Path) -> tuple[TestClient, Path]:
    """A server on pictures of which some are copies: the same file, and one saved anew at a lower quality."""
    folder = tmp_path / "photos"
    folder.mkdir()
    samples = sorted((Path(__file__).resolve().parents[2] / "examples" / "images").rglob("*.jpg"))
    for path in samples[:6]:
        shutil.copy(path, folder / path.name)
    shutil.copy(samples[0], folder / "same.jpg")
    with Image.open(samples[1]) as image:
        image.save(folder / "again.jpg", quality=60)
    client = serve(empty=True)
    finder_of(client).add(folder)
    finder_of(client).duplicates()
    return client, folder


def test_duplicates_are_decided_about(copies: tuple[TestClient, Path]) -> None:
    client, _ = copies
    groups = client.get("/v1/duplicates").json()["groups"]
    assert {g["tier"] for g in groups} == {"identical-bytes", "same-picture"}
    pair = [groups[0]["keep"]["id"], groups[0]["members"][0]["id"]]
    decide = "/v1/duplicates/decisions"
    assert client.post(decide, json={"ids": pair, "decision": "keep-both"}).status_code == 201
    assert len(client.get("/v1/duplicates").json()["groups"]) == len(groups) - 1
    assert len(client.get(decide).json()["pairs"]) == 1
    assert client.request("DELETE", decide, json={"ids": pair}).status_code == 200
    assert client.get("/v1/duplicates").json()["groups"] == groups
    for body in ({"ids": pair[:1], "decision": "keep-both"}, {"ids": pair, "decision": "burn"}, {"ids": ["x", "y"]}):
        assert client.post(decide, json=body).status_code == 400
    assert client.post(decide, json={"ids": [pair[0], GONE], "decision": "keep-both"}).status_code == 404
    assert client.request("DELETE", decide, json={"ids": pair}).status_code == 404


def test_copies_go_to_the_trash_and_come_back(copies: tuple[TestClient, Path]) -> None:
    client, folder = copies
    groups = client.get("/v1/duplicates").json()["groups"]
    chosen = [{"keep": g["keep"]["id"], "remove": [m["id"] for m in g["members"]]} for g in groups]
    moved = client.post("/v1/duplicates/trash", json={"groups": chosen}).json()
    assert len(moved["moved"]) == 2 and not moved["left"] and len(list(folder.iterdir())) == 6
    assert client.get("/v1/duplicates").json()["groups"] == [] and len(finder_of(client)) == 6
    back = client.post("/v1/duplicates/undo").json()
    assert back["restored"] == 2 and len(list(folder.iterdir())) == 8 and back["job"]["kind"] == "index"
    assert client.post("/v1/duplicates/undo").status_code == 404


def test_the_trash_never_takes_the_last_copy(copies: tuple[TestClient, Path]) -> None:
    client, folder = copies
    group = client.get("/v1/duplicates").json()["groups"][0]
    a, b = group["keep"], group["members"][0]

    def trash(*groups: tuple[str, str]) -> Any:
        return client.post("/v1/duplicates/trash", json={"groups": [{"keep": k, "remove": [r]} for k, r in groups]})

    assert trash((a["id"], b["id"]), (b["id"], a["id"])).status_code == 400
    assert trash((a["id"], a["id"])).status_code == 400
    assert trash((GONE, a["id"])).status_code == 404
    Path(a["uri"]).write_bytes(b"changed")
    moved = trash((a["id"], b["id"])).json()
    assert not moved["moved"] and moved["left"][0]["code"] == "nothing-kept" and Path(b["uri"]).exists()
    assert len(list(folder.iterdir())) == 8
