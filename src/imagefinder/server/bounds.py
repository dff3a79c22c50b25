"""What one request may cost, from its first byte to its last: time to send it, time to answer it, memory.

The time that a client takes to send its body is bounded by how fast it sends; the time that the server works for it by
``ServerSettings.max_seconds``, and then the work ends too, see ``_util.ending``. An answer goes out in parts, each of
which is to be taken in within a time that ``connections`` watches.
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

from imagefinder._util.ending import EndedError, Ending, within
from imagefinder.server.errors import RefusedError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from imagefinder.server.access import Access

PART = 64 * 1024  # bytes of an answer that are sent at once
BODY_S = 20.0  # that a client may keep us waiting for its body, beside a second for each of these bytes
BODY_BYTES_PER_S = 32 * 1024
HELD_BYTES = 1024**3  # of all requests and large answers at once, in memory or in temporary files
LARGE = 256 * 1024  # bytes of an answer that count among them
STREAMED = "imagefinder.streamed"  # in the scope of a request whose answer is read from a file as it is sent


class Bounds:
    """Runs the app for one request after the other, each within its bounds."""

    def __init__(self, app: ASGIApp, max_seconds: float) -> None:
        self._app = app
        self._max_seconds = max_seconds
        self.held = Held(HELD_BYTES)

    async def run(self, access: Access, scope: Scope, receive: Receive, send: Send) -> None:
        """Carry out a request. Raises RefusedError where it takes too long, or too much, before it is answered."""
        end = Ending(math.inf)
        exchange = _Exchange(receive, send, scope, self.held, end)
        try:
            async with asyncio.timeout(None) as timer:
                exchange.start(timer, math.inf if access.endless else self._max_seconds)
                with within(end):
                    await self._app(scope, exchange.receive, exchange.send)
        except (TimeoutError, EndedError) as error:
            if isinstance(error, TimeoutError) and not timer.expired():
                raise
            if not exchange.answered:
                raise exchange.refusal(self._max_seconds) from None
        finally:
            end.stop()
            self.held.give(exchange.bytes)


class Held:
    """Bytes of all requests together."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.bytes = 0

    def take(self, size: int) -> None:
        """Raises RefusedError where it would be too many."""
        if self.bytes + size > self._most:
            raise RefusedError(503, "The server holds too much for others right now.", remedy="Try again in a moment.")
        self.bytes += size

    def give(self, size: int) -> None:
        self.bytes -= size


class _Exchange:
    """The messages of one request: counts and times what comes, parts what goes."""

    def __init__(self, receive: Receive, send: Send, scope: Scope, held: Held, end: Ending) -> None:
        self._receive = receive
        self._send = send
        self._scope = scope
        self._held = held
        self._end = end
        self.bytes = 0
        self.answered = False
        self._whole = False
        self._waiting = False
        self._waited = 0.0
        self._timer: asyncio.Timeout
        self._due = math.inf

    def start(self, timer: asyncio.Timeout, seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._timer, self._due = timer, self._loop.time() + seconds
        self._reschedule(self._due)

    def _reschedule(self, when: float) -> None:
        """When the request is given up, unless its answer has begun."""
        if not self.answered:
            self._timer.reschedule(None if when == math.inf else when)
            self._end.set(when - self._loop.time())

    async def receive(self) -> Message:
        if self._whole:
            return await self._receive()  # which ends when the client goes
        begun = self._loop.time()
        self._waiting = True
        self._reschedule(begun + BODY_S + self.bytes / BODY_BYTES_PER_S - self._waited)
        message = await self._receive()
        self._waiting = False
        self._waited += self._loop.time() - begun
        self._reschedule(self._due + self._waited)
        self._whole = message["type"] != "http.request" or not message.get("more_body", False)
        self._take(len(message.get("body", b"")))
        return message

    def _take(self, size: int) -> None:
        self._held.take(size)
        self.bytes += size

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if not self._scope.get(STREAMED):
                self._take_answer(message)
            self._reschedule(math.inf)
            self.answered = True
        body = message.get("body", b"")
        for start in range(0, len(body) - PART, PART):
            await self._send({"type": message["type"], "body": bytes(body[start : start + PART]), "more_body": True})
        if len(body) > PART:
            message["body"] = bytes(body[(len(body) - 1) // PART * PART :])
        await self._send(message)

    def _take_answer(self, message: Message) -> None:
        size = next((int(value) for name, value in message["headers"] if name.lower() == b"content-length"), 0)
        if size > LARGE:
            self._take(size)

    def refusal(self, max_seconds: float) -> RefusedError:
        """What to say when time is over."""
        if self._waiting:
            return RefusedError(408, "The request's body came too slowly.", remedy="Send less at once.")
        return RefusedError(503, f"This took longer than {max_seconds:g} s.", code="timeout")
