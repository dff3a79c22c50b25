"""What the server logs: one line of JSON for each request and event, with an id, and never a secret."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from imagefinder.errors import IndexDamagedError
from imagefinder.server import logs

KEY = "a key that is long enough"
Serve = Callable[..., TestClient]


@pytest.fixture
def lines() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What was logged since it was last asked for."""
    stream = io.StringIO()
    root, level = logging.getLogger(), logging.getLogger().level
    before = [*root.handlers]
    handler = logs.write_json(stream)

    def take() -> list[dict[str, Any]]:
        text = stream.getvalue()
        stream.seek(0)
        stream.truncate()
        return [json.loads(line) for line in text.splitlines()]

    yield take
    logging.captureWarnings(False)
    root.removeHandler(handler)
    root.handlers[:] = before
    root.setLevel(level)
    logs.log.setLevel(logging.NOTSET)


def test_each_request_is_a_line(serve: Serve, lines: Callable[[], list[dict[str, Any]]]) -> None:
    client = serve(key=KEY, empty=True)
    finder = client.app.state.serving.finder  # type: ignore[attr-defined]
    key = finder.keys.add("anna").secret
    lines()
    answer = client.get("/v1/images/6ba7b810-9dad-51d1-80b4-00c04fd430c8", headers={"authorization": f"Bearer {key}"})
    (line,) = lines()
    assert (line["method"], line["route"], line["status"]) == ("GET", "/v1/images/{id}", 404)
    assert (line["level"], line["by"], line["by_kind"]) == ("info", "anna", "key")
    assert line["request_id"] == answer.headers["x-request-id"] and line["ms"] >= 0
    client.get("/v1/index")
    (line,) = lines()
    assert (line["status"], line.get("by"), line["route"]) == (401, None, "other")
    client.head("/healthz")
    (line,) = lines()
    assert (line["route"], line["status"]) == ("/healthz", 200)


def test_a_request_keeps_the_id_that_it_comes_with(serve: Serve, lines: Callable[[], list[dict[str, Any]]]) -> None:
    client = serve(empty=True)
    for sent in ("abc-123", "A.b_c:9", "x" * 64):
        answer = client.get("/healthz", headers={"x-request-id": sent})
        assert answer.headers["x-request-id"] == sent == lines()[-1]["request_id"]
    for odd in ("", "a b", "x" * 65, "é".encode(), "a\tb"):
        id = client.get("/healthz", headers={"x-request-id": odd}).headers["x-request-id"]
        assert len(id) == 32 and lines()[-1]["request_id"] == id
    refused = client.get("/healthz", headers={"x-request-id": "mine", "host": "evil.example"})
    assert refused.status_code == 403 and refused.headers["x-request-id"] == "mine"


def test_an_unexpected_error_is_told_with_its_place_and_without_values(
    serve: Serve, lines: Callable[[], list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = serve(key=KEY, empty=True)
    finder = client.app.state.serving.finder  # type: ignore[attr-defined]

    def fail(*given: object, **more: object) -> object:
        raise RuntimeError(f"no answer from postgresql://me:s3cret-one@host/db for Bearer {KEY}")

    monkeypatch.setattr(type(finder), "list", fail)
    lines()
    answer = client.get("/v1/images", headers={"authorization": f"Bearer {KEY}", "x-request-id": "mine"})
    assert answer.status_code == 500
    error, request = lines()
    assert error["level"] == "error" and error["request_id"] == request["request_id"] == "mine"
    assert error["error"]["type"] == "RuntimeError" and "postgresql://me:***@host" in error["error"]["message"]
    assert "fail" in error["error"]["at"][-1] and request["status"] == 500
    assert "s3cret-one" not in str(error) + answer.text and KEY not in str(error)


def test_an_error_of_ours_that_is_no_fault_of_the_request_is_told(
    serve: Serve, lines: Callable[[], list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = serve(empty=True)
    finder = client.app.state.serving.finder  # type: ignore[attr-defined]

    def fail(*given: object, **more: object) -> object:
        raise IndexDamagedError("The points of postgresql://me:s3cret-one@host/db can't be read.", remedy="Look there.")

    monkeypatch.setattr(type(finder), "list", fail)
    lines()
    assert client.get("/v1/images").status_code == 500
    error, request = lines()
    wanted = "IndexDamagedError: The points of postgresql://me:***@host/db can't be read. Look there."
    assert (error["level"], error["message"], request["status"]) == ("error", wanted, 500)


SECRET = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", min_size=12, max_size=40)


def test_no_secret_is_in_any_line_or_error(serve: Serve, lines: Callable[[], list[dict[str, Any]]], tried: Any) -> None:
    """Keys, cookies, passwords in addresses and tokens in query strings, put wherever a client can put them."""
    client = serve(key=KEY, empty=True, rate=0.0, hosts=("evil.example",))
    guesses = client.app.state.serving.guesses  # type: ignore[attr-defined]
    guesses._rate = 0.0

    @tried(40)
    @given(SECRET)
    def check(chance: str) -> None:
        secret = f"S3-{chance}"
        url = f"https://user:{secret}@127.0.0.1:1/x.jpg?X-Amz-Signature={secret}&token={secret}"
        good = {"authorization": f"Bearer {KEY}"}
        answers = [
            client.get("/v1/index", headers={"authorization": f"Bearer {secret}"}),
            client.get("/v1/index", headers={"authorization": f"Basic {secret}"}),
            client.get("/v1/index", headers={"cookie": f"imagefinder-key-8642={secret}; other={secret}"}),
            client.get(f"/v1/index?key={secret}", headers=good),
            client.get(f"/v1/nothing?token={secret}", headers=good),
            client.post("/v1/session", json={"key": secret}),
            client.post("/v1/session", json={"link": secret}),
            client.post("/v1/session", json={"key": secret, "other": 1}),
            client.post("/v1/search", json={"parts": [{"url": url}]}, headers=good),
            client.post("/v1/uploads", json={"url": url}, headers=good),
            client.post("/v1/images/urls", json={"urls": [url]}, headers=good),
            client.post("/v1/jobs", json={"kind": "index", "options": {"sources": [url]}}, headers=good),
            client.get(f"/v1/folders?path={quote(url, safe='')}", headers=good),
            client.post("/v1/sources/pause", json={"source": url}, headers=good),
            client.get("/v1/index", headers={**good, "x-request-id": f"imf_0123456789abcdef_{secret}"}),
            client.post("/v1/keys", json={"name": "a", "scope": secret[:3], "secret": secret}, headers=good),
            client.post("/v1/embeddings", json={"model": "x", "input": url}, headers={"authorization": "Bearer"}),
        ]
        for answer in answers:
            if not answer.is_success:
                assert secret not in answer.text, (answer.request.method, answer.request.url.path, answer.text)
            assert secret not in str(answer.headers)
        found = lines()
        assert len(found) >= len(answers) and all({"time", "level", "message"} <= line.keys() for line in found)
        assert secret not in json.dumps(found) and KEY not in json.dumps(found)

    check()
