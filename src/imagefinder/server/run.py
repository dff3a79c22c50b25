"""Starts the server: a free port, a browser, and an end that leaves nothing half done."""

from __future__ import annotations

import asyncio
import functools
import html
import logging
import signal
import socket
import threading
import time
import webbrowser
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.config import LOGGING_CONFIG

from imagefinder._util.local_servers import write_privately
from imagefinder._util.memory import give_back, settle
from imagefinder.errors import InvalidInputError
from imagefinder.server.connections import BACKLOG, IDLE_S, Connection, Connections, connections_allowed

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from imagefinder.server.settings import ServerSettings

TERM_S = 30  # for requests to be finished after SIGTERM
TICKS = 10  # of the server's clock, about a second, between two looks at all connections
TRIMMED = 600  # the same, between two times that free memory is given back; the first time, all has been loaded
TRIED = 100  # ports looked at for a free one
LINES, PERIOD_S = 5, 60.0  # lines of one kind in the log in this time; of more it says only how many there were
LOGGERS = ("uvicorn.error", "asyncio", "imagefinder.server")


def bind(settings: ServerSettings, *, any_port: bool) -> tuple[socket.socket, ServerSettings]:
    """A listening socket, and the settings with its port. Raises InvalidInputError when the port is taken."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    ports = range(settings.port, min(settings.port + TRIED, 65536)) if any_port else (settings.port,)
    for port in ports:
        # With the protocol named, asyncio switches Nagle's algorithm off; else each response waits 40 ms for an ACK.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, _sharing(), 1)
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


def _sharing() -> int:
    """The option of a socket that listens. SO_REUSEADDR takes a port whose last connections are not forgotten yet; on
    Windows it would take the port of another program too, and share its visitors with it."""
    return getattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_REUSEADDR)


def url_of(settings: ServerSettings) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)
    return f"http://{f'[{host}]' if ':' in host and not host.startswith('[') else host}:{settings.port}/"


def run(
    app: Starlette,
    listener: socket.socket,
    *,
    ready: Callable[[], None] = lambda: None,
    drain_s: float = 0.0,
    json_logs: bool = False,
) -> None:
    """Serve until a signal comes. ``ready`` is called when the first request can be answered. After SIGTERM the server
    says for ``drain_s`` seconds that it is not ready, and answers as before. ``json_logs`` says that what is logged is
    written by ``logs.write_json``."""
    server_of(app, ready=ready, drain_s=drain_s, json_logs=json_logs).run(sockets=[listener])


def server_of(
    app: Starlette,
    *,
    ready: Callable[[], None] = lambda: None,
    graceful_s: int = 5,
    drain_s: float = 0.0,
    json_logs: bool = False,
) -> uvicorn.Server:
    """A server that bounds what its connections cost. ``graceful_s`` is how long its end waits for requests; after
    SIGTERM that is ``TERM_S``."""
    connections = Connections(connections_allowed())
    config = uvicorn.Config(
        app,
        http=functools.partial(Connection, connections),  # type: ignore[arg-type]
        ws="none",
        log_level="warning",
        log_config=None if json_logs else LOGGING_CONFIG,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # the app knows whom to believe
        backlog=BACKLOG,
        timeout_keep_alive=IDLE_S,
        timeout_graceful_shutdown=graceful_s,
    )
    for name in LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(known, Seldom) for known in logger.filters):
            logger.addFilter(Seldom())
    return _Server(config, app, connections, ready, drain_s)


class Seldom(logging.Filter):
    """Lets ``LINES`` lines of a kind through in ``PERIOD_S``, and says with the next how many it kept back. Lines of a
    kind have the same text before values are put into it, and the same place where an error was raised."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        kind = (str(record.msg).partition("\n")[0][:200], _place(record))
        now = time.monotonic()
        since, seen = self._seen.get(kind, (now, 0))
        if now - since >= PERIOD_S:
            if seen > LINES:
                record.msg = f"{record.msg} ({seen - LINES} more lines like it were left out)"
            since, seen = now, 0
        if len(self._seen) >= 1000:
            self._seen.clear()
        self._seen[kind] = since, seen + 1
        return seen < LINES


def _place(record: logging.LogRecord) -> str:
    """Where the error of a line was raised; empty where there is none."""
    error, trace = record.exc_info[1:] if record.exc_info else (None, None)
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f"{type(error).__name__} {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""


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
    """Tells when it is ready, looks after its connections, and ends those of pages when it is told to stop."""

    def __init__(
        self,
        config: uvicorn.Config,
        app: Starlette,
        connections: Connections,
        ready: Callable[[], None],
        drain_s: float,
    ) -> None:
        super().__init__(config)
        self._drain_s = drain_s
        self._leaves_at: float | None = None
        self._app = app
        self._connections = connections
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()

    async def on_tick(self, counter: int) -> bool:
        if counter % TICKS == 0:
            self._connections.sweep(asyncio.get_running_loop().time())
        if counter % TRIMMED == TRIMMED - 1:
            asyncio.get_running_loop().run_in_executor(None, give_back)
            if counter == TRIMMED - 1:
                asyncio.get_running_loop().run_in_executor(None, settle)
        if self._leaves_at is not None:
            self._connections.ending = True
            serving = self._app.state.serving
            if not serving.draining:
                serving.draining = True
                threading.Thread(target=serving.drain, name="imagefinder-drain", daemon=True).start()
            self.should_exit = self.should_exit or time.monotonic() >= self._leaves_at
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._connections.ending = True
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Without noting the signal, which uvicorn would raise again in the end: the index is still to be closed."""
        if sig == signal.SIGTERM and self._leaves_at is None and not self.should_exit:
            self.config.timeout_graceful_shutdown = TERM_S
            self._leaves_at = time.monotonic() + self._drain_s
            return
        self._app.state.serving.hub.close()
        self.force_exit = self.should_exit and sig == signal.SIGINT  # a second Ctrl-C waits for nobody
        self.should_exit = True
