"""``imagefinder serve``."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from imagefinder import settings
from imagefinder._util.hosts import is_loopback
from imagefinder.cli.common import OK, PLACE, NamedPlace, say
from imagefinder.cli.keys import SIZE
from imagefinder.cli.serving import OwnKey, Served, serve_one, told_to_others, work
from imagefinder.errors import InvalidInputError, NotFoundError

if TYPE_CHECKING:
    from imagefinder.server.settings import ServerSettings

DEFAULT_PORT = 8642


@click.command(context_settings={"auto_envvar_prefix": settings.SERVE})
@click.argument("source", required=False, type=PLACE, metavar="[SOURCE]")
@click.option(
    "--index",
    "places",
    multiple=True,
    envvar=f"{settings.SERVE}_INDEX",
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
@click.option(
    "--workers",
    default=1,
    show_default=True,
    type=click.IntRange(1, 64),
    help="Processes that share the port, for indexes at addresses.",
)
@click.option(
    "--drain",
    default=0.0,
    show_default=True,
    metavar="SECONDS",
    type=click.FloatRange(0, 600),
    help="After SIGTERM, go on answering for so long while /readyz says no: a balancer needs the time to notice.",
)
def serve(
    source: str | None,
    places: Sequence[tuple[str, Path | str]],
    auto_port: bool,
    browser: bool,
    no_key: bool,
    workers: int,
    drain: float,
    **options: object,
) -> int:
    """Serve the web page and the HTTP API, until Ctrl-C. A SOURCE (folder, table, URL) is indexed and clustered first.

    \b
      imagefinder serve ~/Pictures                     index, cluster, open the page
      imagefinder serve                                open the page on the index there is
      IMAGEFINDER_KEY=... imagefinder serve --host 0.0.0.0     for other machines, with a key
      imagefinder serve --index postgresql://... --workers 4   several processes on one port
      imagefinder serve --index shop=~/shop --index art=postgresql://...     at /i/shop/ and /i/art/

    The page is at /, the API under /v1, its description at /docs. On this machine alone, the server makes a key of its
    own: the page that opens, the Python client and `imagefinder mcp` get it by themselves, `imagefinder key` prints it.

    Each option can be a variable instead: IMAGEFINDER_SERVE_LOG_FORMAT=json for --log-format json. Of options that may
    be repeated the values stand behind each other, with blanks between them.
    """
    from imagefinder.server.run import TERM_S, bind

    indexes = _indexes(places, source)
    wanted = _settings(options, no_key, indexes)
    if workers > 1:
        _check_shared(indexes.values())
    listener, wanted = bind(wanted, any_port=auto_port)
    json_logs, traces = options["log_format"] == "json", bool(options["traces"]) or settings.TRACES.on
    serving = Served(listener, indexes, wanted, source, browser, drain, json_logs, traces)
    with listener:
        if workers == 1:
            with ExitStack() as stack:
                serve_one(serving, stack, told_to_others(wanted))
            code = OK
        else:
            from imagefinder.server.workers import Workers

            with told_to_others(wanted) as note, TemporaryDirectory(prefix="imagefinder-") as figures:
                serving = replace(serving, wanted=replace(wanted, figures=figures))
                code = Workers(workers, work, (serving, note), say).run(drain + 2 * TERM_S)
    if not serving.json_logs:
        say("Stopped.")
    return code


def _check_shared(places: Iterable[Path | str]) -> None:
    from imagefinder.index.shared import place_of

    if any(isinstance(place_of(place), Path) for place in places):
        raise InvalidInputError(
            "An index in a folder is held by one process, so it can't have several --workers.",
            remedy="Its searches use all cores in one. For several processes keep the index at an address: see "
            "docs/addresses.md.",
        )


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
        uploads=str(options["uploads"]),
        rate=settings.server_rate(),
    )
