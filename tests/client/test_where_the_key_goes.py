"""A key is sent to the server it was given for, and nowhere else."""

from __future__ import annotations

import json
import os
import threading
import warnings
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from imagefinder import errors
from imagefinder._util.local_servers import LocalServer, written_down
from imagefinder.client import Client
from imagefinder.client.transport import Transport

KEY = "a key that is long enough"
METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE")


class Recorder(ThreadingHTTPServer):
    """A server that writes down what it was asked, and answers with ``status`` and ``headers``."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: list[tuple[str, str | None]] = []
        self.status, self.headers = 200, {"Content-Type": "application/json"}
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Recorder

    def do_GET(self) -> None:
        self.server.seen.append((self.path, self.headers.get("authorization")))
        self.rfile.read(int(self.headers.get("content-length") or 0))
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_POST = do_PATCH = do_PUT = do_DELETE = do_GET  # noqa: N815 - names of the standard library

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def servers() -> Iterator[tuple[Recorder, Recorder]]:
    """The server that the key is for, and a stranger's."""
    both = Recorder(), Recorder()
    threads = [threading.Thread(target=one.serve_forever) for one in both]
    for thread in threads:
        thread.start()
    yield both
    for one, thread in zip(both, threads, strict=True):
        one.shutdown()
        thread.join()
        one.server_close()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", METHODS)
def test_no_redirect_takes_the_key_along(servers: tuple[Recorder, Recorder], status: int, method: str) -> None:
    ours, strange = servers
    ours.status, ours.headers = status, {"Location": f"{strange.url}/v1/index"}
    transport = Transport(ours.url, KEY, 5)
    with pytest.raises(errors.ServerError, match="leads to") as told:
        transport.json(method, "/v1/index")
    transport.close()
    assert told.value.code == "redirected" and strange.url in told.value.message
    assert [key for _, key in ours.seen] == [f"Bearer {KEY}"] and strange.seen == []


def test_no_address_that_is_data_gets_the_key(servers: tuple[Recorder, Recorder]) -> None:
    ours, strange = servers
    transport = Transport(ours.url, KEY, 5)
    host = strange.url.removeprefix("http:")
    for path in (f"{strange.url}/v1/index", f"{host}/v1/index", f"/{host}", f"\\{host}", f"v1/../..{host}", f"@{host}"):
        with pytest.raises((errors.ImageFinderError, httpx.InvalidURL, AssertionError)):
            transport.json("GET", path)
            raise AssertionError("answered")
    transport.close()
    assert all(key is None for _, key in strange.seen)


def test_a_key_that_was_found_is_for_that_server_alone(servers: tuple[Recorder, Recorder]) -> None:
    ours, strange = servers
    with written_down(LocalServer(f"{ours.url}/", KEY, pid=os.getpid())):
        for one in servers:
            with Client(one.url) as client:
                client._transport.json("GET", "/v1/index")
        strange.status = 401
        with Client(strange.url) as client, pytest.raises(errors.ServerError):
            client._transport.json("GET", "/v1/index")
    assert {key for _, key in ours.seen} == {f"Bearer {KEY}"} and {key for _, key in strange.seen} == {None}


@pytest.mark.parametrize(
    ("url", "warned"),
    [
        ("http://photos.home:8642", True),
        ("http://192.168.1.7:8642", True),
        ("http://127.0.0.1.nip.io", True),
        ("https://photos.home", False),
        ("http://127.0.0.1:8642", False),
        ("http://[::1]:8642", False),
        ("http://localhost:8642", False),
    ],
)
def test_a_key_that_others_could_read_on_its_way_is_warned_of(url: str, warned: bool) -> None:
    for key in (KEY, None):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            Client(url, key=key).close()
        assert (
            [str(one.message) for one in told if "encryption" in str(one.message)] != [] if warned and key else not told
        )
        assert all(one.filename == __file__ for one in told)


@pytest.mark.parametrize("url", ["http://u:p@127.0.0.1:8642", "http://127.0.0.1:8642@evil.example/", "http://a/?x=1"])
def test_an_address_that_says_more_than_where_is_refused(url: str) -> None:
    with pytest.raises(errors.InvalidInputError, match="URL"):
        Client(url, key=KEY)


def test_no_proxy_of_the_environment_sees_what_is_for_this_machine(
    servers: tuple[Recorder, Recorder], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, strange = servers
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, strange.url)
    for host in ("127.0.0.1", "localhost", "127.0.0.1"):
        with Client(ours.url.replace("127.0.0.1", host), key=KEY) as client:
            client._transport.json("GET", "/v1/index")
    assert strange.seen == [] and json.dumps(ours.seen).count(KEY) == 3
