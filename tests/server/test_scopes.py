"""Who may ask what: every route with every key, log-ins by a proxy, quotas, and the audit log over HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from imagefinder._util.acting import actor
from imagefinder.client import Client
from imagefinder.errors import InvalidInputError, NotFoundError, ServerError, UnauthorizedError
from imagefinder.index.keys import SCOPES
from imagefinder.server import quotas
from imagefinder.server.access import NAME
from imagefinder.server.app import ROUTERS
from imagefinder.server.settings import ServerSettings

KEY = "a key that is long enough"
ROUTES = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
Serve = Callable[..., TestClient]


def bearer(key: str | None) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def keys_of(client: TestClient) -> dict[str, str]:
    """A key of each scope."""
    finder = client.app.state.serving.finder  # type: ignore[attr-defined]
    return {scope: str(finder.keys.add(f"{scope} key", scope).secret) for scope in SCOPES}


@pytest.fixture(scope="module")
def server(serve_all: Serve) -> TestClient:
    return serve_all(key=KEY, empty=True)


@pytest.fixture(scope="module")
def keys(server: TestClient) -> dict[str, str]:
    return keys_of(server)


def test_every_route_has_one_scope() -> None:
    """The whole table, so that a change of it is seen."""
    found = {scope: set[str]() for scope in (None, *SCOPES)}
    for route in ROUTES:
        found[vars(route.endpoint)[NAME].scope] |= {f"{method} {route.path}" for method in route.methods}
    assert sum(map(len, found.values())) == len({(m, r.path) for r in ROUTES for m in r.methods})
    assert found["admin"] == {
        "GET /v1/keys",
        "POST /v1/keys",
        "DELETE /v1/keys/{name}",
        "GET /v1/audit",
        "POST /v1/sources/purge",
        "DELETE /v1/spaces/{name}",
    }
    assert all(one.startswith("GET ") or one in SEARCHES for one in found["read"])
    assert {"DELETE /v1/images/{id}", "POST /v1/jobs", "POST /v1/duplicates/trash"} <= found["write"]


SEARCHES = {  # what is asked with a body, and changes nothing
    "POST /v1/search",
    "POST /v1/uploads",
    "POST /v1/session/links",
    "POST /v1/search/upload",
    "POST /v1/images/{id}/explain",
    "POST /v1/images/{id}/explain.png",
    "POST /v1/embeddings",
    "POST /v1/predict",
    "POST /v1/tags/count",
    "POST /v1/images/zip",
    "POST /v1/images/{id}/reveal",
    "POST /v1/maps/{name}/scores",
    "POST /v1/images/columns",
}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{min(route.methods)} {route.path}")
def test_every_route_refuses_each_lesser_scope(server: TestClient, keys: dict[str, str], route: APIRoute) -> None:
    access = vars(route.endpoint)[NAME]
    path = re.sub(r"\{\w+\}", "1", route.path)
    if access.scope is None or access.endless:
        return
    for method in route.methods:
        nobody = server.request(method, path)
        assert nobody.status_code == 401 and nobody.headers["www-authenticate"] == "Bearer"
        for scope in SCOPES:
            answer = server.request(method, path, headers=bearer(keys[scope]))
            if SCOPES.index(scope) < SCOPES.index(access.scope):
                error = answer.json()["error"]
                assert answer.status_code == 403 and error["code"] == "scope"
                assert f"needs {access.scope}" in error["message"] and f"{scope} key" in error["message"]
            else:
                assert answer.status_code not in (401, 403), answer.text


def test_what_no_route_answers_is_no_way_around(server: TestClient, keys: dict[str, str]) -> None:
    assert server.get("/v1/nothing").status_code == 401
    assert server.get("/v1/nothing", headers=bearer(keys["read"])).status_code == 404
    assert server.post("/v1/nothing", headers=bearer(keys["read"])).status_code == 403
    assert server.get("/v1/events", headers=bearer("x")).status_code == 401
    assert server.request("head", "/v1/audit", headers=bearer(keys["write"])).status_code == 403


def test_the_servers_own_key_rules(server: TestClient) -> None:
    answer = server.get("/v1/index", headers=bearer(KEY)).json()
    assert (answer["scope"], answer["read_only"]) == ("admin", False)
    assert server.get("/v1/audit", headers=bearer(KEY)).status_code == 200


def test_a_reader_is_shown_a_page_without_buttons(server: TestClient, keys: dict[str, str]) -> None:
    found = {scope: server.get("/v1/index", headers=bearer(keys[scope])).json() for scope in SCOPES}
    assert [found[scope]["read_only"] for scope in SCOPES] == [True, False, False]
    assert [found[scope]["caller"] for scope in SCOPES] == [f"{scope} key" for scope in SCOPES]
    assert not found["read"]["may_add_folders"] and found["write"]["may_add_folders"]


def test_keys_are_made_and_removed_while_the_server_runs(serve: Serve) -> None:
    client = serve(key=KEY, empty=True)
    made = client.post("/v1/keys", json={"name": "anna", "scope": "admin"}, headers=bearer(KEY))
    assert made.status_code == 201
    anna = made.json()["secret"]
    assert client.get("/v1/index", headers=bearer(anna)).json()["caller"] == "anna"
    other = client.post("/v1/keys", json={"name": "bert"}, headers=bearer(anna)).json()["secret"]
    client.post("/v1/session", json={"key": other})
    assert client.get("/v1/index").json()["scope"] == "read"  # by its cookie
    assert client.delete("/v1/keys/bert", headers=bearer(anna)).status_code == 204
    assert client.get("/v1/index").status_code == client.get("/v1/index", headers=bearer(other)).status_code == 401
    listed = client.get("/v1/keys", headers=bearer(anna))
    assert [key["name"] for key in listed.json()["keys"]] == ["anna"] and anna not in listed.text
    assert client.delete("/v1/keys/bert", headers=bearer(anna)).status_code == 404
    entries = client.get("/v1/audit", headers=bearer(anna)).json()["entries"]
    assert [(e["action"], e["by"], e["by_kind"]) for e in entries] == [
        ("key-removed", "anna", "key"),
        ("key-added", "anna", "key"),
        ("key-added", "the server's key", "server"),
    ]
    for body in ({"name": "x", "scope": "owner"}, {"name": ""}, {"name": "x", "requests_per_minute": 0}, {}):
        assert client.post("/v1/keys", json=body, headers=bearer(anna)).status_code == 400


def test_a_key_that_has_ended_says_so(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    client = serve(key=KEY, empty=True)
    finder = client.app.state.serving.finder  # type: ignore[attr-defined]
    key = finder.keys.add("short", expires="2999-01-01")
    assert client.get("/v1/index", headers=bearer(key.secret)).status_code == 200
    assert client.post("/v1/session", json={"key": key.secret}).status_code == 204
    monkeypatch.setattr(type(key), "expired", property(lambda self: True))
    for answer in (client.get("/v1/index", headers=bearer(key.secret)), client.get("/v1/index")):
        assert answer.status_code == 401 and "ended" in answer.json()["error"]["message"]
    assert client.post("/v1/session", json={"key": key.secret}).status_code == 401


def test_a_link_lets_in_by_the_scope_of_whoever_made_it(serve: Serve) -> None:
    client = serve(key=KEY, empty=True)
    keys = keys_of(client)
    link = client.post("/v1/session/links", headers=bearer(keys["read"])).json()["link"]
    assert client.post("/v1/session", json={"link": link}).status_code == 204
    assert client.get("/v1/index").json()["scope"] == "read"
    assert client.get("/v1/keys").status_code == 403
    assert client.post("/v1/session", json={"link": link}).status_code == 401


def test_without_a_key_all_are_let_in_until_the_index_has_one(serve: Serve) -> None:
    client = serve(empty=True)
    assert client.get("/v1/index").json()["scope"] == "admin"
    client.post("/v1/sources/purge")
    finder = client.app.state.serving.finder  # type: ignore[attr-defined]
    key = finder.keys.add("anna")
    assert client.get("/v1/index").status_code == 401
    assert client.get("/v1/index", headers=bearer(key.secret)).json()["caller"] == "anna"


def test_a_damaged_file_of_keys_lets_nobody_in_but_the_servers_own_key(serve: Serve) -> None:
    client = serve(key=KEY, empty=True)
    serving = client.app.state.serving  # type: ignore[attr-defined]
    key = serving.finder.keys.add("anna")
    (serving.home / "keys.jsonl").write_text("{}\n")
    assert client.get("/v1/index", headers=bearer(key.secret)).status_code == 500
    assert client.get("/v1/index", headers=bearer(KEY)).status_code == 200


def test_what_is_removed_is_noted_with_the_key(serve: Serve) -> None:
    client = serve(key=KEY)
    keys = keys_of(client)
    ids = client.get("/v1/images/columns?fields=id", headers=bearer(KEY)).json()["columns"]["id"]
    client.delete(f"/v1/images/{ids[0]}", headers=bearer(keys["write"]))
    client.post("/v1/images/delete", json={"ids": ids[1:3]}, headers=bearer(keys["admin"]))
    answer = client.get("/v1/audit?action=removed", headers=bearer(KEY)).json()["entries"]
    assert [(e["by"], e["count"]) for e in answer] == [("admin key", 2), ("write key", 1)]


def test_a_job_is_done_by_whoever_started_it(serve: Serve, tmp_path: Path, make_image: Any) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for n in range(2):
        make_image(n).save(folder / f"{n}.png")
    client = serve(key=KEY, empty=True)
    serving = client.app.state.serving  # type: ignore[attr-defined]
    key = keys_of(client)["write"]
    serving.finder.add(folder)
    (folder / "0.png").unlink()
    job = client.post("/v1/jobs", json={"kind": "index"}, headers=bearer(key)).json()["id"]
    serving.jobs.quickly(lambda: None).result(60)
    while client.get(f"/v1/jobs/{job}", headers=bearer(key)).json()["state"] in ("queued", "running"):
        serving.jobs.quickly(lambda: None).result(60)
    (entry,) = serving.finder.audit.list(action="gone")
    assert (entry.by, entry.names) == ("write key", (str(folder / "0.png"),)) and actor().name != entry.by


# --- users of a proxy ---------------------------------------------------------------------------------------------

PROXY = {"proxy_user": "X-Remote-User", "trusted_proxies": ("10.0.0.0/8",)}


def test_a_user_of_the_proxy_needs_no_key(serve: Serve) -> None:
    client = serve(key=KEY, empty=True, proxy_scope="write", proxy_admins=("anna",), **PROXY)

    def asked(address: str, **headers: str) -> Any:
        client._transport.client = (address, 50_000)  # type: ignore[attr-defined]
        return client.get("/v1/index", headers={name.replace("_", "-"): value for name, value in headers.items()})

    bert = asked("10.1.2.3", x_remote_user="bert").json()
    assert (bert["caller"], bert["scope"]) == ("bert", "write")
    assert asked("10.1.2.3", X_Remote_User="anna").json()["scope"] == "admin"
    link = client.post("/v1/session/links", headers={"x-remote-user": "bert"})
    assert link.status_code == 409 and "proxy" in link.json()["error"]["message"]
    assert asked("::ffff:10.1.2.3", x_remote_user="bert").status_code == 200
    forwarded = asked("10.1.2.3", x_remote_user="bert", x_forwarded_for="203.0.113.9")
    assert forwarded.status_code == 200  # the proxy is who it is, whoever it speaks for
    for address in ("127.0.0.1", "11.0.0.1", "203.0.113.9", "testclient", "::1"):
        assert asked(address, x_remote_user="anna").status_code == 401
        assert asked(address, x_remote_user="anna", x_forwarded_for="10.1.2.3").status_code == 401
    for name in ("", " ", "a\x01b", "x" * 201):
        assert asked("10.1.2.3", x_remote_user=name).status_code == 401
    assert asked("10.1.2.3").status_code == 401
    assert asked("203.0.113.9", authorization=f"Bearer {KEY}", x_remote_user="bert").json()["caller"] != "bert"


def test_of_two_names_none_is_believed(serve: Serve) -> None:
    client = serve(key=KEY, empty=True, **PROXY)
    client._transport.client = ("10.1.2.3", 1)  # type: ignore[attr-defined]
    for second in ("x-remote-user", "X_Remote_User"):
        answer = client.get("/v1/index", headers=[("x-remote-user", "anna"), (second, "bert")])
        assert answer.status_code == 401
    assert client.get("/v1/index", headers={"x-remote-user": "anna"}).json()["read_only"]


def test_a_proxy_of_users_has_to_be_named() -> None:
    for given in ({"proxy_user": "X-Remote-User"}, {**PROXY, "proxy_user": "Cookie"}, {**PROXY, "proxy_user": "a b"}):
        with pytest.raises(InvalidInputError):
            ServerSettings(**given)


def test_where_users_are_told_nobody_is_let_in_without(serve: Serve) -> None:
    assert serve(empty=True, **PROXY).get("/v1/index").status_code == 401


# --- quotas -------------------------------------------------------------------------------------------------------


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(quotas, "monotonic", lambda: now[0])
    return now


def test_a_key_makes_so_many_requests_a_minute(serve: Serve, clock: list[float]) -> None:
    client = serve(key=KEY, empty=True, requests_per_minute=4)
    finder = client.app.state.serving.finder  # type: ignore[attr-defined]
    some, more = finder.keys.add("some"), finder.keys.add("more", requests_per_minute=6)

    def allowed(key: str | None) -> int:
        answers = [client.get("/v1/jobs", headers=bearer(key)) for _ in range(10)]
        refused = [answer for answer in answers if answer.status_code == 429]
        assert all(answer.json()["error"]["code"] == "rate-limited" for answer in refused)
        assert {answer.headers["retry-after"] for answer in refused} <= {"15", "10", "5"}
        return 10 - len(refused)

    assert (allowed(some.secret), allowed(more.secret), allowed(KEY)) == (4, 6, 10)
    clock[0] += 15
    assert (allowed(some.secret), allowed(more.secret)) == (1, 1)
    clock[0] += 1000
    assert (allowed(some.secret), allowed(more.secret)) == (4, 6)


def test_a_key_adds_so_many_bytes_a_day(serve: Serve, clock: list[float], make_image: Any, tmp_path: Path) -> None:
    client = serve(key=KEY, empty=True)
    finder = client.app.state.serving.finder  # type: ignore[attr-defined]
    make_image(1).save(tmp_path / "a.png")
    size = (tmp_path / "a.png").stat().st_size
    key = finder.keys.add("anna", "write", upload_bytes_per_day=2 * size)

    def send(stream: bool = False) -> Any:
        files = {"files": ("a.png", (tmp_path / "a.png").read_bytes())}
        if not stream:
            return client.post("/v1/images", files=files, headers=bearer(key.secret))
        request = client.build_request("POST", "/v1/images", files=files, headers=bearer(key.secret))
        body, kind = request.read(), request.headers["content-type"]
        headers = {**bearer(key.secret), "content-type": kind}
        return client.post("/v1/images", content=iter([body]), headers=headers)

    assert send().status_code == 201
    for refused in (send(), send(stream=True)):  # two are more, with what is around them
        assert refused.status_code == 429 and 1 < int(refused.headers["retry-after"]) <= 86_400
    assert client.get("/v1/index", headers=bearer(key.secret)).status_code == 200
    clock[0] += 86_400
    assert send(stream=True).status_code == 201


def test_of_many_callers_the_latest_are_remembered(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quotas, "REMEMBERED", 10)
    levels = quotas._Levels(60.0)
    for n in range(100):
        assert levels.take(f"user {n}", 1, 1) == 0
    assert levels.take("user 99", 1, 1) == 60 and len(levels._levels) == 10


# --- the client ---------------------------------------------------------------------------------------------------


def test_the_client_has_what_the_library_has(serve: Serve, serving: Any, tmp_path: Path) -> None:
    finder = serve(empty=True).app.state.serving.finder  # type: ignore[attr-defined]
    with serving(finder, key=KEY) as url:
        with Client(url, key=KEY) as client:
            made = client.keys.add("anna/b".replace("/", " "), "write", expires="2999-01-01", requests_per_minute=600)
            assert client.keys.list() == finder.keys.list() and len(client.keys) == 1
            assert client.audit.list() == finder.audit.list() and client.audit.list(by="x") == ()
        with Client(url, key=str(made.secret)) as writer:
            assert writer.about()["scope"] == "write"
            with pytest.raises(ServerError, match="needs admin"):
                writer.keys.list()
        with Client(url, key=KEY) as client:
            client.keys.remove("ANNA B")
            with pytest.raises(NotFoundError):
                client.keys.remove("anna b")
        with Client(url, key=str(made.secret)) as gone, pytest.raises(UnauthorizedError):
            gone.info()
