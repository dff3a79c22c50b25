"""A small balancer: it sends each request to one of the servers that say they are ready, in turn. It tries another one
only where the connection was refused, as then nothing was sent."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from dataclasses import dataclass, field
from typing import Any

PATIENCE_S = 120.0
LOOK_S = 0.1  # between two looks at who is ready


@dataclass
class Failed:
    """A request that got no whole answer: which server had it, and since when by ``time.monotonic``."""

    port: int
    since: float
    why: str


@dataclass
class Balancer:
    """``async with Balancer() as balancer``; ``ports`` are those of the servers, and may be changed at any time."""

    ports: set[int] = field(default_factory=set)
    failed: list[Failed] = field(default_factory=list)
    ready: set[int] = field(default_factory=set)
    port: int = 0

    async def __aenter__(self) -> Balancer:
        self._turns = itertools.count()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=256)
        self.port = self._server.sockets[0].getsockname()[1]
        self._looking = asyncio.create_task(self._look())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._looking.cancel()
        self._server.close()

    async def until_ready(self, *ports: int) -> None:
        end = time.monotonic() + PATIENCE_S
        while not set(ports) <= self.ready:
            assert time.monotonic() < end, f"waited {PATIENCE_S} s for {ports} to be ready"
            await asyncio.sleep(0.02)

    async def _look(self) -> None:
        while True:
            await asyncio.gather(*(self._look_at(port) for port in [*self.ports]))
            self.ready &= self.ports
            await asyncio.sleep(LOOK_S)

    async def _look_at(self, port: int) -> None:
        try:
            head = b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
            answer = await asyncio.wait_for(_exchange(port, head), PATIENCE_S)
            good = answer.startswith(b"HTTP/1.1 200")
        except (OSError, TimeoutError):
            good = False
        (self.ready.add if good else self.ready.discard)(port)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await _request(reader)
            writer.write(await asyncio.wait_for(self._answer(request), PATIENCE_S))
            await writer.drain()
        finally:
            writer.close()

    async def _answer(self, request: bytes) -> bytes:
        while True:
            ready = sorted(self.ready)
            if not ready:
                await asyncio.sleep(0.02)
                continue
            port, since = ready[next(self._turns) % len(ready)], time.monotonic()
            try:
                answer = await _exchange(port, request)
                if _is_whole(answer):
                    return answer
                why = f"cut after {len(answer)} bytes"
            except ConnectionRefusedError:
                self.ready.discard(port)
                continue
            except OSError as error:
                why = repr(error)
            self.failed.append(Failed(port, since, why))
            return b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 2\r\n\r\n{}"


async def _request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    return head + await reader.readexactly(_length(head))


def _length(head: bytes) -> int:
    lines = [line.partition(b":") for line in head.lower().split(b"\r\n")]
    return int(next((value for name, _, value in lines if name == b"content-length"), b"0"))


def _is_whole(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    return bool(end) and len(body) == _length(head)


async def _exchange(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        await writer.drain()
        return await reader.read(-1)
    finally:
        writer.close()


async def ask(port: int, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """The status and the JSON of an answer; one connection for each request."""
    data = b"" if body is None else json.dumps(body).encode()
    head = f"{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n"
    answer = await asyncio.wait_for(
        _exchange(port, f"{head}content-length: {len(data)}\r\n\r\n".encode() + data), PATIENCE_S
    )
    return int(answer.split(b" ", 2)[1]), json.loads(answer.partition(b"\r\n\r\n")[2] or b"null")
