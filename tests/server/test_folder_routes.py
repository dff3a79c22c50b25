"""The folders of the server's machine, as the page shows them to choose one: shortcuts, and true counts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from imagefinder.server import folders

Serve = Callable[..., TestClient]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person's own folder with five pictures in it, one of them hidden and one left out."""
    for name in ("Pictures/trip/day 1", "Pictures/.hidden", "Pictures/drafts", "empty"):
        (tmp_path / name).mkdir(parents=True)
    names = ("trip/1.jpg", "trip/day 1/2.PNG", "0.jpg", ".hidden/3.jpg", "drafts/4.jpg", "trip/notes.txt")
    for name in names:
        (tmp_path / "Pictures" / name).write_bytes(b"")
    (tmp_path / "Pictures" / ".imagefinderignore").write_text("drafts/\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    return tmp_path


def test_pictures_are_counted_in_all_folders_below_as_indexing_finds_them(serve: Serve, home: Path) -> None:
    client = serve(empty=True)

    def counted(path: Path) -> tuple[int, bool]:
        answer = client.get("/v1/folders/count", params={"path": str(path)}).json()
        return answer["images"], answer["complete"]

    assert counted(home / "Pictures") == (3, True)
    assert counted(home / "Pictures" / "trip") == (2, True)
    assert counted(home / "empty") == (0, True)
    assert client.get("/v1/folders", params={"path": str(home / "Pictures")}).json()["images"] == 1


def test_a_count_that_was_cut_short_says_so(serve: Serve, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "COUNTED", 2)
    client = serve(empty=True)
    cut = client.get("/v1/folders/count", params={"path": str(home / "Pictures")}).json()
    assert cut["images"] <= 2 and cut["complete"] is False
    assert client.get("/v1/folders", params={"path": str(home / "Pictures")}).json()["complete"] is False


def test_the_usual_places_are_offered_where_they_are(serve: Serve, home: Path) -> None:
    offered = serve(empty=True).get("/v1/folders").json()["shortcuts"]
    assert [(one["kind"], one["path"]) for one in offered] == [
        ("home", str(home)),
        ("pictures", str(home / "Pictures")),
    ]
    shared = serve(empty=True, folders=(str(home / "empty"),))
    assert [one["path"] for one in shared.get("/v1/folders").json()["shortcuts"]] == [str(home / "empty")]
    for path in ("/v1/folders", "/v1/folders/count"):
        assert shared.get(path, params={"path": str(home)}).status_code == 403


def test_what_is_no_folder_is_named(serve: Serve, home: Path) -> None:
    client = serve(empty=True)
    for path in ("/v1/folders", "/v1/folders/count"):
        gone = client.get(path, params={"path": str(home / "nowhere")})
        assert gone.status_code == 404
        assert gone.json()["error"]["message"] == f"That folder doesn't exist: {home / 'nowhere'}"
        file = client.get(path, params={"path": str(home / "Pictures" / "0.jpg")})
        assert file.status_code == 404 and "a file, not a folder" in file.json()["error"]["message"]
