"""A real server inside the test's process, as a fixture."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from imagefinder import ImageFinder


@contextmanager
def served(finder: ImageFinder, **settings: Any) -> Iterator[str]:
    """The URL of a server on a free port, for as long as the block lasts."""
    import uvicorn

    from imagefinder.server.app import create_app
    from imagefinder.server.run import KEEP_ALIVE_S, bind, url_of
    from imagefinder.server.settings import ServerSettings

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


@pytest.fixture(scope="session")
def serving() -> Callable[..., AbstractContextManager[str]]:
    """``with serving(finder, **settings) as url`` is a real server on a free port, for as long as the block lasts."""
    return served
