"""Eight clients at once, who change the same things: what each is told holds, and nothing is lost."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from eight_threads import all_at_once
from fastapi.testclient import TestClient
from PIL import Image

from imagefinder import ImageFinder
from imagefinder._util.files import disk_use, holes_to_fill
from imagefinder.server.jobs.queue import KEPT, Jobs
from imagefinder.server.uploads import QUERIES_KEPT

Serve = Callable[..., TestClient]


def picture(n: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(n).integers(0, 256, (24, 32, 3), np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def statuses(answers: list[httpx.Response]) -> dict[int, int]:
    codes = [answer.status_code for answer in answers]
    return {code: codes.count(code) for code in set(codes)}


@pytest.fixture
def client(serve: Serve) -> TestClient:
    return serve()


def finder_of(client: TestClient) -> Any:
    return client.app.state.serving.finder  # type: ignore[attr-defined]


def test_decisions_feedback_and_tags(client: TestClient) -> None:
    ids = [image["id"] for image in client.get("/v1/images", params={"k": 50}).json()["images"]]
    assert len(ids) > 41

    def change(n: int) -> httpx.Response:
        pair = ids[n // 3 : n // 3 + 2]
        if n % 3 == 0:
            return client.post("/v1/duplicates/decisions", json={"ids": pair, "decision": "not-duplicate"})
        if n % 3 == 1:
            return client.post("/v1/feedback", json={"query": {"n": n}, "liked": pair[:1], "disliked": pair[1:]})
        return client.post("/v1/images/tags", json={"ids": ids[:3], "add": [f"t{n}"]})

    answers = all_at_once(change, range(120))
    assert statuses(answers) == {200: 40, 201: 80}
    assert len(client.get("/v1/duplicates/decisions").json()["pairs"]) == 40
    assert sorted(a.json()["decisions"] for a in answers[::3]) == list(range(1, 41))
    kept = client.get("/v1/feedback", params={"k": 1000}).json()
    assert (kept["total"], {f["query"]["n"] for f in kept["feedback"]}) == (40, set(range(1, 120, 3)))
    for id in ids[:3]:
        assert set(client.get(f"/v1/images/{id}").json()["tags"]) == {f"t{n}" for n in range(2, 120, 3)}


def test_pictures_to_search_by(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many are sent while others are written, the oldest go, and none is found half written."""
    monkeypatch.setattr("imagefinder.server.uploads.QUERIES_KEPT", 20)
    assert QUERIES_KEPT > 20
    data = [picture(n) for n in range(60)]
    answers = all_at_once(lambda n: client.post("/v1/uploads", files={"file": ("a.png", data[n % 60])}), range(120))
    assert statuses(answers) == {201: 120}
    names = {answer.json()["upload"] for answer in answers}
    assert len(names) == 60
    client.post("/v1/uploads", files={"file": ("a.png", data[0])})
    folder = finder_of(client)._collection.index.path / "uploads" / "queries"
    left = sorted(path.name for path in folder.iterdir())
    assert len(left) == 20 and set(left) <= names
    assert {(folder / name).read_bytes() for name in left} <= set(data)


def test_images_are_uploaded_once(client: TestClient) -> None:
    before = client.get("/v1/images").json()["total"]

    def send(n: int) -> httpx.Response:
        return client.post("/v1/images", files={"files": (f"{n}.png", picture(n % 10))})

    answers = all_at_once(send, range(40))
    assert set(statuses(answers)) <= {201, 202}
    while client.app.state.serving.jobs._quick:  # type: ignore[attr-defined]
        time.sleep(0.01)
    assert client.get("/v1/images").json()["total"] == before + 10
    ids = {image["id"] for answer in answers for image in answer.json().get("images", [])}
    results = all_at_once(lambda _: client.post("/v1/images/delete", json={"ids": sorted(ids)}), range(8))
    assert sum(answer.json().get("removed", 0) for answer in results) == len(ids)
    assert set(statuses(results)) <= {200, 404}


def test_thumbnails_take_the_room_they_take(client: TestClient) -> None:
    ids = [image["id"] for image in client.get("/v1/images", params={"k": 5}).json()["images"]]
    answers = all_at_once(lambda n: client.get(f"/v1/images/{ids[n % 5]}/thumbnail", params={"size": 256}), range(80))
    assert statuses(answers) == {200: 80}
    assert [len({a.content for a in answers[n::5]}) for n in range(5)] == [1] * 5
    pictures = client.app.state.serving.pictures  # type: ignore[attr-defined]
    assert pictures._size == sum(facts.st_size for _, facts in pictures._files()) > 0


def test_every_job_is_in_the_history(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    report = finder_of(client).pca_report()
    monkeypatch.setattr(ImageFinder, "pca_report", lambda self: report)  # the queue is tested, not the work
    answers = all_at_once(lambda n: client.post("/v1/jobs", json={"kind": "pca", "options": {}}), range(40))
    assert statuses(answers) == {202: 40}
    ids = {answer.json()["id"] for answer in answers}
    cancelled = all_at_once(lambda id: client.delete(f"/v1/jobs/{id}"), sorted(ids)[::2])
    assert statuses(cancelled) == {200: 20}
    jobs: Jobs = client.app.state.serving.jobs  # type: ignore[attr-defined]
    while jobs.counts() != {"queued": 0, "running": 0}:
        time.sleep(0.01)
    assert KEPT > 40 and len(ids) == 40
    listed = {job["id"]: job["state"] for job in client.get("/v1/jobs", params={"k": 200}).json()["jobs"]}
    assert set(listed) == ids and set(listed.values()) <= {"done", "cancelled"}
    assert {listed[id] for id in sorted(ids)[1::2]} == {"done"}
    folder = finder_of(client)._collection.index.path / "jobs"
    rows = [json.loads(path.read_text("utf-8")) for path in folder.iterdir()]
    assert {row["id"]: row["state"] for row in rows} == listed


def test_files_come_and_go_while_the_index_is_looked_at(client: TestClient) -> None:
    """What lists a folder and then asks for each file's size does so while others write, rename and remove there."""

    def ask(n: int) -> httpx.Response:
        if n % 4 == 0:
            return client.get("/v1/index")
        if n % 4 == 1:
            return client.post("/v1/uploads", files={"file": (f"{n}.png", picture(n))})
        if n % 4 == 2:
            return client.get(f"/v1/images/{ids[n % len(ids)]}/thumbnail", params={"size": 64})
        return client.post("/v1/images", files={"files": (f"{n}.png", picture(100 + n % 5))})

    ids = [image["id"] for image in client.get("/v1/images", params={"k": 20}).json()["images"]]
    serving = client.app.state.serving  # type: ignore[attr-defined]
    serving.pictures._max_bytes = 20_000  # so that thumbnails are removed all the time
    assert set(statuses(all_at_once(ask, range(120)))) <= {200, 201, 202}


def test_files_that_go_meanwhile_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "there").write_bytes(b"x" * 5000)
    whole = disk_use(tmp_path)
    monkeypatch.setattr("os.walk", lambda folder: [(str(folder), [], ["gone", "there", "gone too"])])
    assert disk_use(tmp_path) == whole > 0
    monkeypatch.setattr("imagefinder._util.files._in_memory", lambda folder: True)
    assert holes_to_fill(tmp_path) == 0
