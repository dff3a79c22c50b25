"""Servers of one index in processes of their own: behind a balancer, killed and restarted under load; and several
processes on one port."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import database
import pytest
from balancer import Balancer, ask
from command import run_process
from under_load import CLIENTS, PATIENCE_S, Load, Process, until

from imagefinder import ImageFinder

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are sent as POSIX has them")


@pytest.fixture
def start(postgres: database.Server, tmp_path: Path) -> Iterator[Callable[..., Process]]:
    address, made = postgres.address(), list[Process]()
    with ImageFinder.open(address, model="fast") as finder:
        finder.add(ROOT / "examples" / "images" / "food")

    def begin(*arguments: str) -> Process:
        made.append(Process(address, tmp_path, *arguments))
        return made[-1]

    yield begin
    for process in made:
        process.kill()


class Counting:
    """A job that counts, waits in the middle, and is let go on."""

    def __init__(self, port: int, log: Path, go: str) -> None:
        self.port, self.log, self.go, self.id = port, log, go, ""

    async def begin(self) -> int:
        """Start it; which process runs it."""
        status, job = await ask(
            self.port, "POST", "/v1/jobs", {"kind": "count", "options": {"to": 6, "stop_at": 3, "go": self.go}}
        )
        assert status == 202, job
        self.id = job["id"]
        await until(lambda: len(self.lines()) == 3, "the job to count to three")
        return self.lines()[0][1]

    def lines(self) -> list[tuple[int, int]]:
        """Each number counted, and the process that did."""
        lines = self.log.read_text().split("\n")[:-1] if self.log.exists() else []
        rows = [line.split() for line in lines]
        return [(int(n), int(pid)) for id, n, pid in rows if id == self.id]

    async def end(self, image: str) -> dict[str, Any]:
        """Let it go on; the job once it has ended."""
        status, answer = await ask(self.port, "POST", "/v1/images/tags", {"ids": [image], "add": [self.go]})
        assert status == 200, answer
        end = time.monotonic() + PATIENCE_S
        while not (job := (await ask(self.port, "GET", f"/v1/jobs/{self.id}"))[1])["finished"]:
            assert time.monotonic() < end, f"waited {PATIENCE_S} s for the end of {job}"
            await asyncio.sleep(0.1)
        found: dict[str, Any] = job
        return found


async def image_of(port: int) -> str:
    return str((await ask(port, "GET", "/v1/images?k=1"))[1]["images"][0]["id"])


def test_a_server_is_killed_and_all_are_restarted_under_load(start: Callable[..., Process], tmp_path: Path) -> None:
    asyncio.run(killed_and_restarted(lambda: start("--drain", "3"), tmp_path / "log"))


async def killed_and_restarted(start: Callable[[], Process], log: Path) -> None:
    servers = [start(), start()]
    async with Balancer() as balancer:
        ports = {server.pid: await server.port() for server in servers}
        balancer.ports |= {*ports.values()}
        await balancer.until_ready(*ports.values())
        image = await image_of(balancer.port)
        load = Load(balancer.port)
        await load.each(1)

        # One is killed, the one that runs a job.
        first = Counting(balancer.port, log, "go")
        at = await first.begin()
        (killed,) = (server for server in servers if server.pid == at)
        assert await killed.end(signal.SIGKILL) == -signal.SIGKILL
        dead_at = time.monotonic()
        servers.remove(killed)
        servers.append(start())  # in its place
        await load.each(1)
        job = await first.end(image)
        assert job["state"] == "done" and job["result"] == {"counted": 6, "begun_at": 3}
        assert [n for n, _ in first.lines()] == [*range(6)]
        assert [pid == killed.pid for _, pid in first.lines()] == [True] * 3 + [False] * 3
        assert all(f.port == ports[killed.pid] and f.since < dead_at for f in balancer.failed), balancer.failed
        assert len(balancer.failed) <= CLIENTS
        balancer.ports.discard(ports[killed.pid])
        ports[servers[1].pid] = await servers[1].port()
        balancer.ports.add(ports[servers[1].pid])
        await balancer.until_ready(ports[servers[1].pid])
        balancer.failed.clear()
        load.statuses.clear()

        # All are restarted, first the one that runs a job.
        second = Counting(balancer.port, log, "on")
        at = await second.begin()
        leaving = next(server for server in servers if server.pid == at)
        stays = next(server for server in servers if server.pid != at)
        assert await leaving.end(signal.SIGTERM) == 0
        await until(lambda: ports[leaving.pid] not in balancer.ready, "the balancer to notice")
        new = start()
        await load.each(1)
        job = await second.end(image)
        assert job["state"] == "done" and [n for n, _ in second.lines()] == [*range(6)]
        assert {pid for n, pid in second.lines() if n > 2} == {stays.pid}
        balancer.ports.add(await new.port())
        await balancer.until_ready(await new.port())
        assert await stays.end(signal.SIGTERM) == 0
        await load.each(1)
        await load.stop()
        assert balancer.failed == [] and load.statuses == {200}
        jobs = (await ask(balancer.port, "GET", "/v1/jobs"))[1]["jobs"]
        assert {job["id"]: job["state"] for job in jobs} == {first.id: "done", second.id: "done"}


def test_workers_share_a_port_and_take_each_others_jobs(start: Callable[..., Process], tmp_path: Path) -> None:
    asyncio.run(workers(start("--workers", "2"), tmp_path / "log"))


async def workers(process: Process, log: Path) -> None:
    port = await process.port()
    image = await image_of(port)
    counting = Counting(port, log, "go")
    at = await counting.begin()
    assert at != process.pid
    os.kill(at, signal.SIGKILL)
    await until(lambda: f"Worker {at} has ended" in process.said.read_text(), "the end to be told")
    job = await counting.end(image)
    assert job["state"] == "done" and [n for n, _ in counting.lines()] == [*range(6)]
    assert await process.end(signal.SIGTERM) == 0
    with pytest.raises(ConnectionRefusedError):
        await ask(port, "GET", "/healthz")


def test_workers_are_for_an_index_at_an_address(tmp_path: Path) -> None:
    done = run_process("serve", "--index", tmp_path / "index", "--workers", 2, "--no-browser", "--port", 0)
    assert done.returncode == 2 and "held by one process" in done.stderr and "address" in done.stderr


def test_what_can_not_be_opened_is_told_once(postgres: database.Server, tmp_path: Path) -> None:
    done = run_process(
        "serve", "--index", postgres.address(), "--read-only", "--workers", 2, "--no-browser", "--port", 0,
        IMAGEFINDER_PROVIDER="none-such",
    )  # fmt: skip
    assert done.returncode != 0 and done.stderr.count("Error:") == 1, done.stderr
