"""Images through the API: listing, changing, adding, removing, and their pictures."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from pyarrow import parquet

from imagefinder import ImageFinder
from imagefinder._util.files import write_whole
from imagefinder.errors import StorageError

Serve = Callable[..., TestClient]
GONE = "6ba7b810-9dad-51d1-80b4-00c04fd430c8"


def finder_of(client: TestClient) -> ImageFinder:
    found: ImageFinder = client.app.state.serving.finder  # type: ignore[attr-defined]
    return found


def picture(seed: int, size: tuple[int, int] = (120, 80), format: str = "JPEG", **how: Any) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    buffer = BytesIO()
    Image.fromarray(noise).resize(size).save(buffer, format, **how)
    return buffer.getvalue()


# --- listing ------------------------------------------------------------------------------------------------------


def test_pages_hold_every_image_once(reader: TestClient, ids: list[str]) -> None:
    seen: list[str] = []
    offset: int | None = 0
    while offset is not None:
        page = reader.get("/v1/images", params={"k": 25, "offset": offset}).json()
        seen += [i["id"] for i in page["images"]]
        offset = page["next_offset"]
    assert seen == sorted(ids) and page["total"] == len(ids)


@pytest.mark.parametrize("sort", ["width", "-width", "uri", "-bytes", "mtime"])
def test_sorting(reader: TestClient, sort: str) -> None:
    name = sort.lstrip("-")
    images = reader.get("/v1/images", params={"sort": sort, "k": 1000}).json()["images"]
    columns = reader.get("/v1/images/columns", params={"sort": sort, "fields": f"id,{name}"}).json()["columns"]
    values = [i[name] for i in images]
    assert values == sorted(values, reverse=sort.startswith("-")) == columns[name]


def test_filters_and_facets_agree(reader: TestClient, ids: list[str]) -> None:
    facets = reader.get("/v1/facets").json()
    assert facets["total"] == len(ids) == sum(f["count"] for f in facets["folder"])
    for folder in facets["folder"]:
        where = f'folder = "{folder["value"]}"'
        assert reader.get("/v1/images", params={"filter": where}).json()["total"] == folder["count"]
        assert reader.get("/v1/facets", params={"filter": where}).json()["total"] == folder["count"]
    low, high = facets["ranges"]["width"]
    assert reader.get("/v1/images", params={"filter": f"width >= {low} and width <= {high}"}).json()["total"] == len(
        ids
    )


def test_columns_of_some_images_are_in_their_order(reader: TestClient, ids: list[str]) -> None:
    names = ["uri", "id", "caption", "none"]
    every = reader.get("/v1/images/columns", params={"fields": ",".join(names)}).json()["columns"]
    chosen = [5, 2, 11]
    gone = "6ba7b810-9dad-51d1-80b4-00c04fd430c8"
    wanted = [every["id"][i] for i in chosen]
    answer = reader.post("/v1/images/columns", json={"ids": [wanted[0], gone, *wanted[1:]], "fields": names}).json()
    assert answer == {"total": 3, "columns": {name: [every[name][i] for i in chosen] for name in names}}
    none = reader.post("/v1/images/columns", json={"ids": [], "fields": names}).json()
    assert none == {"total": 0, "columns": {name: [] for name in names}}
    for body in ({"ids": ids[:1], "fields": []}, {"ids": ids[:1]}, {"ids": ["x"], "fields": names}, {"fields": names}):
        assert reader.post("/v1/images/columns", json=body).status_code == 400, body
    assert reader.post("/v1/images/columns", json={"ids": ids[:1], "fields": [""]}).status_code == 400


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/v1/images", {"filter": "width >"}),
        ("/v1/images", {"k": 0}),
        ("/v1/images", {"offset": -1}),
        ("/v1/images", {"sort": "nothing"}),
        ("/v1/images/columns", {"fields": ","}),
        ("/v1/images/columns", {"filter": "("}),
        ("/v1/facets", {"filter": "a b"}),
    ],
)
def test_what_cannot_be_listed_is_refused(reader: TestClient, path: str, params: dict[str, Any]) -> None:
    answer = reader.get(path, params=params)
    assert answer.status_code == 400 and answer.json()["error"]["code"] == "invalid-input", answer.text


def test_images_are_named_by_id_only(reader: TestClient, ids: list[str]) -> None:
    uri = reader.get(f"/v1/images/{ids[0]}").json()["uri"]
    for name in (uri, uri.replace("/", "%2F"), "..%2F..%2Findex.json", "../../index.json", "id:" + ids[0], "%00"):
        for what in ("", "/thumbnail", "/original"):
            assert reader.get(f"/v1/images/{name}{what}").status_code in (400, 404), name
    assert reader.get(f"/v1/images/{GONE}").status_code == 404
    assert reader.get(f"/v1/images/{ids[0].upper()}").json()["id"] == ids[0]


@pytest.mark.parametrize(
    "path",
    ["/../index.json", "/%2e%2e/%2e%2e/app.py", "/vendor/..%2f..%2fapp.py", "/js/%00", "/app.py", "//etc/passwd"],
)
def test_the_page_serves_its_own_files_only(reader: TestClient, path: str) -> None:
    answer = reader.get(path)
    assert answer.status_code in (400, 404) and "error" in answer.json()


# --- changing -----------------------------------------------------------------------------------------------------


def test_tags_and_captions(client: TestClient, ids: list[str]) -> None:
    changed = client.patch(f"/v1/images/{ids[0]}", json={"tags": ["red", "old"], "caption": "a thing"}).json()
    assert changed["tags"] == ["red", "old"] and changed["caption"] == "a thing"
    assert client.patch(f"/v1/images/{ids[0]}", json={"tags": ["new"]}).json()["caption"] == "a thing"
    assert "caption" not in client.patch(f"/v1/images/{ids[0]}", json={"caption": None}).json()
    given = {"ids": ids[:3], "add": ["x", "y"], "remove": ["new"]}
    assert client.post("/v1/images/tags", json=given).status_code == 200
    tags = [client.get(f"/v1/images/{i}").json().get("tags", []) for i in ids[:4]]
    assert [sorted(t) for t in tags] == [["x", "y"]] * 3 + [[]]
    assert client.get("/v1/images", params={"filter": "tags = x"}).json()["total"] == 3
    assert finder_of(client).get(ids[1]).tags == ("x", "y")


@pytest.mark.parametrize(
    "body",
    [{"tags": [""]}, {"tags": ["x" * 300]}, {"tags": "red"}, {"caption": 3}, {"uri": "/etc"}, {"tags": ["a"] * 300}],
)
def test_bad_changes_are_refused(reader: TestClient, ids: list[str], body: dict[str, Any]) -> None:
    assert reader.patch(f"/v1/images/{ids[0]}", json=body).status_code == 400
    assert reader.patch(f"/v1/images/{GONE}", json={"tags": ["a"]}).status_code == 404


# --- pictures -----------------------------------------------------------------------------------------------------


def test_a_thumbnail_is_upright_small_and_remembered(serve: Serve, tmp_path: Path) -> None:
    client = serve(empty=True)
    (tmp_path / "in").mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    (tmp_path / "in" / "turned.jpg").write_bytes(picture(1, (300, 100), exif=exif))
    finder_of(client).add(tmp_path / "in")
    record = finder_of(client).records()[0]
    path = f"/v1/images/{record.id}/thumbnail"
    for size in (64, 128, 256, 512):
        answer = client.get(path, params={"size": size})
        with Image.open(BytesIO(answer.content)) as image:
            assert image.height == min(size, 300) and abs(image.width - image.height / 3) <= 1
        assert "no-cache" in answer.headers["cache-control"]
    lasting = client.get(path, params={"v": record.content_hash})
    assert "immutable" in lasting.headers["cache-control"]
    again = client.get(path, headers={"if-none-match": lasting.headers["etag"]})
    assert again.status_code == 304 and again.content == b""
    assert client.get(path, params={"size": 100}).status_code == 400
    (tmp_path / "in" / "turned.jpg").unlink()
    assert client.get(path).status_code == 200  # kept
    gone = client.get(path, params={"size": 2048})
    assert gone.status_code == 422 and gone.json()["error"]["code"] == "not-found"


def test_an_edited_file_is_not_shown_as_the_one_that_was_indexed(serve: Serve, tmp_path: Path) -> None:
    client = serve(empty=True)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jpg").write_bytes(picture(1))
    finder_of(client).add(tmp_path / "in")
    id = finder_of(client).records()[0].id
    (tmp_path / "in" / "a.jpg").write_bytes(picture(2))
    answer = client.get(f"/v1/images/{id}/thumbnail")
    assert answer.status_code == 422 and "changed" in answer.json()["error"]["message"]


def test_the_original_is_the_file_and_runs_nothing(reader: TestClient, ids: list[str]) -> None:
    record = finder_of(reader).get(ids[0])
    answer = reader.get(f"/v1/images/{ids[0]}/original")
    assert answer.content == Path(record.uri).read_bytes() and answer.headers["content-type"] == "image/jpeg"
    assert "sandbox" in answer.headers["content-security-policy"]


def test_thumbnails_take_no_more_room_than_they_may(serve: Serve) -> None:
    client = serve(cache_bytes=60_000)
    for image in client.get("/v1/images", params={"k": 1000}).json()["images"]:
        assert client.get(f"/v1/images/{image['id']}/thumbnail").status_code == 200
    home = Path(finder_of(client).info().path)
    kept = [f.stat().st_size for f in (home / "thumbs").rglob("*.jpg")]
    assert kept and sum(kept) <= 60_000
    assert not list((home / "thumbs").rglob("*.tmp"))


# --- adding and removing ------------------------------------------------------------------------------------------


def test_images_are_added_searched_and_removed(client: TestClient, ids: list[str]) -> None:
    files = [("files", ("../../Ä strange <name>.png", picture(5, format="PNG"))), ("files", ("b.jpg", picture(6)))]
    files += [("files", ("bad.jpg", b"no picture")), ("files", ("same.jpg", picture(6)))]
    added = client.post("/v1/images", files=files, data={"tags": "mine, new"}).json()
    assert len(added["images"]) == 2 and [s["uri"] for s in added["skipped"]] == ["bad.jpg"]
    first, second = added["images"]
    assert first["name"] == "Ä strange <name>.png" and first["tags"] == ["mine", "new"] and first["format"] == "PNG"
    home = finder_of(client).info().path
    assert Path(first["uri"]).parent == Path(home) / "uploads" / "images"
    hits = client.post("/v1/search", json={"parts": [{"id": second["id"]}], "k": 1000}).json()["hits"]
    assert first["id"] in [h["id"] for h in hits]
    assert client.delete(f"/v1/images/{first['id']}").status_code == 204
    assert not Path(first["uri"]).exists() and client.get(f"/v1/images/{first['id']}").status_code == 404
    finder_of(client).add()
    assert len(finder_of(client)) == len(ids) + 1


def test_removing_leaves_the_persons_own_files(client: TestClient, ids: list[str]) -> None:
    uris = [client.get(f"/v1/images/{i}").json()["uri"] for i in ids[:3]]
    assert client.post("/v1/images/delete", json={"ids": ids[:3]}).json()["removed"] == 3
    assert all(Path(uri).exists() for uri in uris)
    assert client.post("/v1/images/delete", json={"ids": [GONE]}).status_code == 404
    assert client.post("/v1/images/delete", json={"ids": []}).json() == {"removed": 0, "history": None}
    assert len(finder_of(client)) == len(ids) - 3


def test_nothing_but_bad_files(client: TestClient) -> None:
    answer = client.post("/v1/images", files=[("files", ("a.txt", b"text")), ("files", ("empty.jpg", b""))])
    assert answer.status_code == 201 and answer.json()["images"] == []
    assert {s["code"] for s in answer.json()["skipped"]} <= {"unsupported-format", "empty", "not-an-image"}
    assert client.post("/v1/images", data={"tags": "x"}).status_code == 400


def test_an_image_is_added_while_others_are_being_indexed(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long run lets short work in between its steps."""
    monkeypatch.setattr("imagefinder.server.routes.images.PATIENCE_S", 200.0)
    client = serve(max_seconds=250.0)
    (tmp_path / "many").mkdir()
    for i in range(160):
        (tmp_path / "many" / f"{i}.jpg").write_bytes(picture(100 + i, (400, 300)))
    job = client.post("/v1/jobs", json={"kind": "index", "options": {"sources": [str(tmp_path / "many")]}}).json()
    added = client.post("/v1/images", files=[("files", ("b.jpg", picture(6)))])
    assert added.status_code == 201 and len(added.json()["images"]) == 1
    end = time.monotonic() + 100
    while client.get(f"/v1/jobs/{job['id']}").json()["state"] in ("queued", "running"):
        assert time.monotonic() < end
        time.sleep(0.05)
    done = client.get(f"/v1/jobs/{job['id']}").json()
    assert done["state"] == "done" and done["result"]["added"] == 160, done
    query = {"parts": [{"id": added.json()["images"][0]["id"]}], "k": 1000}
    hits = client.post("/v1/search", json=query).json()["hits"]
    assert len(hits) == len(finder_of(client)) - 1  # every image has its vectors


def test_tables_of_urls_are_taken_and_those_of_paths_only_where_folders_are(serve: Serve) -> None:
    key = "a key that is long enough"
    sent = {"authorization": f"Bearer {key}"}
    far = serve(host="0.0.0.0", key=key)
    urls, paths = b"url\nhttps://example.com/a.jpg\n", b"path\n/etc/passwd\n"
    assert far.post("/v1/tables", files={"file": ("a.csv", urls)}, headers=sent).status_code == 201
    assert far.post("/v1/tables", files={"file": ("a.csv", paths)}, headers=sent).status_code == 403
    near = serve()
    source = near.post("/v1/tables", files={"file": ("../a.csv", paths)}).json()["source"]
    assert Path(source).parent == Path(finder_of(near).info().path) / "uploads" / "tables"
    for name, data in (("a.txt", urls), ("a.csv", b""), ("a.csv", b"x,y\n1,2\n"), ("a.parquet", b"no")):
        assert near.post("/v1/tables", files={"file": (name, data)}).status_code == 400, name


def test_pictures_inside_an_uploaded_table_are_added_and_shown(serve: Serve) -> None:
    key = "a key that is long enough"
    sent = {"authorization": f"Bearer {key}"}
    far = serve(empty=True, host="0.0.0.0", key=key)
    cells = [{"bytes": picture(n), "path": f"{n}.jpg"} for n in range(3)]
    buffer = BytesIO()
    parquet.write_table(pa.table({"image": cells, "title": ["a", "b", "c"]}), buffer)
    source = far.post("/v1/tables", files={"file": ("a.parquet", buffer.getvalue())}, headers=sent).json()["source"]
    finder_of(far).add(source)
    for row in far.get("/v1/images", headers=sent).json()["images"]:
        number = int(Path(row["uri"]).stem)
        assert row["title"] == "abc"[number]
        path = f"/v1/images/{row['id']}"
        assert far.get(f"{path}/original", headers=sent).content == picture(number)
        shown = Image.open(BytesIO(far.get(f"{path}/thumbnail", headers=sent).content))
        assert shown.format == "JPEG" and shown.size == (120, 80)
    other = pa.table({"image": [{"bytes": None, "path": f"{source}#image/0"}], "n": [1]})
    parquet.write_table(other, buffer := BytesIO())
    assert far.post("/v1/tables", files={"file": ("b.parquet", buffer.getvalue())}, headers=sent).status_code == 403


def test_an_index_opened_again_has_it_all(
    client: TestClient, ids: list[str], copy_index: Callable[[Path, Path], Path]
) -> None:
    """What was said through the API is in the index, not in the server."""
    client.patch(f"/v1/images/{ids[0]}", json={"tags": ["kept"]})
    client.post("/v1/images", files=[("files", ("b.jpg", picture(6)))])
    home = Path(finder_of(client).info().path)
    finder_of(client).close()
    with ImageFinder.open(copy_index(home, home.with_name("copy")), create=False) as finder:
        assert finder.get(ids[0]).tags == ("kept",) and len(finder) == len(ids) + 1


def test_what_lies_at_its_place_now_is_not_shown_as_the_image(serve: Serve, tmp_path: Path) -> None:
    client = serve(empty=True)
    (tmp_path / "in").mkdir()
    place, secret = tmp_path / "in" / "a.jpg", tmp_path / "secret"
    place.write_bytes(picture(1))
    finder_of(client).add(tmp_path / "in")
    id = finder_of(client).records()[0].id
    ways = [f"/v1/images/{id}/original", f"/v1/images/{id}/thumbnail?size=1024"]
    assert [client.get(way).status_code for way in ways] == [200, 200]
    secret.write_text("root:x:0:0:")
    other = tmp_path / "other.jpg"
    other.write_bytes(picture(2))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for target in (secret, other, Path("/etc/passwd"), Path("/dev/zero"), pipe, tmp_path, tmp_path / "nothing"):
        place.unlink()
        place.symlink_to(target)
        for way in ways:
            answer = client.get(way)
            assert answer.status_code == 422 and "root:" not in answer.text, (target, way)
        by_part = {"parts": [{"id": id, "box": [0, 0, 0.5, 0.5]}]}
        assert client.post("/v1/search", json=by_part).status_code == 422
    place.unlink()
    place.symlink_to(tmp_path / "moved.jpg")
    (tmp_path / "moved.jpg").write_bytes(picture(1))  # the very picture, wherever it lies
    assert [client.get(way).status_code for way in ways] == [200, 200]


def test_a_url_that_gives_other_bytes_now_is_named_by_what_they_are(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = [picture(1)]
    monkeypatch.setattr("imagefinder.images.fetch.Fetcher.get", lambda self, url: given[0])
    client = serve(empty=True)
    finder_of(client).add("https://example.com/a.jpg")
    path = f"/v1/images/{finder_of(client).records()[0].id}/original"
    for data, kind in (
        (picture(1), "image/jpeg"),
        (picture(2, format="PNG"), "image/png"),
        (b"<svg onload=alert(1)>", "application/octet-stream"),
        (b"<html><script>alert(1)</script>", "application/octet-stream"),
    ):
        given[0] = data
        answer = client.get(path)
        assert answer.headers["content-type"] == kind and "sandbox" in answer.headers["content-security-policy"]


# --- all or nothing -------------------------------------------------------------------------------------------------


def uploaded_files(client: TestClient) -> set[str]:
    folder = Path(client.app.state.serving.uploads.images.source)  # type: ignore[attr-defined]
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def png(number: int) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (32, 24), (number, 10, 200)).save(buffer, "PNG")
    return buffer.getvalue()


def test_what_answers_an_error_has_stored_nothing(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    there = client.post("/v1/images", files={"files": ("there.png", png(99))}).json()["images"][0]
    kept = uploaded_files(client)
    before = client.get("/v1/images").json()["total"]
    files = [("files", ("there.png", png(99))), *(("files", (f"{n}.png", png(n))) for n in range(4))]
    for tags in ("x" * 500, ",".join(f"t{n}" for n in range(101)), "a\nb"):
        assert client.post("/v1/images", files=files, data={"tags": tags}).status_code == 400
    uploads = client.app.state.serving.uploads  # type: ignore[attr-defined]
    written: list[Path] = []

    def full(path: Path, data: bytes) -> None:
        if len(written) == 3:
            raise StorageError("The disk is full.")
        written.append(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    with monkeypatch.context() as patch:
        patch.setattr("imagefinder.server.kept_images.write_whole", full)
        assert client.post("/v1/images", files=files).status_code == 507
        assert len(written) == 3 and uploaded_files(client) == kept
        patch.setattr(type(client.app.state.serving.finder), "add", lambda *a, **k: 1 / 0)  # type: ignore[attr-defined]
        patch.setattr("imagefinder.server.kept_images.write_whole", write_whole)
        assert client.post("/v1/images", files=files).status_code == 500
    assert uploaded_files(client) == kept and not uploads._claims
    assert client.get(f"/v1/images/{there['id']}/original").content == png(99)
    assert client.get("/v1/images").json()["total"] == before
    answer = client.post("/v1/images", files=[*files, ("files", ("bad.png", b"no picture"))])
    assert (answer.status_code, len(answer.json()["images"])) == (201, 5)
    assert [skipped["uri"] for skipped in answer.json()["skipped"]] == ["bad.png"]
    assert len(uploaded_files(client)) == 5 and not uploads._claims


def test_tags_that_do_not_fit_an_image_are_told(client: TestClient) -> None:
    file = {"files": ("a.png", png(1))}
    tags = ",".join(f"t{n}" for n in range(100))
    assert client.post("/v1/images", files=file, data={"tags": tags}).json()["skipped"] == []
    again = client.post("/v1/images", files=file, data={"tags": "one more"}).json()
    assert len(again["images"][0]["tags"]) == 100
    assert [(s["uri"], s["code"]) for s in again["skipped"]] == [("a.png", "invalid-input")]


def test_an_image_that_another_upload_keeps_is_not_taken_away(client: TestClient) -> None:
    serving = client.app.state.serving  # type: ignore[attr-defined]
    mine = serving.uploads.keep_images([("a.png", BytesIO(png(7)))], serving.finder)
    answer = client.post("/v1/images", files={"files": ("b.png", png(7))})
    with serving.uploads.settled(mine, serving.finder):
        pass
    assert client.get(f"/v1/images/{answer.json()['images'][0]['id']}/original").content == png(7)
    yours = serving.uploads.keep_images([("c.png", BytesIO(png(8)))], serving.finder)
    other = serving.uploads.keep_images([("d.png", BytesIO(png(8)))], serving.finder)
    for kept, there in ((yours, 2), (other, 1)):
        assert len(uploaded_files(client)) == 2 if there == 2 else True
        with serving.uploads.settled(kept, serving.finder):
            pass
    assert len(uploaded_files(client)) == 1


def test_no_link_in_the_place_of_a_kept_picture_is_followed(serve: Serve, tmp_path: Path) -> None:
    """As an index may hold that came from somebody else."""
    client = serve()
    finder = finder_of(client)
    record, home = finder.records()[0], Path(finder.info().path)
    way = f"/v1/images/{record.id}/thumbnail?size=256"
    shown = client.get(way).content
    (kept,) = home.glob(f"thumbs/*/{record.content_hash}-256.jpg")
    query = client.post("/v1/uploads", files={"file": ("a.jpg", picture(3))}).json()["upload"]
    (tmp_path / "secret").write_text("root:x:0:0:")
    assert client.get(f"/v1/uploads/{query}?size=128").status_code == 200
    for place in (kept, *home.rglob(f"queries/{query}")):
        place.unlink()
        place.symlink_to(tmp_path / "secret")
    assert client.get(way).content == shown
    assert client.get(f"/v1/uploads/{query}?size=128").status_code == 404


def test_how_it_was_taken_and_whether_its_file_is_there(serve: Serve, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769).update({33437: 4.0, 34855: 100})
    (tmp_path / "a.jpg").write_bytes(picture(1, exif=exif))
    client = serve(empty=True)
    finder_of(client).add(str(tmp_path / "a.jpg"))
    id = finder_of(client).records()[0].id
    assert client.get(f"/v1/images/{id}/shot").json() == {"there": True, "aperture": 4.0, "iso": 100.0}
    (tmp_path / "a.jpg").unlink()
    gone = client.get(f"/v1/images/{id}/shot").json()
    assert gone["there"] is False and gone["why"]
    assert client.get(f"/v1/images/{GONE}/shot").status_code == 404


def test_the_ids_of_all_images_are_given_as_bytes(reader: TestClient) -> None:
    for params in ({}, {"sort": "-bytes"}, {"filter": "bytes > 0", "sort": "uri"}):
        wanted = reader.get("/v1/images/columns", params={"fields": "id", **params}).json()["columns"]["id"]
        raw = reader.get("/v1/images/ids", params=params).content
        assert [str(UUID(bytes=raw[i : i + 16])) for i in range(0, len(raw), 16)] == wanted
        assert reader.get("/v1/images/ids", params={**params, "offset": 1, "k": 2}).content == raw[16:48]
