"""Several indexes in one server, each with its keys, its page and its API."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from imagefinder import ImageFinder
from imagefinder.client import Client
from imagefinder.errors import InvalidInputError, UnauthorizedError
from imagefinder.server.settings import ServerSettings
from imagefinder.server.several import create_several

KEY = "a key that is long enough"


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


@pytest.fixture(scope="module")
def finders(
    sample_index: Path, copy_index: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, ImageFinder]]:
    folder = tmp_path_factory.mktemp("several")
    with (
        ImageFinder.open(copy_index(sample_index, folder / "art")) as art,
        ImageFinder.open(folder / "shop", model="fast") as shop,
    ):
        yield {"art": art, "shop": shop}


@pytest.fixture(scope="module")
def keys(finders: dict[str, ImageFinder]) -> dict[str, str]:
    return {name: str(finder.keys.add(f"of {name}", "write").secret) for name, finder in finders.items()}


def client_of(finders: dict[str, ImageFinder], **settings: Any) -> TestClient:
    app = create_several(finders, ServerSettings(**settings))
    return TestClient(app, base_url="http://localhost:8642", raise_server_exceptions=False)


@pytest.fixture(scope="module")
def client(finders: dict[str, ImageFinder], keys: dict[str, str]) -> Iterator[TestClient]:
    with client_of(finders, key=KEY) as client:
        yield client


@pytest.fixture(autouse=True)
def _no_cookies(client: TestClient) -> None:
    client.cookies.clear()


def seen(client: TestClient, **headers: str) -> list[str]:
    answer = client.get("/v1/indexes", headers=headers)
    assert answer.status_code == 200
    return [one["name"] for one in answer.json()["indexes"]]


def test_each_index_has_its_own_keys(client: TestClient, keys: dict[str, str]) -> None:
    for name, other in (("art", "shop"), ("shop", "art")):
        found = client.get(f"/i/{name}/v1/index", headers=bearer(keys[name]))
        assert found.status_code == 200 and found.json()["name"] == name
        assert found.json()["images"] == (0 if name == "shop" else 60) or found.json()["images"] > 0
        assert client.get(f"/i/{name}/v1/index", headers=bearer(keys[other])).status_code == 401
        assert client.get(f"/i/{name}/v1/index").status_code == 401
        assert client.get(f"/i/{name}/v1/index", headers=bearer(KEY)).json()["scope"] == "admin"


def test_the_list_holds_what_one_may_see(client: TestClient, keys: dict[str, str]) -> None:
    assert seen(client) == [] and "open to you" in client.get("/").text
    assert seen(client, **bearer(keys["art"])) == ["art"] and seen(client, **bearer(KEY)) == ["art", "shop"]
    assert seen(client, **bearer("imf_wrong")) == []
    assert client.post("/i/shop/v1/session", json={"key": keys["shop"]}).status_code == 204
    assert seen(client) == ["shop"]
    page = client.get("/")
    assert re.findall(r'href="(/i/[^"]*)"', page.text) == ["/i/shop/"] and "art" not in page.text
    assert client.get("/i/shop/v1/index").status_code == 200 and client.get("/i/art/v1/index").status_code == 401
    client.post("/i/art/v1/session", json={"key": keys["art"]})
    assert seen(client) == ["art", "shop"]  # the one log-in leaves the other
    assert client.get("/i/shop/v1/index").status_code == 200


def test_what_belongs_to_no_index_is_guarded_too(client: TestClient) -> None:
    assert client.get("/v1/index").status_code == 401
    for path in ("/i/", "/i", "/i/other/", "/i/ART/v1/index", "/docs", "/groups", "/js/main.js"):
        assert client.get(path).status_code == 404, path
    assert client.get("/v1/indexes", headers={"host": "evil.example"}).status_code == 403
    assert client.get("/v1/indexes", headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert client.post("/").status_code == 405
    assert client.get("/").headers["x-frame-options"] == "DENY" and client.get("/css/base.css").status_code == 200
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("root", ["", "/pictures"])
def test_all_that_the_page_names_is_below_its_path(finders: dict[str, ImageFinder], root: str) -> None:
    with client_of(finders, key=KEY, root_path=root) as client:
        for asked in {f"{root}/i/art/", "/i/art/"}:
            page = client.get(asked)
            assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
            names = re.findall(r'(?:href|src)="([^"]*)"', page.text)
            assert len(names) > 5 and all(name.startswith(f"{root}/i/art/") for name in names)
            assert all(client.get(name).status_code == 200 for name in names)
        assert client.get(f"{root}/i/art/groups").status_code == 200
        answer = client.post(f"{root}/i/art/v1/session", json={"key": KEY})
        assert f"Path={root or '/'};" in answer.headers["set-cookie"] + ";"
        assert client.get(f"{root}/v1/indexes").json()["indexes"] == [{"name": "art", "path": f"{root}/i/art/"}]
        assert client.get(f"{root}/i/art/openapi.json").status_code == 200


def test_users_of_a_proxy_see_all(finders: dict[str, ImageFinder]) -> None:
    settings = {"proxy_user": "X-Remote-User", "trusted_proxies": ("10.0.0.1",), "key": KEY}
    with client_of(finders, **settings) as client:
        client._transport.client = ("10.0.0.1", 1)  # type: ignore[attr-defined]
        assert seen(client, **{"x-remote-user": "anna"}) == ["art", "shop"]
        client._transport.client = ("10.0.0.2", 1)  # type: ignore[attr-defined]
        assert seen(client, **{"x-remote-user": "anna"}) == []


def test_the_client_takes_the_address_of_an_index(
    finders: dict[str, ImageFinder], keys: dict[str, str], several_served: str
) -> None:
    with Client(f"{several_served}i/art", key=keys["art"]) as art:
        assert len(art) == len(finders["art"])
        hit = art.search("a red bird", k=1)[0]
        assert art.get(hit.id).uri == hit.uri and art.thumbnail(hit.id)
    with Client(f"{several_served}i/shop/", key=keys["art"]) as shop, pytest.raises(UnauthorizedError):
        len(shop)


@pytest.fixture
def several_served(finders: dict[str, ImageFinder]) -> Iterator[str]:
    import threading

    from imagefinder.server.run import bind, server_of, url_of

    listener, wanted = bind(ServerSettings(port=0, key=KEY), any_port=False)
    server = server_of(create_several(finders, wanted), graceful_s=1)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield url_of(wanted)
    finally:
        server.should_exit = True
        thread.join(60)
        listener.close()
    assert not thread.is_alive()


@pytest.mark.parametrize("name", ["", "a/b", ".", "a b", "é", "x" * 70, "-a"])
def test_a_name_has_to_fit_into_an_address(finders: dict[str, ImageFinder], name: str) -> None:
    with pytest.raises(InvalidInputError, match="name of an index"):
        create_several({name: finders["shop"]})
    with pytest.raises(InvalidInputError):
        create_several({})
