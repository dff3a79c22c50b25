"""Favourites, ratings, albums, files and the history through the API."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from imagefinder import ImageFinder

Serve = Callable[..., TestClient]


def all_ids(client: TestClient) -> list[str]:
    found: list[str] = client.get("/v1/images/columns", params={"fields": "id"}).json()["columns"]["id"]
    return found


def post(client: TestClient, path: str, **body: Any) -> Any:
    answer = client.post(f"/v1{path}", json=body)
    assert answer.is_success, answer.text
    return answer.json()


def finder_of(client: TestClient) -> ImageFinder:
    found: ImageFinder = client.app.state.serving.finder  # type: ignore[attr-defined]
    return found


def own_pictures(client: TestClient, tmp_path: Path, n: int = 4) -> list[Path]:
    """Pictures of the index in a folder of their own, taken in from there."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for record in list(finder_of(client).records())[:n]:
        (folder / Path(record.uri).name).write_bytes(Path(record.uri).read_bytes())
    finder_of(client).add(folder)
    return sorted(folder.iterdir())


def ids_of(client: TestClient, paths: list[Path]) -> list[str]:
    return [finder_of(client).get(path).id for path in paths]


def local(serve: Serve, **settings: Any) -> TestClient:
    """A client on the server's own machine."""
    client = serve(**settings)
    client._transport.client = ("127.0.0.1", 50000)  # type: ignore[attr-defined]
    return client


def test_marks_are_fields_that_filters_and_sorts_know(client: TestClient) -> None:
    ids = all_ids(client)
    made = post(client, "/images/marks", ids=ids[:3], favorite=True)
    assert made["changed"] == 3 and made["history"]
    assert post(client, "/images/marks", ids=ids[:3], favorite=True) == {"changed": 0, "history": None}
    post(client, "/images/marks", ids=ids[1:2], rating=5)
    post(client, "/images/marks", ids=ids[2:3], rating=2)
    assert client.get("/v1/images", params={"filter": "favorite = true"}).json()["total"] == 3
    rated = client.get("/v1/images", params={"filter": "rating >= 1", "sort": "-rating"}).json()["images"]
    assert [image["rating"] for image in rated] == [5, 2]
    assert client.get("/v1/facets").json()["rating"] == [{"value": 2, "count": 1}, {"value": 5, "count": 1}]
    post(client, f"/history/{made['history']}/undo")
    assert client.get("/v1/images", params={"filter": "favorite = true"}).json()["total"] == 0


@pytest.mark.parametrize("body", [{}, {"favorite": True, "rating": 1}, {"rating": 6}, {"rating": -1}])
def test_a_wrong_mark_is_refused(reader: TestClient, ids: list[str], body: dict[str, Any]) -> None:
    assert reader.post("/v1/images/marks", json={"ids": ids[:1], **body}).status_code in (400, 422)


def test_an_album_that_was_deleted_stays_so_when_its_renaming_is_undone(client: TestClient) -> None:
    ids, albums, history = all_ids(client)[:2], finder_of(client).albums, finder_of(client).history
    albums.add("Summer", ids)
    albums.rename("Summer", "Sommer")
    renaming = history.list(1)[0].entry.id
    albums.delete("Sommer")
    history.undo(renaming)
    assert albums.list() == []
    albums.add("Summer", ids)
    albums.rename("Summer", "Sommer")
    history.undo(history.list(1)[0].entry.id)
    assert [(album.name, album.images) for album in albums.list()] == [("Summer", 2)]


def test_albums_keep_their_order(client: TestClient) -> None:
    ids = all_ids(client)
    post(client, "/albums", name="Summer", ids=[ids[5], ids[2], ids[9]])
    params = {"filter": 'albums = "Summer"', "sort": "album:Summer", "fields": "id"}

    def order() -> list[str]:
        found: list[str] = client.get("/v1/images/columns", params=params).json()["columns"]["id"]
        return found

    assert order() == [ids[5], ids[2], ids[9]]
    client.put("/v1/albums/order", json={"name": "Summer", "ids": [ids[9]]})
    assert order() == [ids[9], ids[5], ids[2]]
    post(client, "/albums/remove", name="Summer", ids=[ids[5]])
    assert client.get("/v1/albums").json()["albums"] == [{"name": "Summer", "images": 2, "cover": ids[9]}]
    gone = post(client, "/albums/delete", name="Summer")["history"]
    assert client.get("/v1/albums").json()["albums"] == []
    assert client.post("/v1/albums/delete", json={"name": "Summer"}).status_code == 404
    post(client, f"/history/{gone}/undo")
    assert order() == [ids[9], ids[2]]


def test_a_change_is_taken_back_once_and_leaves_later_ones(client: TestClient) -> None:
    ids = all_ids(client)[:2]
    first = post(client, "/images/tags", ids=ids, add=["a", "b"])["history"]
    post(client, "/images/tags", ids=ids[:1], add=["later"])
    assert post(client, f"/history/{first}/undo")["changed"] == 2
    assert finder_of(client).get(ids[0]).tags == ("later",) and finder_of(client).get(ids[1]).tags == ()
    assert client.post(f"/v1/history/{first}/undo").status_code == 404
    events = client.get("/v1/history").json()["events"]
    assert [(e["action"], e["undoable"]) for e in events] == [("undone", False), ("tagged", True), ("tagged", False)]


def test_a_zip_has_the_originals_under_names_of_their_own(client: TestClient, tmp_path: Path) -> None:
    paths = own_pictures(client, tmp_path)
    (paths[0].parent / "more").mkdir()
    twin = paths[0].parent / "more" / paths[0].name.upper()
    twin.write_bytes(paths[1].read_bytes())
    finder_of(client).add(paths[0].parent)
    gone = ids_of(client, paths[3:])
    paths[3].unlink()
    answer = client.post("/v1/images/zip", json={"ids": [*ids_of(client, [paths[0], twin, paths[2]]), *gone]})
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        stem, ending = twin.name.rsplit(".", 1)
        names = [paths[0].name, f"{stem} (2).{ending}", paths[2].name]
        assert archive.namelist() == [*names, "not in this archive.txt"]
        assert [archive.read(name) for name in names] == [p.read_bytes() for p in (paths[0], twin, paths[2])]
        assert str(paths[3]) in archive.read("not in this archive.txt").decode()


def test_the_trash_and_back(client: TestClient, tmp_path: Path) -> None:
    paths = own_pictures(client, tmp_path)
    ids = ids_of(client, paths[:2])
    post(client, "/images/tags", ids=ids, add=["kept"])
    moved = post(client, "/images/trash", ids=ids)
    assert len(moved["files"]) == 2 and not paths[0].exists() and ids[0] not in finder_of(client)
    back = post(client, f"/history/{moved['history']}/undo")
    finder_of(client).add(paths[0].parent)  # as the job does
    assert back["changed"] == 2 and back["job"] and finder_of(client).get(ids[0]).tags == ("kept",)


def test_a_file_that_has_changed_is_left_alone(client: TestClient, tmp_path: Path) -> None:
    paths = own_pictures(client, tmp_path)
    ids = ids_of(client, paths[:1])
    paths[0].write_bytes(b"another")
    moved = post(client, "/images/trash", ids=ids)
    assert (moved["files"], moved["history"], moved["left"][0]["code"]) == ([], None, "changed")
    assert paths[0].read_bytes() == b"another" and ids[0] in finder_of(client)


@pytest.mark.parametrize("what", ["copy", "move"])
def test_files_are_placed_only_from_the_machine_itself(serve: Serve, tmp_path: Path, what: str) -> None:
    client = serve()
    body = {"ids": all_ids(client)[:1], "folder": str(tmp_path)}
    assert client.post(f"/v1/images/{what}", json=body).json()["error"]["code"] == "not-local"
    assert client.get("/v1/index").json()["may_place_files"] is False
    here = local(serve, folders=(str(tmp_path / "allowed"),))
    assert here.get("/v1/index").json()["may_place_files"] is True
    assert here.post(f"/v1/images/{what}", json={**body, "ids": all_ids(here)[:1]}).status_code == 403
    proxied = here.post(f"/v1/images/{what}", json=body, headers={"x-forwarded-for": "10.0.0.1"})
    assert proxied.json()["error"]["code"] == "not-local"
    assert here.post("/v1/jobs", json={"kind": "files", "options": {**body, "what": what}}).status_code == 403


def test_a_reveal_needs_a_desktop(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    here = local(serve)
    shown: list[str] = []
    monkeypatch.setattr("imagefinder.server.revealing.reveal", shown.append)
    monkeypatch.setattr("imagefinder.server.local.has_desktop", lambda: False)
    (id,) = all_ids(here)[:1]
    assert here.post(f"/v1/images/{id}/reveal").json()["error"]["code"] == "no-desktop"
    monkeypatch.setattr("imagefinder.server.local.has_desktop", lambda: True)
    assert here.post(f"/v1/images/{id}/reveal").status_code == 204
    assert shown == [finder_of(here).get(id).uri]


def test_who_may_only_look_changes_nothing(serve: Serve) -> None:
    client = serve(read_only=True)
    ids = all_ids(client)[:1]
    for path, body in (
        ("/images/marks", {"ids": ids, "favorite": True}),
        ("/albums", {"ids": ids, "name": "x"}),
        ("/images/trash", {"ids": ids}),
    ):
        assert client.post(f"/v1{path}", json=body).status_code == 403
    assert client.post("/v1/images/zip", json={"ids": ids}).status_code == 200
