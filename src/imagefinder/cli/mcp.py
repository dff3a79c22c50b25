"""``imagefinder mcp``."""

from __future__ import annotations

from pathlib import Path

import click

from imagefinder import settings
from imagefinder.cli.common import OK, index_option, limits


@click.command()
@index_option
@click.option("--url", metavar="URL", help="Ask the server there instead of opening an index.")
@click.option("--write", is_flag=True, help="Also offer tools that change something: tag.")
def mcp(index_dir: Path | str | None, url: str | None, write: bool) -> int:
    """Offer the images to an AI agent as tools, by the Model Context Protocol on stdin and stdout.

    The agent's program starts this command; docs/api.md shows its settings. If `imagefinder serve` has the index open,
    the tools use that server; they find its key, or use IMAGEFINDER_KEY. Otherwise the index is opened when a tool
    needs it, for reading beside other commands; with --write it is theirs again half a minute later.
    """
    from imagefinder.mcp.access import Access, open_library
    from imagefinder.mcp.tools import Tools

    home, key, what = index_dir or settings.default_index(), settings.server_key(), limits()
    access = Access(lambda: open_library(home, url, key, what, write=write))
    try:
        Tools(access, what).server(write=write).run("stdio")
    finally:
        access.close()
    return OK
