"""What is known of a request before anything else: which machine it is from, and whom a proxy says it is of.

The outermost ASGI middleware: further in, the address of a request that a proxy hands on is that of the proxy's client.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from imagefinder.server.settings import ServerSettings

USER = "imagefinder.user"  # in the scope of a request: the name that a trusted proxy has put in its header
LONGEST = 200  # characters of a name


class Arriving:
    """Takes the header that names a user out of every request, and believes it only of the trusted proxies. A header
    that comes twice is believed of nobody: one of the two is the client's."""

    def __init__(self, app: ASGIApp, settings: ServerSettings) -> None:
        self._app = app
        self._header = (settings.proxy_user or "").lower().encode("latin-1")
        self._proxies = [ipaddress.ip_network(proxy) for proxy in settings.trusted_proxies]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            named = [value for name, value in scope["headers"] if _plain(name) == _plain(self._header)]
            rest = [(name, value) for name, value in scope["headers"] if _plain(name) != _plain(self._header)]
            scope = {**scope, "headers": rest}
            if len(named) == 1 and self._is_proxy(scope):
                scope[USER] = _name(named[0])
        await self._app(scope, receive, send)

    def _is_proxy(self, scope: Scope) -> bool:
        try:
            address = ipaddress.ip_address((scope.get("client") or ("", 0))[0])
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return any(address in network for network in self._proxies)


def _plain(name: bytes) -> bytes:
    """Some servers take ``_`` and ``-`` in the name of a header for the same."""
    return name.lower().replace(b"_", b"-")


def _name(value: bytes) -> str:
    """Empty for what is no name."""
    try:
        name = value.decode().strip()
    except UnicodeDecodeError:
        name = value.decode("latin-1").strip()
    return name if len(name) <= LONGEST and name.isprintable() else ""
