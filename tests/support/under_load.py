"""Servers of one index in processes of their own, and clients that search all the while."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from balancer import PATIENCE_S, ask

SUPPORT = Path(__file__).parent
CLIENTS = 64


class Process:
    """``imagefinder serve`` with the kind of job of ``one_server``, or another ``program`` of this folder."""

    def __init__(self, address: str, folder: Path, *arguments: str, program: str = "one_server.py") -> None:
        command = [sys.executable, SUPPORT / program, "--index", address, "--port", "0"]
        environment = {
            "COUNT_LOG": str(folder / "log"), "SILENT_S": "8", "XDG_DATA_HOME": str(folder), "OMP_NUM_THREADS": "1"
        }  # fmt: skip
        self.said = folder / f"said-{time.monotonic_ns()}"
        with self.said.open("wb") as said:
            self._all: Any = subprocess.Popen(
                [*command, "--no-browser", "--no-key", *arguments], stderr=said, env={**os.environ, **environment}
            )
        self.pid: int = self._all.pid

    async def port(self) -> int:
        """Where it listens, once it says so."""
        await until(lambda: "http://" in self.said.read_text() or self._all.poll() is not None, "a server to start")
        found = re.search(r"http://127.0.0.1:(\d+)/", self.said.read_text())
        assert found, self.said.read_text()
        return int(found[1])

    async def end(self, sent: signal.Signals) -> int:
        self._all.send_signal(sent)
        await until(lambda: self._all.poll() is not None, "a server to end")
        return int(self._all.returncode)

    def kill(self) -> None:
        if self._all.poll() is None:
            self._all.kill()
            self._all.wait(PATIENCE_S)


async def until(condition: Callable[[], Any], what: str) -> Any:
    end = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < end, f"waited {PATIENCE_S} s for {what}"
        await asyncio.sleep(0.05)
    return found


class Load:
    """Clients that search, one request after the other, until they are stopped."""

    def __init__(self, port: int, clients: int = CLIENTS) -> None:
        self.port, self.done, self.statuses, self._stopped = port, [0] * clients, set[int](), False
        self.tasks = [asyncio.create_task(self._search(n)) for n in range(clients)]

    async def _search(self, n: int) -> None:
        words = ("an orange", "bread", "a cup of coffee", "salad")
        while not self._stopped:
            status, answer = await ask(self.port, "POST", "/v1/search", {"words": words[n % 4], "k": 3})
            self.statuses.add(status)
            assert status == 502 or len(answer["hits"]) == 3, answer
            self.done[n] += 1

    async def each(self, more: int) -> None:
        """Until each client has had so many more answers."""
        wanted = [n + more for n in self.done]
        await until(lambda: self._failed() or all(map(int.__ge__, self.done, wanted)), "an answer for each client")

    def _failed(self) -> bool:
        for task in self.tasks:
            if task.done():
                task.result()  # raises what went wrong
        return False

    async def stop(self) -> None:
        self._stopped = True
        await asyncio.wait_for(asyncio.gather(*self.tasks), PATIENCE_S)


async def text_of(port: int, path: str) -> str:
    """The text of a page, which the server gives with status 200."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".encode())
        head, _, body = (await asyncio.wait_for(reader.read(-1), PATIENCE_S)).partition(b"\r\n\r\n")
    finally:
        writer.close()
    assert head.startswith(b"HTTP/1.1 200"), head
    return body.decode()
