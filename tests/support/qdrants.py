"""A Qdrant for tests: a real server where IMAGEFINDER_TEST_QDRANT_URL names one (such as qdrant://localhost:6333), else
the in-process mode of qdrant-client, which all "processes" of a test share."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest

URL = os.environ.get("IMAGEFINDER_TEST_QDRANT_URL", "")
INSIDE = "qdrant://inside.invalid:6333"
_numbers = count(1)


class Inside:
    """One in-process Qdrant for all clients: it does one call after the other, as a server does with writes. It is
    closed with the tests only."""

    def __init__(self) -> None:
        from qdrant_client import QdrantClient

        self._client, self._one = QdrantClient(":memory:"), threading.RLock()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        def call(*values: Any, **named: Any) -> Any:
            with self._one, warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # of what this mode doesn't do
                return method(*values, **named)

        return call

    def close(self) -> None:
        pass


class Server:
    """Where tests keep their indexes."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.real = url != INSIDE

    def address(self, name: str | None = None, settings: str = "") -> str:
        """The address of an index that is not there yet."""
        where, _, given = self.url.partition("?")
        settings = "&".join(part for part in (given, settings) if part)
        return f"{where}/{name or f'test-{os.getpid()}-{next(_numbers)}'}{f'?{settings}' if settings else ''}"


@contextmanager
def running() -> Iterator[Server]:
    """The server; on a real one, what the tests made is removed at the end."""
    pytest.importorskip("qdrant_client")
    from imagefinder.store.qdrant import server as connections

    made: list[Any] = []
    inside, connect = Inside(), connections.make_client

    def make_client(address: Any) -> Any:
        if address.host == "inside.invalid":
            return inside
        client = connect(address)
        made.append(address)
        return client

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connections, "make_client", make_client)
        yield Server(URL or INSIDE)
        for address in made if URL else ():
            client = connect(address)
            for collection in (address.points, address.documents):
                client.delete_collection(collection)
            client.close()
