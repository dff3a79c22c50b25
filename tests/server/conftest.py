"""A server on the sample images, asked without a network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from imagefinder import ImageFinder
from imagefinder.server.app import create_app
from imagefinder.server.settings import ServerSettings
from imagefinder.types import Limits

KEY = "a key that is long enough"


@contextmanager
def clients(folder: Path, copy_of: Callable[[Path], Path]) -> Iterator[Callable[..., TestClient]]:
    """``serve(empty=False, limits=None, **settings)`` is a client of a server on an index of its own in ``folder``."""
    opened: list[Any] = []

    def start(*, empty: bool = False, limits: Limits | None = None, **settings: Any) -> TestClient:
        home = folder / f"index{len(opened)}"
        finder = ImageFinder.open(home if empty else copy_of(home), limits=limits)
        app = create_app(finder, ServerSettings(**settings), limits)
        client = TestClient(app, base_url="http://localhost:8642", raise_server_exceptions=False)
        opened.append((client, finder))
        client.__enter__()
        return client

    yield start
    for client, finder in opened:
        client.__exit__(None, None, None)
        finder.close()


@pytest.fixture
def serve(
    sample_index: Path, tmp_path: Path, copy_index: Callable[[Path, Path], Path]
) -> Iterator[Callable[..., TestClient]]:
    """``serve(empty=False, limits=None, **settings)`` is a client of a server on an index of its own."""
    with clients(tmp_path, partial(copy_index, sample_index)) as start:
        yield start


@pytest.fixture(scope="module")
def serve_all(
    sample_index: Path, tmp_path_factory: pytest.TempPathFactory, copy_index: Callable[[Path, Path], Path]
) -> Iterator[Callable[..., TestClient]]:
    """The same for all tests of a module."""
    with clients(tmp_path_factory.mktemp("served"), partial(copy_index, sample_index)) as start:
        yield start


@pytest.fixture
def client(serve: Callable[..., TestClient]) -> TestClient:
    return serve()


@pytest.fixture(scope="module")
def reader(serve_all: Callable[..., TestClient]) -> Iterator[TestClient]:
    """A client that the tests of a module share: they only read, which is checked."""
    client = serve_all()
    everything = [(path, client.get(path).json()) for path in ("/v1/images?k=1000", "/v1/clusters", "/v1/feedback")]
    yield client
    for path, before in everything:
        assert client.get(path).json() == before, "a test that shares its server has changed something: use `client`"


@pytest.fixture(scope="module")
def ids(reader: TestClient) -> list[str]:
    """Those of the sample images: the same in every copy of their index."""
    found: list[str] = reader.get("/v1/images/columns", params={"fields": "id"}).json()["columns"]["id"]
    return found
