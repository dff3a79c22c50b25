"""``imagefinder serve``."""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from imagefinder import settings
from imagefinder._util.hosts import is_loopback
from imagefinder._util.local_servers import LocalServer, written_down
from imagefinder.cli.common import OK, PLACE, NamedPlace, limits, open_finder, plural, say
from imagefinder.cli.keys import SIZE
from imagefinder.errors import NotFoundError

if TYPE_CHECKING:
    from fastapi import FastAPI
    from opentelemetry.sdk.trace import TracerProvider

    from imagefinder.finder import ImageFinder
    from imagefinder.server.settings import ServerSettings
    from imagefinder.server.state import Serving

DEFAULT_PORT = 8642


@click.command()
@click.argument("source", required=False, type=PLACE, metavar="[SOURCE]")
@click.option(
    "--index",
    "places",
    multiple=True,
    metavar="[NAME=]PLACE",
    type=NamedPlace(file_okay=False),
    help="Folder of the index, or its address; several of them with a NAME each are served at /i/NAME/.  "
    "[default: $IMAGEFINDER_INDEX, or the user's data folder]",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=DEFAULT_PORT, show_default=True, type=click.IntRange(0, 65535), help="Port to listen on."
)
@click.option("--auto-port", is_flag=True, help="Take the next free port when that one is taken.")
@click.option("--browser/--no-browser", default=True, help="Open the page in your browser.")
@click.option(
    "--read-only", is_flag=True, help="Answer searches, change nothing; also beside a process that changes the index."
)
@click.option(
    "--no-key",
    is_flag=True,
    help="Ask for no key: then every user and program of this machine can do all you can here.",
)
@click.option("--cors", multiple=True, metavar="ORIGIN", help="Let the pages of this origin use the API.")
@click.option("--allow-host", multiple=True, metavar="NAME", help="Another host name of this server.")
@click.option("--root-path", default="", metavar="PATH", help="Path of this server at a proxy, such as /pictures.")
@click.option(
    "--trusted-proxy",
    multiple=True,
    metavar="ADDRESS",
    help="Believe X-Forwarded-For and X-Forwarded-Proto of the proxy at this address, or of this network.",
)
@click.option(
    "--trust-proxy-user",
    metavar="HEADER",
    help="Let in whom the trusted proxies name in this header, such as X-Remote-User, without a key.",
)
@click.option(
    "--proxy-scope",
    type=click.Choice(["read", "write", "admin"]),
    default="read",
    show_default=True,
    help="What those users may do, see `imagefinder keys`.",
)
@click.option("--proxy-admin", multiple=True, metavar="USER", help="A user of the proxy who may do everything.")
@click.option(
    "--requests-per-minute",
    type=click.IntRange(1),
    metavar="N",
    help="For each key and user without a limit of its own.",
)
@click.option("--upload-per-day", type=SIZE, metavar="SIZE", help="The same for what they add, such as 2GB.")
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="json: a line for each request and event, on stderr.",
)
@click.option(
    "--traces",
    is_flag=True,
    help="Send traces to the OpenTelemetry collector that the OTEL_ variables name, by default that of this machine.",
)
@click.option(
    "--allow-folder", multiple=True, type=PLACE, metavar="DIR", help="Let clients add images from this folder."
)
def serve(
    source: str | None,
    places: Sequence[tuple[str, Path | str]],
    auto_port: bool,
    browser: bool,
    no_key: bool,
    **options: object,
) -> int:
    """Serve the web page and the HTTP API, until Ctrl-C. A SOURCE (folder, table, URL) is indexed and clustered first.

    \b
      imagefinder serve ~/Pictures                     index, cluster, open the page
      imagefinder serve                                open the page on the index there is
      IMAGEFINDER_KEY=... imagefinder serve --host 0.0.0.0     for other machines, with a key
      imagefinder serve --index shop=~/shop --index art=postgresql://...     at /i/shop/ and /i/art/

    The page is at /, the API under /v1, its description at /docs. On this machine alone, the server makes a key of its
    own: the page that opens, the Python client and `imagefinder mcp` get it by themselves, `imagefinder key` prints it.
    """
    from imagefinder._util.memory import stay_small
    from imagefinder.server.logs import write_json
    from imagefinder.server.run import bind, run

    indexes = _indexes(places, source)
    json_logs = options["log_format"] == "json"
    stay_small()
    wanted = _settings(options, no_key, indexes)
    listener, wanted = bind(wanted, any_port=auto_port)
    if json_logs:
        write_json()
    with listener, ExitStack() as stack:
        finders = {name: stack.enter_context(_open(place, wanted)) for name, place in indexes.items()}
        note = stack.enter_context(_told(wanted))
        app, servings = _app(finders, wanted, _tracing(stack, bool(options["traces"])))
        if source is not None:
            from imagefinder.server.jobs.kinds import submit

            submit(servings[0], "index", {"sources": [source], "cluster": True}, trusted=True)
        welcome = _welcome_json if json_logs else _welcome
        run(app, listener, ready=lambda: welcome(servings, note, browser), json_logs=json_logs)
    if not json_logs:
        say("Stopped.")
    return OK


def _indexes(places: Sequence[tuple[str, Path | str]], source: str | None) -> dict[str, Path | str]:
    """The places by their names; of a single one the name is empty. Raises UsageError."""
    if not places:
        return {"": settings.default_index()}
    found = dict(places)
    if len(found) < len(places) or ("" in found and len(found) > 1):
        raise click.UsageError("Several indexes need a NAME each, as in: --index shop=~/shop --index art=~/art")
    if source is not None and "" not in found:
        raise click.UsageError("With named indexes no SOURCE can be given: index it with imagefinder index.")
    return found


def _tracing(stack: ExitStack, wanted: bool) -> TracerProvider | None:
    if not wanted and not settings.TRACES.on:
        return None
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


def _has_keys(place: Path | str) -> bool:
    from imagefinder.index.keys import Keys
    from imagefinder.index.shared import documents_at

    try:
        with documents_at(place) as documents:
            return len(Keys(documents)) > 0
    except NotFoundError:
        return False


def _settings(options: dict[str, object], no_key: bool, indexes: dict[str, Path | str]) -> ServerSettings:
    from imagefinder.server.settings import ServerSettings

    def several(name: str) -> tuple[str, ...]:
        return tuple(str(one) for one in options[name])  # type: ignore[attr-defined]

    host = str(options["host"])
    key = None if no_key else settings.server_key()
    if key is None and not no_key and (is_loopback(host) or all(map(_has_keys, indexes.values()))):
        key = OwnKey(secrets.token_urlsafe(32))
    return ServerSettings(
        host=host,
        port=int(str(options["port"])),
        key=key,
        read_only=bool(options["read_only"]),
        origins=tuple(origin.rstrip("/") for origin in several("cors")),
        hosts=several("allow_host"),
        trusted_proxies=several("trusted_proxy"),
        proxy_user=options["trust_proxy_user"],  # type: ignore[arg-type]
        proxy_scope=options["proxy_scope"],  # type: ignore[arg-type]
        proxy_admins=several("proxy_admin"),
        requests_per_minute=options["requests_per_minute"],  # type: ignore[arg-type]
        upload_bytes_per_day=options["upload_per_day"],  # type: ignore[arg-type]
        folders=several("allow_folder") or None,
        root_path=str(options["root_path"]).rstrip("/"),
        rate=settings.server_rate(),
    )


class OwnKey(str):
    """A key that the server made for itself."""


@contextmanager
def _told(wanted: ServerSettings) -> Iterator[Path | None]:
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
