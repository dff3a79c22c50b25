"""What one process of ``imagefinder serve`` does."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from imagefinder import settings
from imagefinder._util.local_servers import LocalServer, written_down
from imagefinder.cli.common import OK, limits, open_finder, plural, report_error, say

if TYPE_CHECKING:
    from multiprocessing.synchronize import Event

    from fastapi import FastAPI
    from opentelemetry.sdk.trace import TracerProvider

    from imagefinder.finder import ImageFinder
    from imagefinder.server.settings import ServerSettings
    from imagefinder.server.state import Serving


@dataclass(frozen=True, slots=True)
class Served:
    """What one process serves."""

    listener: socket.socket
    indexes: Mapping[str, Path | str]  # by their names
    wanted: ServerSettings
    source: str | None
    browser: bool
    drain: float
    json_logs: bool
    traces: bool


def work(up: Event, first: bool, number: int, serving: Served, note: Path | None) -> int:
    """One of several processes; gives its exit code."""
    serving = replace(serving, wanted=replace(serving.wanted, worker=number))
    if settings.PROVIDER.value:
        from imagefinder.models.providers import prefer

        prefer(settings.PROVIDER.value)
    try:
        with ExitStack() as stack:
            serve_one(serving, stack, nullcontext(note), up.set, first=first)
        return OK
    except (Exception, KeyboardInterrupt) as error:
        return report_error(error, ())


def serve_one(
    serving: Served,
    stack: ExitStack,
    told: AbstractContextManager[Path | None],
    up: Callable[[], None] = lambda: None,
    *,
    first: bool = True,
) -> None:
    """Serve until a signal comes. The ``first`` process begins to index the source, and says where the page is."""
    from imagefinder._util.memory import stay_small
    from imagefinder.server.run import run

    stay_small()
    json_logs = serving.json_logs
    if json_logs:
        from imagefinder.server.logs import write_json

        write_json()
    finders = {name: stack.enter_context(_open(place, serving.wanted)) for name, place in serving.indexes.items()}
    note = stack.enter_context(told)
    app, servings = _app(finders, serving.wanted, _tracing(stack) if serving.traces else None)
    if serving.source is not None and first:
        from imagefinder.server.jobs.kinds import submit

        submit(servings[0], "index", {"sources": [serving.source], "cluster": True}, trusted=True)

    def ready() -> None:
        up()
        if first:
            (_welcome_json if json_logs else _welcome)(servings, note, serving.browser)

    run(app, serving.listener, ready=ready, drain_s=serving.drain, json_logs=json_logs)


def _tracing(stack: ExitStack) -> TracerProvider:
    from imagefinder.server.tracing import to_collector

    provider = to_collector()
    stack.callback(provider.shutdown)
    return provider


def _app(
    finders: dict[str, ImageFinder], wanted: ServerSettings, traces: TracerProvider | None
) -> tuple[FastAPI, list[Serving]]:
    if "" in finders:
        from imagefinder.server.app import create_app

        app = create_app(finders[""], wanted, limits(), tracer_provider=traces)
        return app, [app.state.serving]
    from imagefinder.server.several import create_several

    front = create_several(finders, wanted, limits(), tracer_provider=traces)
    return front, front.state.servings


def _open(place: Path | str, wanted: ServerSettings) -> ImageFinder:
    """For reading beside other processes, if nothing may be changed and there is something to read."""
    from imagefinder.index.shared import is_there

    if wanted.read_only and is_there(place):
        return open_finder(place, read_only=True)
    return open_finder(place, create=True)


class OwnKey(str):
    """A key that the server made for itself."""


@contextmanager
def told_to_others(wanted: ServerSettings) -> Iterator[Path | None]:
    """Tell the other programs of this user of the server; gives the file that does. None where none can be kept."""
    from imagefinder.server.run import url_of

    own = isinstance(wanted.key, OwnKey)
    server = LocalServer(url_of(wanted), str(wanted.key) if own else None, bool(wanted.key) and not own, os.getpid())
    with ExitStack() as stack:
        note = None
        try:
            note = stack.enter_context(written_down(server))
        except OSError as error:
            say(f"Other programs of yours can't be told of this server: {error}.")
        yield note


def _welcome(servings: Sequence[Serving], note: Path | None, browser: bool) -> None:
    from imagefinder.server.callers import cookie_value
    from imagefinder.server.run import open_browser

    wanted = servings[0].settings
    own, by, first = isinstance(wanted.key, OwnKey), None, ""
    for serving in servings:
        url = _url(serving)
        serving.finder.serve_at(url)
        say(f"{plural(len(serving.finder), 'image')} at {url}  (API: {url}docs)")
        if own:
            link = f"{url}#link={serving.links.make(cookie_value(str(wanted.key)))}"
            say(f"Open it with {link}")
        first = first or url
    if own:
        say("  good once, within ten minutes; `imagefinder key --link` makes another. Your programs find the key.")
    elif wanted.key is None and wanted.proxy_user is None:
        say("Without a key: every user and program of this machine sees these images, and may do all you can here.")
    say("Ctrl-C ends it.")
    if not browser:
        return
    if own and note is not None:
        by = note.with_suffix(".html")
        first = f"{first}#link={servings[0].links.make(cookie_value(str(wanted.key)))}"
    try:
        open_browser(first, by)
    except OSError as error:
        say(f"The page can't be opened by itself: {error}.")


def _welcome_json(servings: Sequence[Serving], note: Path | None, browser: bool) -> None:
    """The same for a program that reads what is logged: no link, which is a secret, and no browser."""
    log = logging.getLogger("imagefinder.serve")
    for serving in servings:
        url = _url(serving)
        serving.finder.serve_at(url)
        facts = {"url": url, "images": len(serving.finder), "index": serving.settings.name or serving.home.name}
        log.info("serving", extra={"facts": facts})


def _url(serving: Serving) -> str:
    from imagefinder.server.run import url_of
    from imagefinder.server.settings import BELOW

    name = serving.settings.name
    return url_of(serving.settings) + (f"{BELOW[1:]}{name}/" if name else "")
