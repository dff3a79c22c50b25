"""``imagefinder serve``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from imagefinder import settings
from imagefinder.cli.common import OK, PLACE, index_option, limits, open_finder, plural, say

if TYPE_CHECKING:
    from imagefinder.finder import ImageFinder
    from imagefinder.server.settings import ServerSettings

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
@click.option("--cors", multiple=True, metavar="ORIGIN", help="Let the pages of this origin use the API.")
@click.option("--allow-host", multiple=True, metavar="NAME", help="Another host name of this server.")
@click.option("--root-path", default="", metavar="PATH", help="Path of this server at a proxy, such as /pictures.")
@click.option(
    "--allow-folder", multiple=True, type=PLACE, metavar="DIR", help="Let clients add images from this folder."
)
def serve(source: str | None, index_dir: Path | None, auto_port: bool, browser: bool, **options: object) -> int:
    """Serve the web page and the HTTP API, until Ctrl-C. A SOURCE (folder, table, URL) is indexed and clustered first.

    \b
      imagefinder serve ~/Pictures                     index, cluster, open the page
      imagefinder serve                                open the page on the index there is
      IMAGEFINDER_KEY=... imagefinder serve --host 0.0.0.0     for other machines, with a key

    The page is at /, the API under /v1, its description at /docs.
    """
    from imagefinder._util.memory import stay_small
    from imagefinder.server.run import bind, run

    stay_small()
    wanted = _settings(options)
    listener, wanted = bind(wanted, any_port=auto_port)
    with listener, _open(index_dir, wanted) as finder:
        from imagefinder.server.app import create_app

        app = create_app(finder, wanted, limits())
        if source is not None:
            from imagefinder.server.jobs.kinds import submit

            submit(app.state.serving, "index", {"sources": [source], "cluster": True}, trusted=True)
        run(app, listener, ready=lambda: _welcome(finder, wanted, browser))
    say("Stopped.")
    return OK


def _open(index_dir: Path | None, wanted: ServerSettings) -> ImageFinder:
    """For reading beside other processes, if nothing may be changed and there is something to read."""
    from imagefinder.index import manifest

    if wanted.read_only and manifest.exists(index_dir or settings.default_index()):
        return open_finder(index_dir, read_only=True)
    return open_finder(index_dir, create=True)


def _settings(options: dict[str, object]) -> ServerSettings:
    from imagefinder.server.settings import ServerSettings

    folders = tuple(str(f) for f in options["allow_folder"])  # type: ignore[attr-defined]
    return ServerSettings(
        host=str(options["host"]),
        port=int(str(options["port"])),
        key=settings.server_key(),
        read_only=bool(options["read_only"]),
        origins=tuple(str(o).rstrip("/") for o in options["cors"]),  # type: ignore[attr-defined]
        hosts=tuple(str(h) for h in options["allow_host"]),  # type: ignore[attr-defined]
        folders=folders or None,
        root_path=str(options["root_path"]).rstrip("/"),
        rate=settings.server_rate(),
    )


def _welcome(finder: ImageFinder, wanted: ServerSettings, browser: bool) -> None:
    from imagefinder.server.run import open_browser, url_of

    url = url_of(wanted)
    finder.serve_at(url)
    say(f"{plural(len(finder), 'image')} at {url}  (API: {url}docs)")
    say("Ctrl-C ends it.")
    if browser:
        open_browser(url)
