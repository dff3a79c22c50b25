"""``imagefinder serve``."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from imagefinder import settings
from imagefinder._util.hosts import is_loopback
from imagefinder._util.local_servers import LocalServer, written_down
from imagefinder.cli.common import OK, PLACE, index_option, limits, open_finder, plural, say

if TYPE_CHECKING:
    from imagefinder.finder import ImageFinder
    from imagefinder.server.settings import ServerSettings
    from imagefinder.server.state import Serving

DEFAULT_PORT = 8642


@click.command()
@click.argument("source", required=False, type=PLACE, metavar="[SOURCE]")
@index_option
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
    "--allow-folder",
    multiple=True,
    type=PLACE,
    metavar="DIR",
    help="Let clients add images from this folder, or from one in a bucket, as s3://BUCKET/FOLDER.",
)
@click.option(
    "--uploads",
    default="",
    type=PLACE,
    metavar="PLACE",
    help="Keep images that clients send in this folder of a bucket.",
)
def serve(
    source: str | None, index_dir: Path | str | None, auto_port: bool, browser: bool, no_key: bool, **options: object
) -> int:
    """Serve the web page and the HTTP API, until Ctrl-C. A SOURCE (folder, table, URL) is indexed and clustered first.

    \b
      imagefinder serve ~/Pictures                     index, cluster, open the page
      imagefinder serve                                open the page on the index there is
      IMAGEFINDER_KEY=... imagefinder serve --host 0.0.0.0     for other machines, with a key

    The page is at /, the API under /v1, its description at /docs. On this machine alone, the server makes a key of its
    own: the page that opens, the Python client and `imagefinder mcp` get it by themselves, `imagefinder key` prints it.
    """
    from imagefinder._util.memory import stay_small
    from imagefinder.server.run import bind, run

    stay_small()
    wanted = _settings(options, no_key)
    listener, wanted = bind(wanted, any_port=auto_port)
    with listener, _open(index_dir, wanted) as finder, _told(wanted) as note:
        from imagefinder.server.app import create_app

        app = create_app(finder, wanted, limits())
        if source is not None:
            from imagefinder.server.jobs.kinds import submit

            submit(app.state.serving, "index", {"sources": [source], "cluster": True}, trusted=True)
        run(app, listener, ready=lambda: _welcome(app.state.serving, note, browser))
    say("Stopped.")
    return OK


def _open(index_dir: Path | str | None, wanted: ServerSettings) -> ImageFinder:
    """For reading beside other processes, if nothing may be changed and there is something to read."""
    from imagefinder.index.shared import is_there

    if wanted.read_only and is_there(index_dir or settings.default_index()):
        return open_finder(index_dir, read_only=True)
    return open_finder(index_dir, create=True)


def _settings(options: dict[str, object], no_key: bool) -> ServerSettings:
    from imagefinder.server.settings import ServerSettings

    def several(name: str) -> tuple[str, ...]:
        return tuple(str(one) for one in options[name])  # type: ignore[attr-defined]

    host = str(options["host"])
    key = None if no_key else settings.server_key()
    if key is None and not no_key and is_loopback(host):
        key = OwnKey(secrets.token_urlsafe(32))
    return ServerSettings(
        host=host,
        port=int(str(options["port"])),
        key=key,
        read_only=bool(options["read_only"]),
        origins=tuple(origin.rstrip("/") for origin in several("cors")),
        hosts=several("allow_host"),
        trusted_proxies=several("trusted_proxy"),
        folders=several("allow_folder") or None,
        root_path=str(options["root_path"]).rstrip("/"),
        uploads=str(options["uploads"]),
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


def _welcome(serving: Serving, note: Path | None, browser: bool) -> None:
    from imagefinder.server.run import open_browser, url_of

    wanted, url = serving.settings, url_of(serving.settings)
    serving.finder.serve_at(url)
    say(f"{plural(len(serving.finder), 'image')} at {url}  (API: {url}docs)")
    own, by = isinstance(wanted.key, OwnKey), None
    if own:
        say(f"Open it with {url}#link={serving.links.make()}")
        say("  good once, within ten minutes; `imagefinder key --link` makes another. Your programs find the key.")
    elif wanted.key is None:
        say("Without a key: every user and program of this machine sees these images, and may do all you can here.")
    say("Ctrl-C ends it.")
    if not browser:
        return
    if own and note is not None:
        by, url = note.with_suffix(".html"), f"{url}#link={serving.links.make()}"
    try:
        open_browser(url, by)
    except OSError as error:
        say(f"The page can't be opened by itself: {error}.")
