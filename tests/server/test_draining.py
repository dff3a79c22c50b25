"""The end of a server: it says so first, answers all it was asked, and leaves nobody waiting."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from imagefinder import ImageFinder
from imagefinder.server import connections
from imagefinder.server.app import create_app
from imagefinder.server.run import bind, server_of, url_of
from imagefinder.server.settings import ServerSettings

PATIENCE_S = 120.0
FOREVER_S = 3600.0


def wait_for(condition: Callable[[], Any], what: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, f"waited {PATIENCE_S} s for {what}"
        time.sleep(0.02)


class Served:
    """A real server, which drains until ``leave`` is called."""

    def __init__(self, finder: ImageFinder) -> None:
        self.listener, settings = bind(ServerSettings(port=0), any_port=False)
        self.url, self.address = url_of(settings), self.listener.getsockname()
        self.server: Any = server_of(create_app(finder, settings), graceful_s=120, drain_s=FOREVER_S)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.listener]})
        self.thread.start()
        wait_for(lambda: httpx.get(f"{self.url}readyz", timeout=PATIENCE_S).status_code == 200, "it to be ready")

    def leave(self) -> None:
        self.server._leaves_at = 0.0

    def ended(self) -> bool:
        self.thread.join(PATIENCE_S)
        return not self.thread.is_alive()


@pytest.fixture
def served(sample_index: Path, tmp_path: Path, copy_index: Callable[[Path, Path], Path]) -> Iterator[Served]:
    with ImageFinder.open(copy_index(sample_index, tmp_path / "index")) as finder:
        made = Served(finder)
        yield made
        made.server.should_exit = made.server.force_exit = True
        made.thread.join(PATIENCE_S)
        made.listener.close()


def test_it_says_that_it_leaves_and_answers_until_then(served: Served) -> None:
    with httpx.Client(timeout=PATIENCE_S) as web, web.stream("GET", f"{served.url}v1/events") as events:
        served.server.handle_exit(signal.SIGTERM, None)
        assert [*events.iter_lines()] == []  # its pages go to another server
        wait_for(lambda: web.get(f"{served.url}readyz").status_code == 503, "it to say that it is not ready")
        said = web.get(f"{served.url}readyz")
        assert said.json()["error"]["message"] == "The server is stopping." and said.headers["retry-after"] == "1"
        found = web.post(f"{served.url}v1/search", json={"words": "animal", "k": 2})
        assert len(found.json()["hits"]) == 2 and found.headers["connection"] == "close"
        assert web.get(f"{served.url}healthz").status_code == 200
    served.leave()
    assert served.ended()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{served.url}healthz", timeout=PATIENCE_S)


def test_who_has_just_come_is_still_heard(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "NEW_S", FOREVER_S)
    with socket.create_connection(served.address, PATIENCE_S) as connection:
        wait_for(lambda: served.server._connections._strange, "it to be let in")
        served.server.handle_exit(signal.SIGTERM, None)
        served.leave()
        wait_for(lambda: served.listener.fileno() == -1, "nobody else to be let in")
        connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 200") and b"connection: close" in answer
    assert served.ended()
