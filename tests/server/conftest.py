"""A server on the sample images, asked without a network."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi.testclient import TestClient

from imagefinder import ImageFinder
from imagefinder.server.app import create_app
from imagefinder.server.run import KEEP_ALIVE_S, bind, url_of
from imagefinder.server.settings import ServerSettings
from imagefinder.types import Limits

KEY = "a key that is long enough"


@pytest.fixture
def serve(
    sample_index: Path, tmp_path: Path, copy_index: Callable[[Path, Path], Path]
) -> Iterator[Callable[..., TestClient]]:
    """``serve(empty=False, limits=None, **settings)`` is a client of a server on an index of its own."""
    opened: list[Any] = []

    def start(*, empty: bool = False, limits: Limits | None = None, **settings: Any) -> TestClient:
        home = tmp_path / f"index{len(opened)}"
        if not empty:
            copy_index(sample_index, home)
        finder = ImageFinder.open(home, limits=limits)
        app = create_app(finder, ServerSettings(**settings), limits)
        client = TestClient(app, base_url="http://localhost:8642", raise_server_exceptions=False)
        opened.append((client, finder))
        client.__enter__()
        return client

    yield start
    for client, finder in opened:
        client.__exit__(None, None, None)
        finder.close()


@pytest.fixture(scope="session")
def serving() -> Callable[..., AbstractContextManager[str]]:
    """``with serving(finder, **settings) as url`` is a real server on a free port, for as long as the block lasts."""

    @contextmanager
    def serve(finder: ImageFinder, **settings: Any) -> Iterator[str]:
        listener, wanted = bind(ServerSettings(port=0, **settings), any_port=False)
        config = uvicorn.Config(
            create_app(finder, wanted),
            log_level="warning",
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield url_of(wanted)
        finally:
            server.should_exit = True
            thread.join(30)
            listener.close()

    return serve


@pytest.fixture
def client(serve: Callable[..., TestClient]) -> TestClient:
    return serve()


@pytest.fixture
def ids(client: TestClient) -> list[str]:
    found: list[str] = client.get("/v1/images/columns", params={"fields": "id"}).json()["columns"]["id"]
    return found
