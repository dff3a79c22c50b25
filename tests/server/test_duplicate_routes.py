"""Duplicates over HTTP."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from imagefinder.client.responses import duplicates_of

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


def shot(folder: Path, picture: Path, video: bytes) -> None:
    folder.mkdir(parents=True)
    shutil.copy(picture, folder / "IMG_1.jpg")
    (folder / "IMG_1.MOV").write_bytes(video)


def test_files_of_one_picture_are_told_and_move_together(serve: Callable[..., TestClient], tmp_path: Path) -> None:
    client = serve(empty=True)
    finder: Any = client.app.state.serving.finder  # type: ignore[attr-defined]
    photos = tmp_path / "photos"
    first, second = sorted(SAMPLES.rglob("*.jpg"))[:2]
    for name, picture, video in (("a/x", first, b"one"), ("b/x y", first, b"one")):
        shot(photos / name, picture, video)
    shot(photos / "c" / "x", second, b"two")
    shot(photos / "d" / "x y", second, b"another")
    os.link(photos / "c" / "x" / "IMG_1.jpg", photos / "link.jpg")
    finder.add(photos)
    finder.duplicates()
    report = client.get("/v1/duplicates").json()
    assert [group.to_dict() for group in duplicates_of(report).groups] == report["groups"]
    whole, torn = sorted(report["groups"], key=lambda g: "hold" in g["members"][0])
    assert whole["members"][0]["along"] == [{"uri": str(photos / "b/x y/IMG_1.MOV"), "bytes": 3}]
    assert "IMG_1.MOV, of which there is no copy" in torn["members"][0]["hold"]
    assert [set(names) for names in report["one_file"]] == [{str(photos / "link.jpg"), str(photos / "c/x/IMG_1.jpg")}]
    before = sorted(photos.rglob("*"))
    rows = [{"keep": g["keep"]["id"], "remove": [g["members"][0]["id"]]} for g in (whole, torn)]
    moved = client.post("/v1/duplicates/trash", json={"groups": rows}).json()
    assert [Path(row["from"]).name for row in moved["moved"]] == ["IMG_1.jpg", "IMG_1.MOV"]
    assert [(row["uri"], row["code"]) for row in moved["left"]] == [(torn["members"][0]["uri"], "one-of-several")]
    assert client.post("/v1/duplicates/undo", json={"journal": moved["journal"]}).json()["restored"] == 2
    assert sorted(photos.rglob("*")) == before
