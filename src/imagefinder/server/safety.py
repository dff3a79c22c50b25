"""Who may ask what, before any of it is read: names, origins, keys, rates, times. Plain ASGI: it sees every request.

A page elsewhere must not use a server on its visitor's machine, be it by a form, a script or an <img> (cross-site
requests), or by a name of its own that suddenly points to 127.0.0.1 (DNS rebinding).
"""

from __future__ import annotations

import ipaddress
import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from imagefinder._util.acting import acting
from imagefinder._util.hiding import secret
from imagefinder._util.hosts import is_loopback
from imagefinder.server.access import API, FOUND, Access
from imagefinder.server.arriving import USER
from imagefinder.server.bounds import Bounds
from imagefinder.server.callers import ADVICE, ANYONE, CALLER, Caller, Callers, cookie_name
from imagefinder.server.errors import RefusedError, of_error
from imagefinder.server.quotas import Quotas

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from imagefinder.server.access import AccessTable
    from imagefinder.server.settings import ServerSettings

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self'; "
    "connect-src 'self'; font-src 'self'; worker-src 'self' blob:; manifest-src 'self'; form-action 'none'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
BURST_S = 3.0  # seconds of its rate that a client may use at once
CLIENTS = 10_000  # addresses remembered
WRONG_KEYS_PER_SECOND = 20.0  # of one address, also where any number of costly requests is answered


class Guard:
    """ASGI middleware that refuses what ``ServerSettings`` do not allow, and adds the headers of a careful server. What
    a request may do and cost is what its route says: see ``access``."""

    def __init__(self, app: ASGIApp, settings: ServerSettings, access: AccessTable, doors: Doors) -> None:
        self._app = app
        self._bounds = Bounds(app, settings.max_seconds)
        self._settings = settings
        self._access = access
        self._doors = doors
        self._buckets = Buckets(settings.requests_per_second)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                return
            await self._app(scope, receive, send)
            return
        request = _Request(scope, self._settings.root_path)
        sender = _Sender(send, request, self._settings)
        try:
            access = scope[FOUND] = self._access.of(request.method, request.path)
            self._check(request, access)
            with secret(request.secrets):
                caller = scope[CALLER] = await self._caller(request, access)
                if access.adds:
                    self._doors.quotas.upload(caller, request.length, taken=False)
                    receive = self._doors.quotas.counting(receive, caller)
                with acting(caller.actor):
                    await self._bounds.run(access, scope, receive, sender)
        except RefusedError as refused:
            await sender.refuse(refused)
        except Exception as error:  # what nobody expected is answered in our shape too, and with our headers
            if sender.started:
                raise
            await sender.respond(*of_error(error))

    def _check(self, request: _Request, access: Access) -> None:
        if request.header("upgrade").lower() == "websocket":
            raise RefusedError(400, "There are no WebSockets here.", remedy="Events come by GET /v1/events.")
        self._check_host(request)
        self._check_site(request, access)

    async def _caller(self, request: _Request, access: Access) -> Caller:
        """Who asks, if they may ask this. Raises RefusedError."""
        caller = ANYONE
        if not access.keyless and request.method != "OPTIONS":
            caller = await self._known(request)
            self._doors.quotas.request(caller)
            caller.check(access.scope)
        if self._settings.read_only and not access.reads:
            raise RefusedError(403, "This server only answers; nothing can be changed.", code="read-only")
        if access.costly:
            self._buckets.take(request.client)
        return caller

    def _check_host(self, request: _Request) -> None:
        """Only names that can't be somebody else's: addresses, localhost, and those of the settings."""
        name = request.host
        known = {self._settings.host.lower(), *(h.lower() for h in self._settings.hosts)}
        if name in known or is_loopback(name) or (not self._settings.is_local and _is_address(name)):
            return
        raise RefusedError(
            403,
            f"This server does not answer to the name {name[:100]!r}.",
            remedy="Start it with --allow-host NAME if that is its name.",
        )

    def _check_site(self, request: _Request, access: Access) -> None:
        """Requests that another site's page makes are refused, unless its origin is allowed."""
        origin = request.header("origin")
        if origin and (origin in self._settings.origins or _same(origin, request)):
            return
        if origin and request.method not in ("GET", "HEAD"):
            raise RefusedError(403, f"Pages of {origin[:100]} may not use this server.", remedy=_CORS)
        holds_data = request.path.startswith(API) or not access.keyless  # the page itself holds none
        if holds_data and request.header("sec-fetch-site") in ("cross-site", "same-site"):
            raise RefusedError(403, "Pages of other sites may not use this server.", remedy=_CORS)

    async def _known(self, request: _Request) -> Caller:
        """By the key that is sent, else as the proxy says, else by the page's cookie."""
        guesses, callers = self._doors.guesses, self._doors.callers
        kind, _, sent = request.header("authorization").partition(" ")
        bearer = kind.lower() == "bearer"
        if bearer:
            guesses.check(request.client)  # also the right one waits: else a refusal to answer would be an answer
            found = await callers.known(sent.strip())
        elif request.user:
            return callers.user(request.user)
        else:
            sent = request.cookie(cookie_name(self._settings))  # a digest, which nobody guesses
            found = await callers.known(sent, cookie=True) if sent else None
        if found is not None:
            return found
        if await callers.open():
            return ANYONE
        if sent:
            guesses.take(request.client)
        raise RefusedError(401, "A key is needed." if not sent else "The key is wrong.", remedy=ADVICE)


_ADDED = {  # headers that go with a status, whoever gives it
    401: ((b"www-authenticate", b"Bearer"),),
    408: ((b"connection", b"close"),),
    429: ((b"retry-after", b"1"),),
    503: ((b"retry-after", b"1"),),
}
_CORS = "Start the server with --cors ORIGIN to allow them."


class _Request:
    """What the checks look at."""

    def __init__(self, scope: Scope, root_path: str) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"].removeprefix(root_path) or "/"
        self._headers: dict[str, str] = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
        }
        self.authority = self.header("host").lower()
        self.host = _name(self.authority)
        self.scheme: str = scope.get("scheme", "http")
        self.client: str = (scope.get("client") or ("", 0))[0]
        self.user: str = scope.get(USER, "")

    def header(self, name: str) -> str:
        """Its value; empty where it was not sent."""
        return self._headers.get(name, "")

    @property
    def length(self) -> int:
        """Of the body, as far as that is said."""
        text = self.header("content-length")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0

    @property
    def secrets(self) -> list[str]:
        """What is sent and must not be read anywhere."""
        cookies = [part.partition("=")[2].strip() for part in self.header("cookie").split(";")]
        return [self.header("authorization").partition(" ")[2].strip(), *cookies]

    def cookie(self, name: str) -> str:
        pairs = (part.strip().partition("=") for part in self.header("cookie").split(";"))
        return next((value for key, _, value in pairs if key == name), "")


class _Sender:
    """Sends a response with our headers; knows whether it has begun."""

    def __init__(self, send: Send, request: _Request, settings: ServerSettings) -> None:
        self._send = send
        self._request = request
        self.started = False
        self._replaced = False
        allowed = request.header("origin") in settings.origins
        self._headers = [
            (name.encode(), value.encode())
            for name, value in HEADERS.items()
            if not (allowed and name == "cross-origin-resource-policy")
        ]

    async def __call__(self, message: Message) -> None:
        if self._replaced:
            return
        if message["type"] == "http.response.start":
            if message["status"] == 413 and not self.started:
                await self._too_large()
                return
            self.started = True
            there = {name.lower() for name, _ in message["headers"]}
            added = (*self._headers, *_ADDED.get(message["status"], ()))
            message["headers"] = [*message["headers"], *(h for h in added if h[0] not in there)]
        await self._send(message)

    async def _too_large(self) -> None:
        """The framework says it in plain text."""
        self.started = True
        await self.refuse(RefusedError(413, "The request is too large.", remedy="Send less at once."))
        self._replaced = True

    async def refuse(self, refused: RefusedError) -> None:
        await self.respond(refused.status, refused.body, refused.headers)

    async def respond(self, status: int, body: dict[str, Any], more: Mapping[str, str] | None = None) -> None:
        content = json.dumps(body).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
        headers += [(name.encode(), value.encode()) for name, value in (more or {}).items()]
        await self({"type": "http.response.start", "status": status, "headers": headers})
        await self({"type": "http.response.body", "body": content})


@dataclass(frozen=True, slots=True)
class Doors:
    """Who is let in, and how much of what: ``guesses`` of wrong keys by address, ``quotas`` by key."""

    callers: Callers
    guesses: Buckets
    quotas: Quotas


class Buckets:
    """A token bucket for each address: ``rate`` requests a second on average, ``BURST_S`` seconds' worth at once. Of
    IPv6 the first 64 bits count, which are one household's; the rest its owner may change with each request."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._size = max(1.0, rate * BURST_S)
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> None:
        """Raises RefusedError when this client has used up its share."""
        self._check(client, taken=1)

    def check(self, client: str) -> None:
        """The same, and takes nothing."""
        self._check(client, taken=0)

    def _check(self, client: str, taken: int) -> None:
        if not self._rate:
            return
        now, client = monotonic(), _owner(client)
        level, then = self._levels.pop(client, (self._size, now))
        level = min(self._size, level + (now - then) * self._rate)
        self._levels[client] = (max(0.0, level - taken), now)
        if len(self._levels) > CLIENTS:
            self._levels.popitem(last=False)
        if level < 1:
            raise RefusedError(429, f"More than {self._rate:g} requests a second.", remedy="Wait a moment.")


def _name(authority: str) -> str:
    """The host of a Host header, without its port; empty when it is no such thing."""
    try:
        return (urlsplit(f"//{authority}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _owner(address: str) -> str:
    """Whom an address belongs to."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address[:100]
    if isinstance(found, ipaddress.IPv6Address):
        return str(found.ipv4_mapped or ipaddress.ip_network((int(found) >> 64 << 64, 64)))
    return str(found)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _same(origin: str, request: _Request) -> bool:
    """Whether an origin is this server's own; behind a proxy that speaks TLS the scheme differs."""
    parts = urlsplit(origin)
    return parts.netloc.lower() == request.authority and parts.scheme in ("http", "https")
