"""Searching through the API, held against the library's own answers."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from imagefinder import ImageFinder
from imagefinder.types import Limits

Serve = Callable[..., TestClient]
SAMPLES = Path(__file__).resolve().parents[2] / "examples" / "images"
PICTURE = next(SAMPLES.rglob("*.jpg"))


def finder_of(client: TestClient) -> ImageFinder:
    found: ImageFinder = client.app.state.serving.finder  # type: ignore[attr-defined]
    return found


def search(client: TestClient, **query: Any) -> dict[str, Any]:
    answer = client.post("/v1/search", json=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def shown(hits: Any) -> list[tuple[str, float]]:
    return [(h["id"], h["score"]) for h in hits["hits"]]


def data_uri(path: Path) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(path.read_bytes()).decode()}"


def test_every_kind_of_query_answers_as_the_library_does(reader: TestClient, ids: list[str]) -> None:
    finder = finder_of(reader)
    upload = reader.post("/v1/uploads", files={"file": PICTURE.read_bytes()}).json()["upload"]
    pairs: list[tuple[dict[str, Any], Any]] = [
        ({"words": "a dog"}, finder.search("a dog", 7)),
        ({"words": "dog - 2:ball"}, finder.search("dog - 2:ball", 7)),
        ({"words": f"id:{ids[3]}"}, finder.similar(ids[3], 7)),
        ({"parts": [{"id": ids[3]}]}, finder.similar(ids[3], 7)),
        ({"parts": [{"image": data_uri(PICTURE)}]}, finder.search(PICTURE, 7)),
        ({"parts": [{"upload": upload}]}, finder.search(PICTURE, 7)),
        (
            {"words": "dog", "parts": [{"id": ids[3], "weight": -0.5}]},
            finder.search([(f"id:{ids[3]}", -0.5), "dog"], 7),
        ),
        ({"words": "dog", "filter": "width >= 300"}, finder.search("dog", 7, filter="width >= 300")),
        ({"words": "dog", "offset": 4}, finder.search("dog", 7, offset=4)),
        ({"words": "dog", "min_score": 0.1}, finder.search("dog", 7, min_score=0.1)),
    ]
    for query, hits in pairs:
        assert shown(search(reader, k=7, **query)) == shown(hits.to_dict()), query


def test_a_picture_can_be_sent_with_curl(reader: TestClient) -> None:
    expected = finder_of(reader).search(PICTURE, 3)
    answer = reader.post("/v1/search/upload", files={"image": PICTURE.read_bytes()}, data={"query": '{"k": 3}'})
    assert answer.status_code == 200 and shown(answer.json()) == shown(expected.to_dict())
    plain = reader.post("/v1/search/upload", files={"image": PICTURE.read_bytes()})
    assert len(plain.json()["hits"]) == 50
    both = reader.post("/v1/search/upload", files={"image": PICTURE.read_bytes()}, data={"query": '{"words": "snow"}'})
    assert "+" in both.json()["space"]
    for query in ("{", '{"k": "many"}', '{"what": 1}'):
        assert (
            reader.post("/v1/search/upload", files={"image": PICTURE.read_bytes()}, data={"query": query}).status_code
            == 400
        )


def test_pages_follow_each_other(reader: TestClient, ids: list[str]) -> None:
    seen: list[str] = []
    offset: int | None = 0
    while offset is not None:
        page = search(reader, words="animal", k=17, offset=offset)
        seen += [h["id"] for h in page["hits"]]
        assert [h["rank"] for h in page["hits"]] == list(range(offset + 1, offset + 1 + len(page["hits"])))
        offset = page["next_offset"]
    assert sorted(seen) == sorted(ids) and page["total"] == len(ids)


def test_part_of_a_picture(reader: TestClient) -> None:
    with Image.open(PICTURE) as image:
        crop = image.convert("RGB").crop((0, 0, image.width // 2, image.height))
    expected = finder_of(reader).search(crop, 5).to_dict()
    found = search(reader, k=5, parts=[{"image": data_uri(PICTURE), "box": [0, 0, 0.5, 1]}])
    assert {id for id, _ in shown(found)} == {id for id, _ in shown(expected)}


def test_what_was_liked_steers_the_next_answer(reader: TestClient, ids: list[str]) -> None:
    finder = finder_of(reader)
    before = search(reader, words="animal", k=20)
    liked, disliked = before["hits"][6]["id"], before["hits"][0]["id"]
    after = search(reader, words="animal", k=20, liked=[liked], disliked=[disliked])
    assert shown(after) == shown(finder.search("animal", 20, liked=[liked], disliked=[disliked]).to_dict())
    ranks = [h["id"] for h in after["hits"]]
    assert ranks.index(liked) < 6 and (disliked not in ranks or ranks.index(disliked) > ranks.index(liked))
    assert shown(search(reader, k=5, liked=[liked])) == shown(finder.search(None, 5, liked=[liked]).to_dict())


def test_feedback_is_kept_until_it_is_taken_back(client: TestClient, ids: list[str]) -> None:
    query = {"words": "animal"}
    given = client.post("/v1/feedback", json={"query": query, "liked": ids[:2], "disliked": ids[2:3]})
    assert given.status_code == 201 and given.json()["query"] == query
    second = client.post("/v1/feedback", json={"liked": ids[3:4]}).json()
    listed = client.get("/v1/feedback").json()
    assert [f["id"] for f in listed["feedback"]] == [second["id"], given.json()["id"]] and listed["total"] == 2
    assert client.delete(f"/v1/feedback/{second['id']}").status_code == 204
    assert client.delete(f"/v1/feedback/{second['id']}").status_code == 404
    assert client.get("/v1/feedback", params={"k": 1, "offset": 1}).json() == {"total": 1, "feedback": []}
    gone = "6ba7b810-9dad-51d1-80b4-00c04fd430c8"
    for body, status in (({}, 400), ({"liked": [gone]}, 404), ({"liked": ids[:1], "disliked": ids[:1]}, 400)):
        assert client.post("/v1/feedback", json=body).status_code == status


def test_near_identical_hits_become_one_and_hits_can_be_made_to_differ(client: TestClient, ids: list[str]) -> None:
    data = PICTURE.read_bytes()
    assert client.post("/v1/images", files=[("files", ("copy.jpg", data))]).status_code == 201
    query = {"parts": [{"image": data_uri(PICTURE)}], "k": 10}
    assert "copies" not in search(client, **query)["hits"][0]
    together = search(client, **query, collapse=True)["hits"]
    assert len(together[0]["copies"]) == 1 and together[0]["copies"][0] not in [h["id"] for h in together]
    spread = search(client, **query, diversity=0.8)
    assert shown(spread) == shown(finder_of(client).search(PICTURE, 10, diversity=0.8).to_dict())
    assert {id for id, _ in shown(spread)} != {id for id, _ in shown(search(client, **query))}


def test_stages_tell_where_the_time_went(reader: TestClient) -> None:
    found = search(reader, words="dog")
    assert 0 < sum(found["stages"].values()) <= found["took_ms"] + 1
    assert 'imagefinder_search_stage_seconds_count{stage="embed"}' in reader.get("/metrics").text


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"words": "  "},
        {"words": "- dog"},
        {"words": "dog +"},
        {"words": "id:none"},
        {"parts": [{}]},
        {"parts": [{"words": "dog", "id": "6ba7b810-9dad-51d1-80b4-00c04fd430c8"}]},
        {"parts": [{"words": "dog", "box": [0, 0, 1, 1]}]},
        {"parts": [{"image": "data:image/jpeg;base64,###"}]},
        {"parts": [{"image": "http://example.com/a.jpg"}]},
        {"parts": [{"url": "file:///etc/passwd"}]},
        {"parts": [{"url": "/etc/passwd"}]},
        {"parts": [{"id": "x"}]},
        {"parts": [{"upload": "../../index.json"}]},
        {"parts": [{"id": "6ba7b810-9dad-51d1-80b4-00c04fd430c8", "box": [0.5, 0, 0.5, 1]}]},
        {"parts": [{"id": "6ba7b810-9dad-51d1-80b4-00c04fd430c8", "box": [0, 0, 2, 1]}]},
        {"words": "dog", "k": 0},
        {"words": "dog", "k": 100000},
        {"words": "dog", "offset": -1},
        {"words": "dog", "filter": "width >"},
        {"words": "dog", "colour": "red"},
        {"words": "x" * 3000},
        {"words": 7},
    ],
)
def test_a_query_that_cannot_be_meant_is_refused(reader: TestClient, query: dict[str, Any]) -> None:
    answer = reader.post("/v1/search", json=query)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["code"] == "invalid-input" and answer.json()["error"]["message"]


@pytest.mark.parametrize("body", ["", "{", "[]", "null", '{"words": NaN}', "\xff\xfe", '{"words": "\\ud800"}'])
def test_a_body_that_is_no_query_is_refused(reader: TestClient, body: str) -> None:
    answer = reader.post("/v1/search", content=body.encode("latin-1"), headers={"content-type": "application/json"})
    assert answer.status_code == 400 and set(answer.json()) == {"error"}


def test_what_is_not_there_is_not_found(reader: TestClient) -> None:
    gone = "6ba7b810-9dad-51d1-80b4-00c04fd430c8"
    assert reader.post("/v1/search", json={"parts": [{"id": gone}]}).status_code == 404
    assert reader.post("/v1/search", json={"parts": [{"upload": "0" * 32}]}).status_code == 404
    assert reader.get("/v1/uploads/" + "0" * 32).status_code == 404


def test_an_empty_index_says_so(serve: Serve) -> None:
    client = serve(empty=True)
    answer = client.post("/v1/search", json={"words": "dog"})
    assert answer.status_code == 404 and "no images yet" in answer.json()["error"]["message"]
    assert client.get("/v1/index").json()["images"] == 0
    assert client.get("/v1/images").json() == {"total": 0, "offset": 0, "next_offset": None, "images": []}
    assert client.get("/v1/clusters").status_code == 404 and client.get("/v1/duplicates").status_code == 404
    assert client.get("/v1/maps").json() == {"maps": []} and client.get("/v1/maps/latest").status_code == 404


def test_words_never_become_paths(reader: TestClient, tmp_path: Path) -> None:
    """The server must tell nobody which files it has: a path that exists is words like one that does not."""
    there = tmp_path / "secret.jpg"
    Image.new("RGB", (32, 32)).save(there)
    for words in (str(there), str(tmp_path / "nothing.jpg"), "/etc/passwd", "~/.ssh/id_rsa", "./a.jpg", "..\\x.png"):
        found = search(reader, words=words, k=1)
        assert found["space"].endswith("-words") or found["space"] == "texts", words
    assert [shown(search(reader, words=w, k=3)) for w in (str(there),)] == [
        shown(search(reader, words=str(there), k=3))
    ]


# --- uploads ------------------------------------------------------------------------------------------------------


def test_an_upload_is_shown_and_bounded_in_number(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imagefinder.server.uploads.QUERIES_KEPT", 3)
    kept = []
    for seed in range(5):
        buffer = BytesIO()
        Image.new("RGB", (40, 30), (seed * 40, 0, 0)).save(buffer, "PNG")
        answer = client.post("/v1/uploads", files={"file": ("a.png", buffer.getvalue())})
        assert answer.status_code == 201 and (answer.json()["width"], answer.json()["height"]) == (40, 30)
        kept.append(answer.json()["upload"])
    assert [client.get(f"/v1/uploads/{name}").status_code for name in kept] == [404, 404, 200, 200, 200]
    picture = client.get(f"/v1/uploads/{kept[-1]}", params={"size": 16})
    with Image.open(BytesIO(picture.content)) as image:
        assert max(image.size) == 16 and image.format == "JPEG"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"hello", "unsupported-format"),
        (b"\xff\xd8\xff\xe0broken", "corrupt"),
        (b"<svg></svg>", "corrupt"),
    ],
)
def test_an_upload_that_is_no_picture_is_told_why(reader: TestClient, data: bytes, code: str) -> None:
    for path, field in (("/v1/uploads", "file"), ("/v1/search/upload", "image")):
        answer = reader.post(path, files={field: ("x.jpg", data)})
        assert answer.status_code == 422 and answer.json()["error"]["code"] in (code, "truncated", "not-an-image")


def test_a_bomb_is_refused_before_it_is_decoded(serve: Serve) -> None:
    client = serve(limits=Limits(max_pixels=10_000, max_bytes=100_000))
    buffer = BytesIO()
    Image.new("L", (1000, 1000)).save(buffer, "PNG")
    answer = client.post("/v1/uploads", files={"file": buffer.getvalue()})
    assert answer.status_code == 422 and answer.json()["error"]["code"] == "too-many-pixels"


def test_a_form_without_a_file_is_refused(reader: TestClient) -> None:
    for send in ({"json": {}}, {"data": {"file": "text"}}, {"content": b"abc"}, {"files": {"other": b"x"}}):
        assert reader.post("/v1/uploads", **send).status_code == 400  # type: ignore[arg-type]


# --- URLs ---------------------------------------------------------------------------------------------------------


class Pages(BaseHTTPRequestHandler):
    """Serves a picture, and redirects to wherever the path says."""

    def do_GET(self) -> None:
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path[4:])
            self.end_headers()
            return
        data = PICTURE.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "image/jpeg")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def pages() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    Thread(target=partial(server.serve_forever, 0.05), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


URL_DOORS: list[tuple[str, Callable[[str], Any]]] = [
    ("/v1/search", lambda url: {"parts": [{"url": url}]}),
    ("/v1/search", lambda url: {"words": url}),
    ("/v1/uploads", lambda url: {"url": url}),
]


@pytest.mark.parametrize(("path", "body"), URL_DOORS, ids=["part", "words", "upload"])
def test_urls_never_reach_the_own_network(
    reader: TestClient, pages: str, path: str, body: Callable[[str], Any]
) -> None:
    port = pages.rpartition(":")[2]
    for url in (
        f"{pages}/a.jpg",
        f"http://localhost:{port}/a.jpg",
        f"http://[::1]:{port}/a.jpg",
        f"http://[::ffff:127.0.0.1]:{port}/a.jpg",
        f"http://2130706433:{port}/a.jpg",
        f"http://0x7f.1:{port}/a.jpg",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/a.jpg",
        "http://0.0.0.0/a.jpg",
    ):
        answer = reader.post(path, json=body(url))
        assert answer.status_code == 422, (url, answer.text)
        assert answer.json()["error"]["code"] in ("address-refused", "fetch-failed"), url


@pytest.mark.parametrize(("path", "body"), URL_DOORS, ids=["part", "words", "upload"])
def test_a_redirect_is_checked_like_the_first_address(
    serve: Serve, pages: str, path: str, body: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from imagefinder.images import network

    real = network.resolve

    def resolve(host: str, port: int, **rules: Any) -> Any:
        """The first host counts as a public one; whatever a redirect names is looked up as usual."""
        return ["127.0.0.1"] if host == "public.example" else real(host, port, **rules)

    monkeypatch.setattr(network, "resolve", resolve)
    client = serve()
    port = pages.rpartition(":")[2]
    assert client.post(path, json=body(f"http://public.example:{port}/a.jpg")).status_code in (200, 201)
    for target in (f"{pages}/a.jpg", "http://169.254.169.254/x", "file:///etc/passwd", "ftp://example.com/a.jpg"):
        answer = client.post(path, json=body(f"http://public.example:{port}/to/{target}"))
        assert answer.status_code == 422 and answer.json()["error"]["code"] == "address-refused", target


def test_private_addresses_are_reached_when_allowed(serve: Serve, pages: str) -> None:
    client = serve(limits=Limits(allow_private_addresses=True))
    expected = finder_of(client).search(PICTURE, 4).to_dict()
    assert shown(search(client, k=4, parts=[{"url": f"{pages}/a.jpg"}])) == shown(expected)
    added = client.post("/v1/images/urls", json={"urls": [f"{pages}/b.jpg", f"{pages}/to/nowhere://x"]})
    assert added.status_code == 201 and len(added.json()["images"]) == 1 and len(added.json()["skipped"]) == 1


# --- why ----------------------------------------------------------------------------------------------------------


def test_hits_are_explained_as_by_the_library(reader: TestClient, ids: list[str]) -> None:
    body = {"words": "red dog - grass", "parts": [{"id": ids[3], "weight": 0.5}]}
    expected = finder_of(reader).search(["red dog - grass", (f"id:{ids[3]}", 0.5)], 4, explain=True)
    found = search(reader, **body, k=4, explain=True)["hits"]
    parts = {"words", "picture"}
    for row, hit in zip(found, expected, strict=True):
        assert hit.why is not None and row["why"]["meaning"] == pytest.approx(hit.why.meaning, abs=1e-5)
        assert {r["text"] for r in row["why"]["reasons"]} == {reason.text for reason in hit.why.reasons}
        assert parts <= {r["kind"] for r in row["why"]["reasons"]}
    assert all("why" not in row for row in search(reader, **body, k=4)["hits"])


def test_an_image_is_explained_with_its_map(reader: TestClient, ids: list[str]) -> None:
    expected = finder_of(reader).explain(ids[0], "a dog", liked=[ids[1]])
    body = {"words": "a dog", "liked": [ids[1]]}
    found = reader.post(f"/v1/images/{ids[0]}/explain", json=body).json()
    assert {name: value for name, value in found.items() if name != "map"} == expected.to_dict()
    png = reader.post(f"/v1/images/{ids[0]}/explain.png", json=body)
    assert png.headers["content-type"] == "image/png"
    assert found["map"] == f"data:image/png;base64,{base64.b64encode(png.content).decode()}"
    assert expected.map is not None
    assert Image.open(BytesIO(png.content)).size == expected.map.shape[::-1]


@pytest.mark.parametrize("path", ["explain", "explain.png"])
def test_what_cannot_be_explained_is_refused(reader: TestClient, ids: list[str], path: str) -> None:
    url = f"/v1/images/{ids[0]}/{path}"
    faults = [
        {"words": "dog", "k": 3},
        {},
        {"parts": [{"words": "x", "id": ids[0]}]},
        {"words": "x", "words_in": "air"},
    ]
    for body in faults:
        assert reader.post(url, json=body).status_code == 400, body
    assert (
        reader.post(f"/v1/images/{'0' * 8}-0000-0000-0000-{'0' * 12}/{path}", json={"words": "dog"}).status_code == 404
    )
    assert reader.post(f"/v1/images/nothing/{path}", json={"words": "dog"}).status_code == 400
    unknown = reader.post(url, json={"words": "\u72d7"})
    if path == "explain":
        assert unknown.json()["map"] is None and unknown.json()["why"]["reasons"] == []
    else:
        assert unknown.status_code == 404


# --- the description ----------------------------------------------------------------------------------------------


def test_the_examples_of_the_description_are_valid(reader: TestClient) -> None:
    from imagefinder.server.jobs.asked import JobRequest
    from imagefinder.server.requests import Search

    described = reader.get("/openapi.json").json()
    for body in (Search, JobRequest):
        for example in described["components"]["schemas"][body.__name__]["examples"]:
            body.model_validate(example)
    assert json.dumps(described).count("operationId") > 40


def test_unknown_words_are_named(reader: TestClient) -> None:
    nothing = search(reader, words="\u72d7")
    assert (nothing["hits"], nothing["unknown_words"]) == ([], ["\u72d7"])
    assert nothing["notice"] == "No word was understood: \u72d7. The model reads English."
    some = search(reader, words="xqzvkw dog", k=2)
    assert len(some["hits"]) == 2 and some["notice"] == "Not understood: xqzvkw. The model reads English."
    assert search(reader, words="dog")["notice"] is None
    assert search(reader, words='"xqzvkw"', k=2)["hits"], "in quotation marks it is searched for"
