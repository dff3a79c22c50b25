"""``imagefinder key``."""

from __future__ import annotations

import click

from imagefinder._util.local_servers import LocalServer, running
from imagefinder.cli.common import OK, tell
from imagefinder.errors import InvalidInputError, NotFoundError


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Of the server at this port, where several run.")
@click.option("--header", is_flag=True, help="Print it as the line of a request, for curl -H @FILE.")
@click.option("--link", is_flag=True, help="Print a link instead that opens the page once, within ten minutes.")
def key(port: int | None, header: bool, link: bool) -> int:
    """Print the key of a server that runs on this account, for programs such as curl.

    \b
      imagefinder key --link                                            open the page in another browser
      curl -H @<(imagefinder key --header) localhost:8642/v1/index
    """
    from imagefinder.client import Client

    server = _chosen(port)
    if link:
        with Client(server.url) as client:
            tell(client.page_link())
        return OK
    if server.key is None:
        kept = "was given its key by IMAGEFINDER_KEY or IMAGEFINDER_KEY_FILE" if server.given else "asks for no key"
        raise NotFoundError(f"The server at {server.url} {kept}.")
    tell(f"Authorization: Bearer {server.key}" if header else server.key)
    return OK


def _chosen(port: int | None) -> LocalServer:
    """Raises NotFoundError and InvalidInputError."""
    found = [server for server in running() if port in (None, server.port)]
    if not found:
        where = f" at port {port}" if port else ""
        raise NotFoundError(
            f"No server of this account runs on this machine{where}.", remedy="Start it with: imagefinder serve"
        )
    if len(found) > 1:
        ports = ", ".join(str(server.port) for server in found)
        raise InvalidInputError(f"Several servers run, at ports {ports}.", remedy="Name one with --port.")
    return found[0]
