"""The connections of the server: how many there are, and what each may cost before and after a request.

uvicorn reads HTTP by httptools, and has no limit for what a client sends before its request is whole, nor for how long
it takes to read an answer. ``Connection`` adds them. What is asked within a request is bounded in ``bounds``.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import sys
from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from imagefinder._util.hosts import is_loopback
from imagefinder.server.errors import body

if TYPE_CHECKING:
    from asyncio import BaseTransport

    from starlette.types import ASGIApp, Receive, Scope, Send

MOST = 1000  # connections in all
MOST_OF_ONE = 250  # connections of one address, this machine's own apart
OPEN_FILES = 4096  # that the server asks the system to be allowed
KEPT_FREE = 0.5  # share of the open files that is not for connections: the index, pictures, uploads, fetches
BACKLOG = 128  # connections that the system holds until they are looked at
HEAD_BYTES = 64 * 1024  # of a request line and its headers; also of the trailers of a body
HEAD_S = 10.0  # to send them in, and what is left of a body that nobody reads any more
IDLE_S = 75  # between two requests: longer than clients and proxies keep a connection, which else may use a closed one
STALLED_S = 15.0  # to take a part of an answer in, which is 64 to 128 KiB
NEW_S = 0.5  # for the first request of a connection to come, when the server is stopping
AHEAD = 16  # requests that a client may send before the first is answered


class Connections:
    """All that are open. One that waits for its client makes room for a new one, first of all one that never sent a
    whole request."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: dict[Connection, str] = {}
        self._of: Counter[str] = Counter()
        self._strange: dict[Connection, None] = {}  # that wait for their first request, the longest first
        self._waiting: dict[Connection, None] = {}  # for another one
        self.ending = False  # answers are the last of their connections

    def admit(self, new: Connection, address: str) -> bool:
        """Whether there is room for this one, if need be in the place of one that waits."""
        of_one = self._most if is_loopback(address) else min(MOST_OF_ONE, self._most)
        if self._of[address] >= of_one and not self._close_one(address):
            return False
        if len(self._open) >= self._most and not self._close_one(None):
            return False
        self._open[new] = address
        self._of[address] += 1
        self._strange[new] = None
        return True

    def _close_one(self, address: str | None) -> bool:
        for one in chain(self._strange, self._waiting):
            if address in (None, self._open[one]):
                self.leave(one)
                one.transport.abort()
                return True
        return False

    def leave(self, one: Connection) -> None:
        address = self._open.pop(one, None)
        self.works(one)
        if address is not None:
            self._of[address] -= 1
            if not self._of[address]:
                del self._of[address]

    def waits(self, one: Connection) -> None:
        """It waits for its client from now on."""
        if one in self._open:
            self._waiting[one] = None

    def works(self, one: Connection) -> None:
        """It has a request."""
        self._strange.pop(one, None)
        self._waiting.pop(one, None)

    def is_new(self, one: Connection) -> bool:
        """Whether it has not sent its first request yet."""
        return one in self._strange

    def sweep(self, now: float) -> None:
        """Close those whose clients are too slow."""
        for one in list(self._open):
            one.check(now)


class Connection(HttpToolsProtocol):
    """One connection: a head within bounds, answers that are read, and a request that ends when its client goes."""

    def __init__(self, all_connections: Connections, **given: Any) -> None:
        super().__init__(**given)
        self._all = all_connections
        self._asked: ASGIApp = self.app
        self.app = self._answer
        self._task: asyncio.Task[Any] | None = None
        self._gone = False
        self._unread = 0  # bytes since the last that meant something
        self._in_message = False
        self._owes_since: float | None = None  # when our client began to owe us bytes that no request waits for
        self._stalled_since: float | None = None
        self._refusal = (400, "The request is not HTTP.", "Send HTTP/1.1.")

    # --- from the system ------------------------------------------------------------------------------------------

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]
        self._owes_since = self.loop.time()
        if not self._all.admit(self, _network(self.client[0] if self.client else "")):
            self._refusal = (503, "There are too many connections.", "Try again in a moment.")
            self.send_400_response("")

    def connection_lost(self, exc: Exception | None) -> None:
        self._all.leave(self)
        super().connection_lost(exc)
        self._gone = True
        if self._task and not self.cycle.response_complete:
            self._task.cancel()

    def shutdown(self) -> None:
        """The server is stopping. Who has just come is still heard."""
        if self._all.is_new(self):
            self.loop.call_later(NEW_S, super().shutdown)
        else:
            super().shutdown()

    def data_received(self, data: bytes) -> None:
        self._unread += len(data)
        super().data_received(data)
        if self._unread > HEAD_BYTES and not self.transport.is_closing():
            self._too_long()
            self.send_400_response("")

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled_since = self.loop.time()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stalled_since = None

    # --- from the parser: what one of these raises ends in send_400_response ---------------------------------------

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_message = True
        if self._owes_since is None:
            self._owes_since = self.loop.time()

    def on_headers_complete(self) -> None:
        self._unread, self._owes_since = 0, None
        if len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > HEAD_BYTES:
            self._too_long()
            raise ValueError("the head is too long")
        if len(self.pipeline) >= AHEAD:
            self._refusal = (400, f"More than {AHEAD} requests were sent before the first was answered.", "Send fewer.")
            raise ValueError("too many requests at once")
        self._all.works(self)
        super().on_headers_complete()
        if self._all.ending:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        self._unread = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unread, self._in_message, self._owes_since = 0, False, None
        super().on_message_complete()

    # --- answering ------------------------------------------------------------------------------------------------

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Carry out a request. That its client has gone ends it."""
        self._task = asyncio.current_task()
        try:
            await self._asked(scope, receive, send)
        except asyncio.CancelledError:
            if not self._gone:
                raise
        finally:
            self._task = None

    def on_response_complete(self) -> None:
        if self._in_message:  # the rest of a body that was not wanted
            self._owes_since = self.loop.time()
        if not self.pipeline:
            self._all.waits(self)
        super().on_response_complete()

    def _too_long(self) -> None:
        self._refusal = (431, f"The request's headers are longer than {HEAD_BYTES // 1024} KiB.", "Send less.")

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no request, in the shape of all errors. An answer that has begun is cut off instead."""
        if self._task is not None:
            self.transport.abort()
            return
        status, message, remedy = self._refusal
        code = {400: "invalid-input", 408: "timeout", 431: "too-large", 503: "busy"}[status]
        content = json.dumps(body(code, message, remedy)).encode()
        head = [f"HTTP/1.1 {status} {_PHRASES[status]}", "content-type: application/json", "connection: close"]
        head += [f"content-length: {len(content)}", *(["retry-after: 1"] if status == 503 else []), "", ""]
        self.transport.write("\r\n".join(head).encode() + content)
        self.transport.close()

    def _unsupported_upgrade_warning(self) -> None:
        """An offer to speak another protocol need not be taken: the request is answered by HTTP."""

    # --- time -----------------------------------------------------------------------------------------------------

    def check(self, now: float) -> None:
        """Close the connection if its client is too slow; called about once a second."""
        if self._stalled_since is not None and now - self._stalled_since > STALLED_S:
            self.transport.abort()
        elif self.transport.is_closing():
            self._stalled_since = self._stalled_since or now  # what is not taken in by then never is
        elif self.flow.read_paused and self._owes_since is not None:
            self._owes_since = now  # it is us who don't read
        elif self._owes_since is not None and now - self._owes_since > HEAD_S:
            self._refusal = (408, f"The request was not whole after {HEAD_S:.0f} s.", "Send it faster.")
            if self._unread and self._task is None:
                self.send_400_response("")
            else:
                self.transport.close()

    def timeout_keep_alive_handler(self) -> None:
        self.transport.close()


_PHRASES = {
    400: "Bad Request",
    408: "Request Timeout",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}


def _network(address: str) -> str:
    """What one client has: an address, or the 64 bits that a network of IPv6 has."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address) and not found.is_loopback:
        return str(found.ipv4_mapped or ipaddress.ip_network((int(found) >> 64 << 64, 64)))
    return address


def connections_allowed() -> int:
    """How many connections there may be, with open files left for all else. On systems that count them, the process's
    own bound is raised first, as far as it may be."""
    if sys.platform == "win32":
        return MOST
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
        except (OSError, ValueError):  # some systems say more than they give
            pass
    return MOST if soft == resource.RLIM_INFINITY else max(16, min(MOST, int(soft * (1 - KEPT_FREE)) - BACKLOG))
