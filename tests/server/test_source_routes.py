"""Sources over HTTP and in the client: listed, paused, resumed, moved, forgotten, purged; and who may."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from imagefinder import ImageFinder
from imagefinder.client import Client
from imagefinder.errors import InvalidInputError, NotFoundError, ServerError

MakeImage = Callable[..., Image.Image]


@pytest.fixture
def home(tmp_path: Path, make_image: MakeImage) -> Path:
    """An index of three folders, the third of them gone."""
    for first, name in enumerate("abc"):
        (tmp_path / name).mkdir()
        for n in range(2):
            make_image(10 * first + n).save(tmp_path / name / f"{n}.png")
    with ImageFinder.open(tmp_path / "index", model="fast") as finder:
        finder.add(*(tmp_path / name for name in "abc"))
        finder.tag(filter="folder = c", add=["kept"])
        (tmp_path / "c").rename(tmp_path / "c now")
        finder.add()
    return tmp_path


def states(rows: list[Any]) -> dict[str, tuple[str, int, int]]:
    return {Path(row["uri"]).name: (row["state"], row["images"], row["missing"]) for row in rows}


def test_the_routes_tell_and_change_what_the_library_does(
    home: Path, serving: Callable[..., AbstractContextManager[str]]
) -> None:
    with ImageFinder.open(home / "index") as finder, serving(finder, folders=(home,)) as url, Client(url) as client:
        assert [one.state for one in client.list_sources()] == ["there", "there", "missing"]
        assert client.list_sources() == finder.list_sources()
        assert client.list_sources()[2].missing == 2
        assert [source["state"] for source in client.info().sources] == ["there", "there", "missing"]
        client.pause_source(home / "a")
        assert [one.state for one in finder.list_sources()] == ["paused", "there", "missing"]
        client.resume_source(str(home / "a"))
        assert finder.list_sources()[0].state == "there"
        client.rename_source(home / "a", "  Summer\n2024 ")
        assert [one.label for one in finder.list_sources()] == ["Summer 2024", "", ""]
        with pytest.raises(InvalidInputError, match="characters"):
            client.rename_source(home / "a", "bell\a")
        with pytest.raises(NotFoundError, match="knows no source"):
            client.rename_source(home / "nothing", "x")
        client.add_folder(home / "a")
        assert finder.list_sources()[0].label == "Summer 2024"
        client.rename_source(home / "a", "")
        assert client.list_sources()[0].label == ""
        with pytest.raises(InvalidInputError, match="still there"):
            client.move_source(home / "a", home / "d")
        with pytest.raises(NotFoundError):
            client.move_source(home / "c", home / "nowhere")
        report = client.move_source(home / "c", home / "c now")
        assert (report.moved, report.total) == (2, 6)
        assert client.forget_source(home / "b") == 2 and len(client) == 6
        assert client.forget_source(home / "c now", remove_images=True) == 2 and len(client) == 4
        assert [Path(source).name for source in client.sources] == ["a"]
        with pytest.raises(NotFoundError, match="knows no source"):
            client.forget_source(home / "b")
        assert client.purge() == 2 and client.purge() == 0
        client.add_folder(home / "c now")
        assert client.list("tags = kept")[1] == 0


def test_a_source_is_moved_only_to_where_images_may_come_from(
    home: Path, serving: Callable[..., AbstractContextManager[str]]
) -> None:
    with ImageFinder.open(home / "index") as finder:
        with serving(finder, folders=(home / "a",)) as url, Client(url) as client:
            with pytest.raises(ServerError, match="allow-folder") as refused:
                client.move_source(home / "c", home / "c now")
            assert refused.value.code == "forbidden"
        assert [one.state for one in finder.list_sources()] == ["there", "there", "missing"]


def test_a_server_that_only_shows_changes_no_source(serve: Callable[..., TestClient]) -> None:
    client = serve(read_only=True)
    (source,) = client.get("/v1/sources").json()["sources"]
    assert states([source]) == {Path(source["uri"]).name: ("there", source["images"], 0)} and source["images"]
    for path in ("pause", "resume", "forget", "purge"):
        refused = client.post(f"/v1/sources/{path}", json={"source": source["uri"]})
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "read-only")
    body = {"kind": "move-source", "options": {"old": source["uri"], "new": "/x"}}
    assert client.post("/v1/jobs", json=body).status_code == 403


@pytest.mark.parametrize("path", ["pause", "resume", "forget"])
def test_a_source_that_is_not_known_is_said(serve: Callable[..., TestClient], path: str) -> None:
    refused = serve().post(f"/v1/sources/{path}", json={"source": "/no/such"})
    assert refused.status_code == 404 and "/no/such" in refused.json()["error"]["message"]
