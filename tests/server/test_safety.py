"""Every rule about who may ask what, each broken on purpose."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from imagefinder.errors import InvalidInputError
from imagefinder.server.callers import cookie_value
from imagefinder.server.errors import RefusedError
from imagefinder.server.safety import POLICY, Buckets
from imagefinder.server.settings import ServerSettings

KEY = "a key that is long enough"
Serve = Callable[..., TestClient]


@pytest.fixture(autouse=True)
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine, all requests of a test come at one moment."""
    monkeypatch.setattr("imagefinder.server.safety.monotonic", lambda: 100.0)


def error(answer: object) -> str:
    return str(answer.json()["error"]["code"])  # type: ignore[attr-defined]


# --- names: DNS rebinding -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:8642", "127.0.0.1:1", "127.1.2.3", "[::1]:8642", "LOCALHOST", "a.localhost", "localhost."],
)
def test_this_machine_is_known_by_its_names(reader: TestClient, host: str) -> None:
    assert reader.get("/v1/index", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8642",
        "localhost.evil.example",
        "127.0.0.1.nip.io",
        "192.168.1.7",
        "0.0.0.0",
        "",
        "[",
        "user@localhost@evil",
        "[::ffff:8.8.8.8]",
    ],
)
def test_a_foreign_name_is_refused(reader: TestClient, host: str) -> None:
    for path in ("/v1/index", "/", "/healthz", "/openapi.json"):
        answer = reader.get(path, headers={"host": host})
        assert answer.status_code == 403 and error(answer) == "forbidden"


def test_names_can_be_allowed_and_addresses_are_safe_beyond_loopback(serve: Serve) -> None:
    client = serve(host="0.0.0.0", key=KEY, hosts=("photos.home",))
    sent = {"authorization": f"Bearer {KEY}"}
    for host in ("photos.home:8642", "192.168.1.7:8642", "localhost", "[fd00::1]"):
        assert client.get("/v1/index", headers={**sent, "host": host}).status_code == 200
    assert client.get("/v1/index", headers={**sent, "host": "evil.example"}).status_code == 403


# --- origins: cross-site requests ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost:3000", "http://127.0.0.1:8642", "file://"]
)
def test_posts_of_other_pages_are_refused(reader: TestClient, origin: str) -> None:
    answer = reader.post("/v1/search", json={"words": "cat"}, headers={"origin": origin})
    assert answer.status_code == 403
    assert reader.request("DELETE", "/v1/feedback/x", headers={"origin": origin}).status_code == 403
    assert (
        reader.options("/v1/search", headers={"origin": origin, "access-control-request-method": "POST"}).status_code
        == 403
    )


def test_posts_of_the_own_page_are_taken(reader: TestClient) -> None:
    answer = reader.post("/v1/search", json={"words": "cat"}, headers={"origin": "http://localhost:8642"})
    assert answer.status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_other_sites_cannot_even_read_pictures(reader: TestClient, ids: list[str], site: str) -> None:
    path = f"/v1/images/{ids[0]}/thumbnail"
    assert reader.get(path, headers={"sec-fetch-site": site}).status_code == 403
    assert reader.get(path, headers={"sec-fetch-site": "same-origin"}).status_code == 200
    assert reader.get("/", headers={"sec-fetch-site": "cross-site"}).status_code == 200  # a link to the page is fine


def test_a_form_of_another_site_is_not_read_as_json(reader: TestClient) -> None:
    answer = reader.post("/v1/search", content='{"words": "cat"}', headers={"content-type": "text/plain"})
    assert answer.status_code == 415


def test_an_origin_can_be_allowed(serve: Serve) -> None:
    client = serve(origins=("https://shop.example",))
    headers = {"origin": "https://shop.example"}
    preflight = client.options("/v1/search", headers={**headers, "access-control-request-method": "POST"})
    assert preflight.status_code == 200 and preflight.headers["access-control-allow-origin"] == "https://shop.example"
    answer = client.post("/v1/search", json={"words": "cat"}, headers={**headers, "sec-fetch-site": "cross-site"})
    assert answer.status_code == 200 and answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert (
        client.post("/v1/search", json={"words": "cat"}, headers={"origin": "https://other.example"}).status_code == 403
    )


def test_answers_carry_the_headers_of_a_careful_server(reader: TestClient) -> None:
    for path in ("/", "/v1/index", "/nowhere"):
        headers = reader.get(path).headers
        assert headers["content-security-policy"] == POLICY and "unsafe" not in POLICY
        assert headers["x-content-type-options"] == "nosniff" and headers["x-frame-options"] == "DENY"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "access-control-allow-origin" not in headers


def test_nothing_there_is_told_to_a_browser_by_the_page_and_to_a_program_by_an_error(reader: TestClient) -> None:
    for path in ("/nowhere", "/groups/1/2", "/photos.html", "/js/nowhere"):
        shown = reader.get(path, headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
        assert shown.status_code == 404 and "<title>ImageFinder</title>" in shown.text
        assert shown.headers["content-security-policy"] == POLICY
    for path, accept in (("/nowhere", "*/*"), ("/js/nowhere.js", "*/*"), ("/v1/nowhere", "text/html")):
        answer = reader.get(path, headers={"accept": accept})
        assert answer.status_code == 404 and error(answer) == "not-found"
    assert reader.post("/nowhere", headers={"accept": "text/html"}).status_code == 405


# --- keys ---------------------------------------------------------------------------------------------------------


def test_beyond_loopback_a_key_must_be_set() -> None:
    for host in ("0.0.0.0", "::", "192.168.1.7", "photos.home"):
        with pytest.raises(InvalidInputError, match="a key is needed"):
            ServerSettings(host=host)
    with pytest.raises(InvalidInputError, match="16"):
        ServerSettings(key="short")
    assert ServerSettings(host="::1").is_local and ServerSettings(host="localhost").is_local


def test_without_the_key_nothing_is_told(serve: Serve) -> None:
    client = serve(key=KEY)
    for path in ("/v1/index", "/v1/images", "/v1/events", "/metrics", "/v1/nowhere"):
        answer = client.get(path)
        assert answer.status_code == 401 and error(answer) == "unauthorized"
        assert answer.headers["www-authenticate"] == "Bearer"
    for sent in ("Bearer wrong", f"Basic {KEY}", "Bearer", f"Bearer {KEY} ".replace("a key", "a  key"), KEY):
        assert client.get("/v1/index", headers={"authorization": sent}).status_code == 401
    assert client.get("/v1/index", headers={"authorization": f"bearer {KEY}"}).status_code == 200
    assert client.get("/healthz").status_code == 200 and client.get("/").status_code == 200


def test_a_page_gives_the_key_once(serve: Serve) -> None:
    client = serve(key=KEY)
    assert client.post("/v1/session", json={"key": "wrong"}).status_code == 401
    assert client.get("/v1/index").status_code == 401
    given = client.post("/v1/session", json={"key": KEY})
    cookie = given.headers["set-cookie"].lower()
    assert given.status_code == 204 and "httponly" in cookie and "samesite=strict" in cookie
    assert client.get("/v1/index").status_code == 200


def test_keys_cannot_be_guessed_fast(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    client = serve(key=KEY, rate=2.0)
    codes = [client.get("/v1/index", headers={"authorization": f"Bearer {i}"}).status_code for i in range(20)]
    assert codes[:6] == [401] * 6 and codes[-1] == 429
    assert client.post("/v1/session", json={"key": "wrong"}).status_code == 429
    for answer in (  # nor does a right one tell itself apart meanwhile
        client.post("/v1/session", json={"key": KEY}),
        client.get("/v1/index", headers={"authorization": f"Bearer {KEY}"}),
    ):
        assert answer.status_code == 429 and answer.headers["retry-after"] == "1"
    link = client.app.state.serving.links.make(cookie_value(KEY))  # type: ignore[attr-defined]
    monkeypatch.setattr("imagefinder.server.safety.Buckets.take", lambda *given: None)  # of the costly ones
    assert client.post("/v1/session", json={"link": link}).status_code == 204  # what nobody guesses need not wait
    assert client.get("/v1/index").status_code == 200  # nor the page's cookie


@pytest.mark.parametrize("settings", [{}, {"rate": 0.0}, {"host": "0.0.0.0"}])
@pytest.mark.parametrize("way", ["header", "session"])
def test_a_forwarded_address_of_a_stranger_is_no_other_client(
    serve: Serve, settings: dict[str, object], way: str
) -> None:
    client = serve(key=KEY, **settings)
    codes = []
    for i in range(200):
        headers = {
            "x-forwarded-for": f"203.0.113.{i}",
            "x-real-ip": f"203.0.113.{i}",
            "forwarded": f"for=203.0.113.{i}",
        }
        if way == "header":
            codes.append(client.get("/v1/index", headers={**headers, "authorization": f"Bearer {i}"}).status_code)
        else:
            codes.append(client.post("/v1/session", json={"key": str(i)}, headers=headers).status_code)
    assert set(codes) == {401, 429} and codes.count(429) > 50


@pytest.mark.parametrize("proxies", [("testclient",), ()])
def test_only_a_proxy_that_is_trusted_says_who_asks(
    serve: Serve, proxies: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imagefinder.server.settings._check_proxy", lambda proxy: None)  # the test's client has a name
    client = serve(key=KEY, rate=1.0, trusted_proxies=proxies)
    codes = []
    for i in range(20):
        headers = {"authorization": f"Bearer {i}", "x-forwarded-for": f"203.0.113.{i}"}
        codes.append(client.get("/v1/index", headers=headers).status_code)
    assert set(codes) == ({401} if proxies else {401, 429})
    sent = {"x-forwarded-for": "203.0.113.7", "x-forwarded-proto": "https"}
    cookie = client.post("/v1/session", json={"key": KEY}, headers=sent).headers.get("set-cookie", "")
    assert ("secure" in cookie.lower()) == bool(proxies)
    spoofed = [  # what a client wrote itself stands before what the proxy added
        client.get("/v1/index", headers={"authorization": "Bearer x", "x-forwarded-for": f"10.0.0.{i}, 203.0.113.99"})
        for i in range(20)
    ]
    assert spoofed[-1].status_code == 429


@pytest.mark.parametrize("proxy", ["*", "", "proxy.home", "10.0.0.1/8", "10.0.0.0/99", "127.0.0.1:80"])
def test_what_is_no_address_of_a_proxy_is_refused(proxy: str) -> None:
    with pytest.raises(InvalidInputError, match="address of a proxy"):
        ServerSettings(trusted_proxies=(proxy,))
    ServerSettings(trusted_proxies=("127.0.0.1", "10.1.0.0/16", "fd00::/8", "::1"))


@pytest.mark.parametrize(
    "origin",
    ["null", "*", "", "https://*", "https://*.shop.example", "shop.example", "file://", "https://", "https://a.b/c"]
    + ["https://a.b?c", "https://u@a.b", "ftp://a.b", "javascript:1", "https://[", "data:"],
)
def test_only_the_origin_of_one_site_can_be_allowed(origin: str) -> None:
    with pytest.raises(InvalidInputError, match="origin"):
        ServerSettings(origins=(origin,))
    ServerSettings(origins=("https://shop.example", "http://localhost:3000", "http://[::1]:80"))


# --- what may be changed ------------------------------------------------------------------------------------------


def test_a_read_only_server_changes_nothing(serve: Serve) -> None:
    client = serve(read_only=True)
    images = client.get("/v1/images").json()["images"]
    id = images[0]["id"]
    changes = [
        ("DELETE", f"/v1/images/{id}", None),
        ("PATCH", f"/v1/images/{id}", {"tags": ["x"]}),
        ("POST", "/v1/images/tags", {"ids": [id], "add": ["x"]}),
        ("POST", "/v1/images/delete", {"ids": [id]}),
        ("POST", "/v1/images/urls", {"urls": ["https://example.com/a.jpg"]}),
        ("POST", "/v1/jobs", {"kind": "cluster"}),
        ("POST", "/v1/feedback", {"liked": [id]}),
        ("POST", "/v1/duplicates/trash", {"groups": [{"keep": id, "remove": [id]}]}),
        ("POST", "/v1/clusters/undo", None),
    ]
    for method, path, body in changes:
        answer = client.request(method, path, json=body)
        assert answer.status_code == 403 and error(answer) == "read-only", path
    assert client.post("/v1/search", json={"words": "cat"}).status_code == 200
    assert client.get("/v1/index").json()["may_add_folders"] is False
    assert client.get("/v1/folders").status_code == 403


# --- rates and sizes ----------------------------------------------------------------------------------------------


def test_a_client_that_asks_too_often_is_told_to_wait(serve: Serve) -> None:
    client = serve(rate=2.0)
    answers = [client.post("/v1/search", json={"words": "cat"}) for _ in range(12)]
    assert answers[0].status_code == 200 and answers[-1].status_code == 429
    assert error(answers[-1]) == "rate-limited" and answers[-1].headers["retry-after"] == "1"
    assert client.get("/v1/index").status_code == 200  # what costs little is not counted


def test_buckets_fill_again(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("imagefinder.server.safety.monotonic", lambda: now)
    buckets = Buckets(2.0)
    for _ in range(6):
        buckets.take("a")
    with pytest.raises(RefusedError):
        buckets.take("a")
    buckets.take("b")
    now += 0.5
    buckets.take("a")
    with pytest.raises(RefusedError):
        buckets.take("a")
    for i in range(20_000):
        buckets.take(str(i))
    for address in ("2001:db8::1", "2001:db8::2", "2001:db8:0:0:ffff::3", "2001:db8::4", "2001:db8::5", "2001:db8::6"):
        buckets.take(address)
    with pytest.raises(RefusedError):  # one household
        buckets.take("2001:db8::7")
    buckets.take("2001:db8:0:1::7")
    for address in ("::ffff:192.0.2.1", "192.0.2.1") * 3:
        buckets.take(address)
    with pytest.raises(RefusedError):
        buckets.take("192.0.2.1")
    assert len(buckets._levels) <= 10_000


def test_bodies_are_bounded(serve: Serve) -> None:
    client = serve(max_body=1000)
    answer = client.post("/v1/search", json={"words": "x" * 2000})
    assert answer.status_code == 413 and error(answer) == "too-large"

    def pieces() -> object:  # no Content-Length: it is counted as it comes
        for _ in range(100):
            yield b" " * 100

    answer = client.post("/v1/search", content=pieces(), headers={"content-type": "application/json"})  # type: ignore[arg-type]
    assert answer.status_code == 413


def test_a_slow_request_is_given_up(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    client = serve(max_seconds=0.3)
    finder = client.app.state.serving.finder  # type: ignore[attr-defined]
    monkeypatch.setattr(finder, "info", lambda: time.sleep(1.0))
    answer = client.get("/v1/index")
    assert answer.status_code == 503 and error(answer) == "timeout"
