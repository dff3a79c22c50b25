"""Duplicates over HTTP."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

SAMPLES = Path(__file__).resolve().parents[2] / "examples" / "images"


def test_says_whether_duplicates_were_searched_for(serve: Callable[..., TestClient]) -> None:
    client = serve()
    assert client.get("/v1/index").json()["duplicates_searched"] is False
    client.app.state.serving.finder.duplicates()  # type: ignore[attr-defined]
    assert client.get("/v1/index").json()["duplicates_searched"] is True


def test_decisions_are_forgotten_as_they_are_listed(serve: Callable[..., TestClient], tmp_path: Path) -> None:
    """The list names contents, not images: those may have gone."""
    client = serve(empty=True)
    finder: Any = client.app.state.serving.finder  # type: ignore[attr-defined]
    photos = tmp_path / "photos"
    photos.mkdir()
    first, second = sorted(SAMPLES.rglob("*.jpg"))[:2]
    for source, name in ((first, "a.jpg"), (first, "b.jpg"), (second, "c.jpg")):
        shutil.copy(source, photos / name)
    finder.add(photos)
    finder.duplicates()
    (group,) = client.get("/v1/duplicates").json()["groups"]
    ids = [group["keep"]["id"], group["members"][0]["id"]]
    assert client.post("/v1/duplicates/decisions", json={"ids": ids, "decision": "keep-both"}).status_code == 201
    assert client.get("/v1/duplicates").json()["groups"] == []
    (pair,) = client.get("/v1/duplicates/decisions").json()["pairs"]
    answer = client.request("DELETE", "/v1/duplicates/decisions", json={"ids": [pair["a"], pair["b"]]})
    assert (answer.status_code, answer.json()) == (200, {"decisions": 0})
    assert len(client.get("/v1/duplicates").json()["groups"]) == 1
