"""HTTP as the world speaks it: HEAD, OPTIONS, what may be done where, ranges, and a server below a proxy's path."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from imagefinder.errors import InvalidInputError, InvalidQueryError
from imagefinder.server.errors import RefusedError
from imagefinder.server.originals import asked_range
from imagefinder.server.routes.search import decode_data_uri
from imagefinder.server.settings import ServerSettings

Serve = Callable[..., TestClient]
OWN = ("x-took", "date")  # headers that no two answers share


def paths(client: TestClient, ids: list[str]) -> list[str]:
    """Every path that can be asked with GET, events and what changes by itself apart."""
    found = [path for path, methods in client.get("/openapi.json").json()["paths"].items() if "get" in methods]
    filled = {"id": ids[0], "name": "latest", "label": "0"}
    made = [re.sub(r"\{(\w+)\}", lambda m: filled.get(m[1], "nothing"), path) for path in found]
    return [p for p in made if p not in ("/v1/events", "/metrics")] + ["/", "/groups/3", "/docs", "/js/main.js"]


def test_head_is_a_get_without_its_body(reader: TestClient, ids: list[str]) -> None:
    for path in paths(reader, ids):
        got, head = (ask(path, headers={"x-request-id": "the-same"}) for ask in (reader.get, reader.head))
        assert head.status_code == got.status_code, path
        assert head.content == b"", path
        assert int(head.headers["content-length"]) == int(got.headers["content-length"]) > 0, path
        same = [{k: v for k, v in a.headers.items() if k not in OWN and k != "content-length"} for a in (got, head)]
        assert same[0] == same[1], path


def test_head_of_what_has_no_end_ends(reader: TestClient) -> None:
    answer = reader.head("/v1/events")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/event-stream")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v1/images", "GET, HEAD, OPTIONS, POST"),
        ("/v1/search", "OPTIONS, POST"),
        ("/v1/images/6ba7b810-9dad-51d1-80b4-00c04fd430c8", "DELETE, GET, HEAD, OPTIONS, PATCH"),
        ("/v1/duplicates/decisions", "DELETE, GET, HEAD, OPTIONS, POST, PUT"),
        ("/healthz", "GET, HEAD, OPTIONS"),
        ("/", "GET, HEAD, OPTIONS"),
        ("/js/main.js", "GET, HEAD, OPTIONS"),
    ],
)
def test_what_may_be_done_is_told(reader: TestClient, path: str, allowed: str) -> None:
    told = reader.options(path)
    assert (told.status_code, told.headers["allow"], told.content) == (204, allowed, b"")
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"} - set(allowed.split(", ")):
        refused = reader.request(method, path)
        assert (refused.status_code, refused.headers["allow"]) == (405, allowed)
        assert refused.json()["error"]["code"] == "not-allowed"


def test_where_nothing_is_nothing_may_be_done(reader: TestClient) -> None:
    assert [reader.request(m, "/v1/nowhere").status_code for m in ("GET", "POST", "OPTIONS")] == [404] * 3


def test_every_503_says_when_to_come_back(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    client = serve()
    monkeypatch.setattr(client.app.state.serving.searching._room, "acquire", lambda blocking: False)  # type: ignore[attr-defined]
    assert client.get("/v1/images").headers["retry-after"] == "1"


# --- originals ------------------------------------------------------------------------------------------------------


@pytest.fixture
def original(reader: TestClient, ids: list[str]) -> tuple[str, bytes]:
    return f"/v1/images/{ids[0]}/original", reader.get(f"/v1/images/{ids[0]}/original").content


def test_an_original_is_sent_once(reader: TestClient, original: tuple[str, bytes]) -> None:
    path, _ = original
    etag = reader.get(path).headers["etag"]
    for said in (etag, f'"other", {etag}', f"W/{etag}", "*"):
        answer = reader.get(path, headers={"if-none-match": said})
        assert (answer.status_code, answer.headers["etag"], answer.content) == (304, etag, b"")
    assert reader.get(path, headers={"if-none-match": '"other"'}).status_code == 200


@pytest.mark.parametrize(
    ("asked", "slice"),
    [
        ("bytes=0-0", slice(0, 1)),
        ("bytes=10-99", slice(10, 100)),
        ("bytes=100-", slice(100, None)),
        ("bytes=-50", slice(-50, None)),
        ("bytes=100-99999999999", slice(100, None)),
        ("BYTES=5-9", slice(5, 10)),
    ],
)
def test_a_range_of_an_original(reader: TestClient, original: tuple[str, bytes], asked: str, slice: slice) -> None:
    path, whole = original
    answer = reader.get(path, headers={"range": asked, "accept-encoding": "gzip"})
    start, stop, _ = slice.indices(len(whole))
    assert (answer.status_code, answer.content) == (206, whole[slice])
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(whole)}"
    assert answer.headers["content-length"] == str(stop - start)


@pytest.mark.parametrize(
    "asked", ["bytes=", "bytes=-", "bytes=a-b", "lines=0-1", "bytes=9-5", "bytes=0-1,5-6", "bytes=٣-٤"]
)
def test_a_range_that_is_none_is_passed_over(reader: TestClient, original: tuple[str, bytes], asked: str) -> None:
    path, whole = original
    answer = reader.get(path, headers={"range": asked.encode()})
    assert (answer.status_code, answer.content, answer.headers["accept-ranges"]) == (200, whole, "bytes")


def test_a_range_beyond_the_end_is_refused(reader: TestClient, original: tuple[str, bytes]) -> None:
    path, whole = original
    answer = reader.get(path, headers={"range": f"bytes={len(whole)}-"})
    assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{len(whole)}")
    with pytest.raises(RefusedError):
        asked_range("bytes=-0", 10)


def test_a_range_of_what_has_changed_is_the_whole(reader: TestClient, original: tuple[str, bytes]) -> None:
    path, whole = original
    etag = reader.get(path).headers["etag"]
    assert reader.get(path, headers={"range": "bytes=0-9", "if-range": etag}).content == whole[:10]
    assert reader.get(path, headers={"range": "bytes=0-9", "if-range": '"other"'}).content == whole


def test_another_file_in_the_place_of_an_image_is_not_sent(serve: Serve, tmp_path: Path) -> None:
    client = serve(empty=True, folders=(str(tmp_path),))
    folder = tmp_path / "pictures"
    folder.mkdir()
    picture, secret = folder / "a.png", tmp_path / "secret.txt"
    source = Path(__file__).resolve().parents[2] / "examples" / "images"
    picture.write_bytes(next(iter(sorted(source.rglob("*.jpg")))).read_bytes())
    finder = client.app.state.serving.finder  # type: ignore[attr-defined]
    finder.add(folder)
    (record,) = finder.records()
    path = f"/v1/images/{record.id}/original"
    assert client.get(path).content == picture.read_bytes()
    secret.write_text("the password")
    picture.unlink()
    picture.symlink_to(secret)
    for headers in ({}, {"range": "bytes=0-3"}):
        answer = client.get(path, headers=headers)
        assert answer.status_code == 422 and b"password" not in answer.content


# --- below a proxy's path -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stripped", [True, False])
def test_a_server_below_the_path_of_a_proxy(serve: Serve, ids: list[str], stripped: bool) -> None:
    client = serve(root_path="/my/pictures", key="a key that is long enough")
    own = "" if stripped else "/my/pictures"
    for path in ("/", "/groups/3", "/docs", "/nowhere"):
        page = client.get(own + path, headers={"accept": "text/html"}).text
        links = re.findall(r'(?:href|src)="([^"]+)"', page)
        assert links and all(link.startswith("/my/pictures/") for link in links)
        for link in links:
            assert client.get(own + link.removeprefix("/my/pictures")).status_code == 200
    assert client.get(f"{own}/v1/images").status_code == 401
    answer = client.post(f"{own}/v1/session", json={"key": "a key that is long enough"})
    assert "path=/my/pictures;" in answer.headers["set-cookie"].lower() + ";"
    client.headers["authorization"] = "Bearer a key that is long enough"
    assert client.get(f"{own}/v1/images").json()["total"] == len(ids)
    assert client.head(f"{own}/v1/images/{ids[0]}/original").status_code == 200
    assert client.options(f"{own}/v1/images").headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert client.get(f"{own}/openapi.json").json()["servers"][0] == {"url": "/my/pictures"}
    moved = client.get(f"{own}/v1/images/", follow_redirects=False)
    if moved.status_code != 404:
        assert moved.headers["location"] == "/my/pictures/v1/images"
    if not stripped:
        assert client.get("/my/pictures").status_code == 200


def test_redirects_name_no_host(reader: TestClient) -> None:
    moved = reader.get("/v1/images/", headers={"host": "localhost:1"}, follow_redirects=False)
    assert moved.status_code == 404 or moved.headers["location"] == "/v1/images"


@pytest.mark.parametrize("path", ["pictures", "/", "/pictures/", "/v1", "/map/x", "/a b", "/<script>", "//host"])
def test_odd_paths_of_a_proxy_are_refused(path: str) -> None:
    with pytest.raises(InvalidInputError, match="proxy"):
        ServerSettings(root_path=path)


# --- data URIs ------------------------------------------------------------------------------------------------------

DATA = bytes(range(256)) + b"\xfb\xff\xfe"
TEXT = base64.b64encode(DATA).decode()


@pytest.mark.parametrize(
    "written",
    [
        f"data:image/png;base64,{TEXT}",
        f"DATA:IMAGE/PNG;BASE64,{TEXT}",
        f"data:;base64,{TEXT}",
        f" data:image/png;charset=utf-8;base64,{TEXT}\n",
        "data:image/png;base64," + re.sub("(.{76})", r"\1\r\n", TEXT),
        f"data:image/png;base64,{TEXT.rstrip('=')}",
        f"data:image/png;base64,{base64.urlsafe_b64encode(DATA).decode()}",
        f"data:image/png;base64,{TEXT.replace('+', '%2B').replace('=', '%3D').replace('/', '%2F')}",
    ],
)
def test_data_uris_as_people_write_them(written: str) -> None:
    assert decode_data_uri(written) == DATA


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("image/png;base64,AAAA", "not a data URI"),
        ("data:image/png;base64", "not a data URI"),
        ("data:image/png,AAAA", "not in base64"),
        ("data:image/png;base64,", "nothing"),
        ("data:image/png;base64,A", "not base64"),
        ("data:image/png;base64,AA=A", "not base64"),
        ("data:image/png;base64,AAé=", "not base64"),
        ("data:image/png;base64,A*AA", "not base64"),
    ],
)
def test_a_data_uri_that_is_none_says_why(written: str, reason: str) -> None:
    with pytest.raises(InvalidQueryError, match=reason):
        decode_data_uri(written)


def test_wrapped_data_searches(reader: TestClient, ids: list[str]) -> None:
    picture = base64.b64encode(reader.get(f"/v1/images/{ids[0]}/original").content).decode()
    wrapped = "DATA:image/jpeg;BASE64," + "\n".join(re.findall(".{1,76}", picture.rstrip("=")))
    answers: list[Any] = [
        reader.post("/v1/search", json={"parts": [{"image": wrapped}], "k": 1}).json()["hits"][0]["id"],
        len(reader.post("/v1/embeddings", json={"input": [wrapped]}).json()["data"]),
        len(reader.post("/v1/embeddings", json={"input": [{"image": wrapped}]}).json()["data"]),
    ]
    assert answers == [ids[0], 1, 1]
    assert json.loads(reader.post("/v1/search", json={"parts": [{"image": "x"}]}).text)["error"]["message"]
