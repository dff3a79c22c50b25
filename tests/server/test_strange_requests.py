"""Requests made of right ones with something odd in one place, one after the other on one server: each is answered or
refused with its reason, and what was kept can be shown, and taken back, whatever it was."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import odd
import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st

from imagefinder import ImageFinder
from imagefinder.server.app import create_app
from imagefinder.server.settings import ServerSettings

LISTS = (
    "images?k=1000",
    "feedback",
    "concepts",
    "duplicates/decisions",
    "duplicates",
    "jobs",
    "clusters",
    "maps",
    "sources",
    "facets",
)
BUSY = (501, 503)  # the errors of a server that are no fault of it


class Served:
    """A server, and what is there on it."""

    def __init__(self, client: TestClient) -> None:
        self.client = client
        self.ids: list[str] = self.ask("GET", "/v1/images/columns?fields=id").json()["columns"]["id"][:6]
        self.hashes = [self.ask("GET", f"/v1/images/{id}").json()["content_hash"] for id in self.ids]

    def ask(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """A response, which is no fault of the server's, and tells a reason where it is a refusal."""
        if body is not None:
            text = json.dumps(body)
            options |= {
                "content": text.encode("utf-8", "surrogatepass"),
                "headers": {"content-type": "application/json"},
            }
        answer = self.client.request(method, path, **options)
        told = f"{method} {path[:200]} {str(body)[:500]!a}: {answer.status_code} {answer.text[:500]}"
        assert answer.status_code < 500 or answer.status_code in BUSY, told
        assert "nexpected" not in answer.text[:300] or answer.status_code < 400, told
        if answer.status_code >= 400:
            error = answer.json()["error"]
            assert set(error) == {"code", "message", "remedy"} and len(error["message"]) > 3, told
        return answer

    def shows_all(self) -> None:
        for path in LISTS:
            assert self.ask("GET", f"/v1/{path}").status_code == 200, path
        failed = [job["error"] for job in self.ask("GET", "/v1/jobs?k=200").json()["jobs"] if job["error"]]
        assert not [error for error in failed if error["code"] == "unexpected"]


@pytest.fixture(scope="module")
def served(
    organised_index: Path, tmp_path_factory: pytest.TempPathFactory, copy_index: Callable[[Path, Path], Path]
) -> Iterator[Served]:
    home = copy_index(organised_index, tmp_path_factory.mktemp("strange") / "index")
    with ImageFinder.open(home) as finder:
        app = create_app(finder, ServerSettings(folders=()))
        with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
            yield Served(client)


def bodies(ids: list[str], hashes: list[str]) -> dict[str, tuple[str, str, Any]]:
    """A right request of each kind that has a body: its method, its path, and its body."""
    pair = {"a": hashes[0], "b": hashes[1], "decision": "keep-both", "when": "2026-01-01T00:00:00+00:00"}
    search = {"words": "red + dog", "k": 3, "offset": 0, "filter": "width > 1", "liked": ids[:1], "disliked": ids[1:2]}
    more = {"diversity": 0.5, "collapse": True, "min_score": -1.0, "spaces": [], "measures": ["cosine"], "fuse": "rrf"}
    part = {"id": ids[0], "weight": 1.0, "box": [0.1, 0.1, 0.9, 0.9]}
    return {
        "search": ("POST", "/v1/search", {**search, **more}),
        "parts": ("POST", "/v1/search", {"parts": [part, {"words": "red", "weight": -0.5, "quoted": True}], "k": 2}),
        "predict": ("POST", "/v1/predict", {"id": ids[0], "model": "none"}),
        "feedback": (
            "POST",
            "/v1/feedback",
            {"query": {"words": "x", "k": 1, "parts": [{"id": ids[0]}]}, "liked": ids[:2]},
        ),
        "concept": (
            "POST",
            "/v1/concepts",
            {"name": "a concept", "words": "red - dog", "parts": [{"id": ids[0]}], "liked": ids[:1], "min_score": 0.5},
        ),
        "rename-concept": ("PATCH", "/v1/concepts/nothing", {"name": "a name"}),
        "change": ("PATCH", f"/v1/images/{ids[0]}", {"tags": ["a", "b"], "caption": "c", "name": "n"}),
        "tags": ("POST", "/v1/images/tags", {"ids": ids[:2], "add": ["a"], "remove": ["b"]}),
        "decide": ("POST", "/v1/duplicates/decisions", {"ids": ids[:2], "decision": "keep-both"}),
        "decisions": ("PUT", "/v1/duplicates/decisions", {"version": 1, "pairs": [{**pair, "names": ["x", "y"]}]}),
        "forget": ("DELETE", "/v1/duplicates/decisions", {"ids": ids[:2]}),
        "trash": ("POST", "/v1/duplicates/trash", {"groups": [{"keep": ids[0], "remove": [ids[0]]}]}),
        "undo": ("POST", "/v1/duplicates/undo", {"journal": "nowhere"}),
        "rename": ("PATCH", "/v1/clusters/0", {"name": "a name", "locked": True}),
        "merge": ("POST", "/v1/clusters/merge", {"clusters": [0, 0]}),
        "split": ("POST", "/v1/clusters/0/split", {"n": 2}),
        "move": ("POST", "/v1/clusters/0/images", {"ids": ids[:1]}),
        "pause": ("POST", "/v1/sources/pause", {"source": "/nowhere"}),
        "forget-source": ("POST", "/v1/sources/forget", {"source": "/nowhere", "remove_images": False}),
        "embeddings": (
            "POST",
            "/v1/embeddings",
            {"model": "", "input": ["red", {"text": "x"}], "encoding_format": "float"},
        ),
        "session": ("POST", "/v1/session", {"key": "x"}),
        "index-job": job("index", sources=["~nosuchuser/x"], include=["*.jpg"], column="path", workers=1),
        "move-job": job("move-source", old="/nowhere", new="~nosuchuser/x"),
        "copies-job": job("duplicates", tier="same-picture", similar=0.9, keep=["largest"], references=["/nowhere"]),
        "map-job": job("map", method="none", filter="width > 1", seed=1),
        "train-job": job("train", what="words", captions={ids[0]: ["a"]}, name="mine", space="none", seed=1),
        "job": (
            "POST",
            "/v1/jobs",
            {"kind": "evaluate", "options": {"labels": {ids[0]: "a"}, "captions": {ids[0]: ["b"]}}},
        ),
        "evaluate-job": job(
            "evaluate",
            queries=[{"text": "red", "right": {ids[0]: 1.0}}, {"image": ids[1], "right": {}}],
            duplicates=[ids[:2]],
            apart=[ids[1:3]],
            tier="identical-bytes",
            compare=["a", "b"],
            min_score=0.5,
            limit=3,
            seed=1,
            by="folder",
        ),
        "cluster-job": (
            "POST",
            "/v1/jobs",
            {"kind": "nothing", "options": {"method": "kmeans", "settings": {"n_init": 1}}},
        ),
    }


def job(kind: str, **options: Any) -> tuple[str, str, Any]:
    return "POST", "/v1/jobs", {"kind": kind, "options": options}


KINDS = list(bodies(["i"] * 6, ["h"] * 6))


@pytest.mark.parametrize("kind", KINDS)
def test_a_body_with_something_odd_is_answered_or_refused(
    served: Served, kind: str, tried: Callable[[int], settings]
) -> None:
    method, path, body = bodies(served.ids, served.hashes)[kind]
    values = odd.values(*served.ids, *served.hashes, "a", "cosine")

    @tried(10)
    @given(odd.changed(body, values))
    def ask(sent: Any) -> None:
        served.ask(method, path, sent)

    for sent in odd.each_place(body):
        served.ask(method, path, sent)
    served.shows_all()
    ask()
    served.shows_all()


def test_one_strange_request_after_the_other(served: Served, tried: Callable[[int], settings]) -> None:
    """What one has left is what the next finds: judgements and jobs are taken back, images removed, groups changed."""
    right = bodies(served.ids, served.hashes)
    values = odd.values(*served.ids, "a")
    steps = st.one_of(
        *(
            st.tuples(st.just(method), st.just(path), st.just(body) | odd.changed(body, values))
            for method, path, body in right.values()
        ),
        st.sampled_from([("DELETE", f"/v1/images/{served.ids[5]}", None), ("POST", "/v1/clusters/undo", None)]),
        st.sampled_from([("LAST", "/v1/feedback", "feedback"), ("LAST", "/v1/jobs", "jobs")]),
        st.sampled_from([("GET", f"/v1/{path}", None) for path in LISTS]),
    )

    @tried(5)
    @given(st.lists(steps, min_size=4, max_size=12))
    def ask(line: list[tuple[str, str, Any]]) -> None:
        for method, path, body in line:
            if method != "LAST":
                served.ask(method, path, body)
            elif rows := served.ask("GET", path).json()[body]:
                assert served.ask("DELETE", f"{path}/{rows[0]['id']}").status_code in (200, 204)
        served.shows_all()

    ask()


PATHS = {
    "/v1/images/ids": ("filter", "sort", "offset", "k"),
    "/v1/maps/latest/values": ("field",),
    "/v1/maps/latest/coordinates": ("offset", "k"),
    "/v1/images": ("filter", "sort", "k", "offset"),
    "/v1/images/columns": ("fields", "filter", "sort"),
    "/v1/facets": ("filter",),
    "/v1/feedback": ("k", "offset"),
    "/v1/jobs": ("kind", "state", "k"),
    "/v1/clusters/levels": ("n",),
    "/v1/clusters/export": ("format",),
    "/v1/maps/latest/columns": ("fields",),
    "/v1/folders": ("path",),
    "/v1/vectors": ("space", "raw"),
    "/v1/images/{id}/thumbnail": ("size", "v"),
    "/v1/images/{id}": (),
    "/v1/images/{text}": (),
    "/v1/jobs/{text}": (),
    "/v1/jobs/{text}/skipped": ("k",),
    "/v1/maps/{text}": (),
    "/v1/maps/{text}/ids": (),
    "/v1/models/{text}": ("api-version",),
    "/v1/uploads/{text}": ("size",),
}
FILTERS = ("width > 1", "has taken_at", 'caption ~ "a"', "taken_at >= 2020 and not (cluster = 1)", '"__proto__" = 1')


@pytest.mark.parametrize("path", PATHS)
def test_an_odd_address_is_answered_or_refused(served: Served, path: str, tried: Callable[[int], settings]) -> None:
    texts = st.one_of(
        st.sampled_from((*odd.TEXTS, *odd.NAMES, *FILTERS, "-mtime", "id,width", "1", "0", "1001")),
        st.integers().map(str),
        st.text(max_size=30),
    )
    names = st.sampled_from((*PATHS[path], *PATHS[path], *PATHS[path], "kk", "__proto__"))

    @tried(20)
    @given(st.lists(st.tuples(names, texts), max_size=3), texts)
    def ask(query: list[tuple[str, str]], text: str) -> None:
        from urllib.parse import quote

        place = path.format(id=served.ids[0], text=quote(text.encode("utf-8", "replace"), safe="")[:2000])
        sent = "&".join(f"{name}={quote(value.encode('utf-8', 'replace'))}" for name, value in query)
        served.ask("GET", f"{place}?{sent}"[:60_000])

    ask()


@pytest.mark.parametrize("kind", ["search", "feedback", "tags", "rename", "job"])
def test_what_is_no_json_is_refused(served: Served, kind: str) -> None:
    method, path, body = bodies(served.ids, served.hashes)[kind]
    right = json.dumps(body).encode()
    twice = right.rstrip(b"}") + b', "' + next(iter(body)).encode() + b'": 1}'
    deep = b"[" * 100_000
    wrong = (
        b"{",
        b"nul",
        right[:-1],
        right.decode().encode("utf-16"),
        b"\xff\xfe",
        twice,
        deep,
        b"[]",
        b'"a"',
        b"1",
        b"",
    )
    for data in wrong:
        answer = served.client.request(method, path, content=data, headers={"content-type": "application/json"})
        assert answer.status_code == 400 and answer.json()["error"]["message"], (data[:50], answer.text)
    for kind_of_body in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "",
        "a/b/c",
    ):
        answer = served.client.request(method, path, content=right, headers={"content-type": kind_of_body})
        assert answer.status_code == 415 and "application/json" in answer.json()["error"]["remedy"], answer.text


def test_the_reason_names_what_is_wrong(served: Served) -> None:
    def said(method: str, path: str, data: bytes, kind: str = "application/json") -> str:
        answer = served.client.request(method, path, content=data, headers={"content-type": kind})
        assert 400 <= answer.status_code < 500
        return str(answer.json()["error"]["message"])

    assert said("POST", "/v1/search", b'{"query": "red"}') == "There is no argument 'query'; did you mean 'words'?"
    assert "did you mean 'filter'" in said("POST", "/v1/search", b'{"words": "x", "filtre": "width > 1"}')
    assert "parts.0" in said("POST", "/v1/search", b'{"parts": [{"wordz": "x"}]}')
    assert "did you mean 'words'" in said("POST", "/v1/search", b'{"parts": [{"wordz": "x"}]}')
    assert "twice" in said("POST", "/v1/search", b'{"words": "x", "words": "y"}')
    assert "NaN is no number" in said("POST", "/v1/search", b'{"words": "x", "min_score": NaN}')
    assert "beyond 64 bits" in said("POST", "/v1/search", b'{"words": "x", "k": 99999999999999999999}')
    assert "half of a character" in said("POST", "/v1/search", b'{"words": "\\ud800"}')
    assert said("POST", "/v1/search", b"") == "The body is missing."
    assert "not JSON" in said("POST", "/v1/search", b"{")
    assert "form is wanted" in said("POST", "/v1/images", b"{}")
    assert "takes no body" in said("POST", "/v1/clusters/undo", b'{"a": 1}')
    get = served.client.get
    assert "did you mean 'filter'" in get("/v1/images?filtre=x").json()["error"]["message"]
    assert "twice" in get("/v1/images?k=1&k=2").json()["error"]["message"]
    assert "did you mean 'k'" in get("/v1/images?limit=5").json()["error"]["message"]
    options = {"kind": "cluster", "options": {"n_cluster": 3}}
    assert "did you mean 'n_clusters'" in served.client.post("/v1/jobs", json=options).json()["error"]["message"]


def test_embeddings_pass_over_what_openais_clients_add(served: Served) -> None:
    body = {"input": "red", "user": "somebody", "store": True}
    answer = served.client.post("/v1/embeddings?api-version=2026-01-01", json=body)
    assert answer.status_code == 200 and len(answer.json()["data"]) == 1
    assert served.client.get("/v1/models?api-version=1").status_code == 200
