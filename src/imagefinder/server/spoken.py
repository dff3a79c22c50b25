"""HTTP as the world speaks it: HEAD wherever GET is, OPTIONS, what may be done where, and a path below a proxy's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imagefinder.server.access import API, FOUND
from imagefinder.server.errors import body_bytes

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from imagefinder.server.access import AccessTable


class Spoken:
    """The outermost ASGI middleware. Whether a proxy strips ``root_path`` from the paths it hands on or not, all that
    is further in sees each path with it. HEAD is a GET whose body stays here; redirects name no host."""

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        self._app = app
        self._root = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._root:
            scope = self._placed(scope)
        exchange = _Exchange(receive, send, scope)
        if scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}
            await self._app(scope, exchange.receive, exchange.send_head)
        else:
            await self._app(scope, receive, exchange.send)

    def _placed(self, scope: Scope) -> Scope:
        """The same with the server's path at the proxy before its own."""
        root, path = self._root, scope["path"]
        below = path.removeprefix(root) if path == root or path.startswith(f"{root}/") else path
        return {**scope, "root_path": root, "path": root + (below or "/")}


class _Exchange:
    """The messages of one request."""

    def __init__(self, receive: Receive, send: Send, scope: Scope) -> None:
        self._receive = receive
        self._send = send
        self._scope = scope
        self._done = False

    async def receive(self) -> Message:
        """Once the head was sent, an answer without an end ends, as if its client had gone."""
        return {"type": "http.disconnect"} if self._done else await self._receive()

    async def send_head(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self.send(message)
        elif not self._done:
            self._done = True
            await self._send({"type": "http.response.body", "body": b""})

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and 300 <= message["status"] < 400:
            message["headers"] = [self._relative(*header) for header in message["headers"]]
        await self._send(message)

    def _relative(self, name: bytes, value: bytes) -> tuple[bytes, bytes]:
        """A redirect to this server without its name and scheme, which behind a proxy are others."""
        host = next((value for key, value in self._scope["headers"] if key == b"host"), b"")
        for scheme in (b"http://", b"https://"):
            if name.lower() == b"location" and value.startswith(scheme + host + b"/"):
                return name, value[len(scheme + host) :]
        return name, value


class Methods:
    """ASGI middleware right around the routes: what may be done at a path, for OPTIONS and for what may not."""

    def __init__(self, app: ASGIApp, access: AccessTable, root_path: str) -> None:
        self._app = app
        self._access = access
        self._root = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not scope[FOUND].routed:
            path = scope["path"].removeprefix(self._root) or "/"
            allowed = self._access.methods(path) or (set() if path.startswith(API) else {"GET", "HEAD", "OPTIONS"})
            method = scope["method"]
            if allowed and (method == "OPTIONS" or method not in allowed):
                await _allowed(allowed, method, send)
                return
            if not allowed:  # nothing is there, whatever is to be done with it
                scope = {**scope, "method": "GET"}
        await self._app(scope, receive, send)


async def _allowed(allowed: set[str], method: str, send: Send) -> None:
    names = ", ".join(sorted(allowed))
    headers, content = [(b"allow", names.encode())], b""
    if method != "OPTIONS":
        content = body_bytes("not-allowed", f"{method} is not what can be done here.", f"There is: {names}.")
        headers += [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    status = 204 if method == "OPTIONS" else 405
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
