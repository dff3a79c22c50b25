"""A real server on a free port, in a thread of the test's own process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from imagefinder import ImageFinder


@contextmanager
def serving(finder: ImageFinder, **settings: Any) -> Iterator[str]:
    """``with serving(finder, **settings) as url``: the index is served as long as the block lasts."""
    from imagefinder.server.app import create_app
    from imagefinder.server.run import bind, server_of, url_of
    from imagefinder.server.settings import ServerSettings

    listener, wanted = bind(ServerSettings(port=0, **settings), any_port=False)
    server = server_of(create_app(finder, wanted), graceful_s=1)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield url_of(wanted)
    finally:
        server.should_exit = True
        thread.join(30)
        listener.close()
