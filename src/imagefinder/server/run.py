"""Starts the server: a free port, a browser, and an end that leaves nothing half done."""

from __future__ import annotations

import html
import signal
import socket
import threading
import webbrowser
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn

from imagefinder._util.local_servers import write_privately
from imagefinder.errors import InvalidInputError

if TYPE_CHECKING:
    from fastapi import FastAPI

    from imagefinder.server.settings import ServerSettings

TRIED = 100  # ports looked at for a free one
KEEP_ALIVE_S = 75  # an idle connection: longer than clients and proxies keep one, which else may use it as it is closed


def bind(settings: ServerSettings, *, any_port: bool) -> tuple[socket.socket, ServerSettings]:
    """A listening socket, and the settings with its port. Raises InvalidInputError when the port is taken."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    ports = range(settings.port, min(settings.port + TRIED, 65536)) if any_port else (settings.port,)
    for port in ports:
        # With the protocol named, asyncio switches Nagle's algorithm off; else each response waits 40 ms for an ACK.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host.strip("[]"), port))
            listener.listen(1024)
            return listener, replace(settings, port=listener.getsockname()[1])
        except OSError as error:
            listener.close()
            reason = error.strerror or str(error)
    raise InvalidInputError(
        f"Can't listen on {settings.host}:{settings.port}: {reason}.",
        remedy="Choose another --port, or let --auto-port find a free one.",
    )


def url_of(settings: ServerSettings) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)
    return f"http://{f'[{host}]' if ':' in host and not host.startswith('[') else host}:{settings.port}/"


def run(app: FastAPI, listener: socket.socket, *, ready: Callable[[], None] = lambda: None) -> None:
    """Serve until a signal comes. ``ready`` is called when the first request can be answered."""
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,  # the app knows whom to believe
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=5,
    )
    _Server(config, app, ready).run(sockets=[listener])


def open_browser(url: str, by: Path | None = None) -> None:
    """In a thread of its own: some browsers keep their caller waiting. A ``url`` that is for this user only is opened
    ``by`` a file for this user only, which leads there: every user of a machine sees what programs are called with.
    Raises OSError for a file that can't be written."""
    if by is not None:
        at = html.escape(url, quote=True)
        refresh = f'<meta http-equiv="refresh" content="0; url={at}"><meta name="referrer" content="no-referrer">'
        write_privately(by, f'<!doctype html><meta charset="utf-8">{refresh}<p><a href="{at}">ImageFinder</a></p>')
        url = by.as_uri()
    threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()


class _Server(uvicorn.Server):
    """Tells when it is ready, and ends the pages' open connections when it is told to stop."""

    def __init__(self, config: uvicorn.Config, app: FastAPI, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._app = app
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Without noting the signal, which uvicorn would raise again in the end: the index is still to be closed."""
        self._app.state.serving.hub.close()
        self.force_exit = self.should_exit and sig == signal.SIGINT  # a second Ctrl-C waits for nobody
        self.should_exit = True
