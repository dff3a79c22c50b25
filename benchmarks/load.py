"""The HTTP server among honest and hostile clients at once: what it answers, how fast, and what is left afterwards.

python benchmarks/load.py [--seconds 60] [--clients 200] [--soak] [--scratch DIR]

Nine in ten clients search, look, tag and upload as people do, a request every few seconds. One in ten does what harms:
heads and bodies that don't end, answers that are not read, hundreds of connections, URLs that never answer, requests
whose client goes at once, events that nobody reads, large bodies, requests that are no HTTP. ``--soak`` goes on for ten
minutes (or ``--seconds``) with a quarter of the clients, and looks at memory and open files all the time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import multiprocessing
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from PIL import Image

WORDS = ("red shoe", "a dog", "car", "blue bird", "tree in the snow", "two people", "a boat - water", "striped cat")
PAUSE_S = 4.0  # between two requests of one honest client
SETTLED_S = 75.0  # after the load, until memory and open files are looked at: free memory is given back each minute
FORM = "multipart/form-data; boundary=x"


@dataclass
class Load:
    """Where the server is, what is asked of it, and what came of it."""

    host: str
    port: int
    ids: list[str]
    pictures: list[bytes]
    large: str
    nowhere: str
    end: float = 0.0
    pause_s: float = PAUSE_S
    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    statuses: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    harm: Counter[str] = field(default_factory=Counter)
    pace: float = 1.0  # how long harm takes, against how long it usually does
    links: list[asyncio.StreamWriter] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        return time.perf_counter() >= self.end

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        self.links.append(writer)
        return reader, writer

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(self.pace * seconds)

    def close(self) -> None:
        for writer in self.links:
            writer.transport.abort()
        self.links.clear()


def message(method: str, path: str, body: bytes = b"", kind: str = "application/json", **headers: str) -> bytes:
    said = {"Host": "localhost", "Content-Length": str(len(body)), "Content-Type": kind, **headers}
    return "\r\n".join([f"{method} {path} HTTP/1.1", *(f"{k}: {v}" for k, v in said.items()), "", ""]).encode() + body


def part(name: str, data: bytes, file: bool = True) -> bytes:
    extra = b'; filename="a.png"' if file else b""
    return b'--x\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n' % (name.encode(), extra) + data + b"\r\n"


async def answer_of(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines[1:])}
    return int(lines[0].split()[1]), headers, await reader.readexactly(int(headers.get("content-length", 0)))


# --- honest ---------------------------------------------------------------------------------------------------------


def new_picture(dice: random.Random) -> bytes:
    buffer = BytesIO()
    colours = bytes(dice.randrange(256) for _ in range(48))
    Image.frombytes("RGB", (4, 4), colours).resize((160, 120), Image.Resampling.BICUBIC).save(buffer, "PNG")
    return buffer.getvalue()


def wish(load: Load, dice: random.Random) -> tuple[str, bytes]:
    """What an honest client asks for next."""
    id = dice.choice(load.ids)
    kinds: list[tuple[int, str, Callable[[], bytes]]] = [
        (30, "words", lambda: message("POST", "/v1/search", json.dumps({"words": dice.choice(WORDS)}).encode())),
        (20, "id", lambda: message("POST", "/v1/search", json.dumps({"parts": [{"id": id}]}).encode())),
        (8, "image", lambda: message(
            "POST", "/v1/search/upload", part("image", dice.choice(load.pictures)) + b"--x--\r\n", FORM)),
        (20, "thumbnail", lambda: message("GET", f"/v1/images/{id}/thumbnail?size=256")),
        (5, "original", lambda: message("GET", f"/v1/images/{id}/original")),
        (5, "list", lambda: message("GET", f"/v1/images?k=50&offset={dice.randrange(100)}")),
        (2, "index", lambda: message("GET", "/v1/index")),
        (5, "tag", lambda: message(
            "POST", "/v1/images/tags", json.dumps({"ids": [id], "add": [f"t{dice.randrange(9)}"]}).encode())),
        (2, "feedback", lambda: message("POST", "/v1/feedback", json.dumps({"liked": [id]}).encode())),
        (3, "upload", lambda: message("POST", "/v1/images", part("files", new_picture(dice)) + b"--x--\r\n", FORM)),
    ]  # fmt: skip
    ((_, name, make),) = dice.choices(kinds, [weight for weight, *_ in kinds])
    return name, make()


async def honest(load: Load, number: int) -> None:
    """Asks, reads, pauses, asks again; comes back after a 503 when it is told to."""
    dice, link = random.Random(number), None
    await asyncio.sleep(load.pause_s * dice.random())
    while not load.is_over:
        name, request = wish(load, dice)
        started = time.perf_counter()
        try:
            link = link or await load.connect()
            link[1].write(request)
            status, headers, body = await asyncio.wait_for(answer_of(link[0]), 90)
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            load.faults.append(f"{name}: {type(error).__name__} {error}")
            link = None
            continue
        took = time.perf_counter() - started
        load.times[name].append(took)
        load.statuses[str(status)] += 1
        if status >= 400 and not (status == 503 and "retry-after" in headers):
            load.faults.append(f"{name}: {status} {body[:200]!r}")
        if headers.get("connection") == "close":
            link = None
        await asyncio.sleep(float(headers.get("retry-after", max(0.0, load.pause_s - took))))
    if link:
        link[1].close()


# --- hostile: each does its harm once -------------------------------------------------------------------------------


async def endless_head(load: Load) -> None:
    links = [await load.connect() for _ in range(50)]
    for n in range(10):
        for _, writer in links:
            writer.write(b"GET / HTTP/1.1\r\n" if not n else b"x%d: %s\r\n" % (n, b"a" * 4000))
        await load.sleep(1)


async def endless_body(load: Load) -> None:
    head = message("POST", "/v1/search").replace(b"Content-Length: 0", b"Content-Length: 30000000")
    links = [await load.connect() for _ in range(10)]
    for n in range(20):
        for _, writer in links:
            writer.write(head if not n else b" " * 100)
        await load.sleep(1)


async def unread_answer(load: Load) -> None:
    for _ in range(10):
        reader, writer = await load.connect()
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(message("GET", f"/v1/images/{load.large}/original"))
    await load.sleep(20)


async def many_connections(load: Load) -> None:
    links = [await load.connect() for _ in range(300)]
    await load.sleep(5)
    for _, writer in links:
        writer.close()


async def no_http(load: Load) -> None:
    for _ in range(50):
        _, writer = await load.connect()
        writer.write(os.urandom(1000) + b"\r\n\r\n")
        await load.sleep(0.05)
        writer.close()


async def slow_urls(load: Load) -> None:
    parts = json.dumps({"parts": [{"url": f"{load.nowhere}{n}.jpg"} for n in range(20)]}).encode()
    links = [await load.connect() for _ in range(4)]
    for _, writer in links:
        writer.write(message("POST", "/v1/search", parts))
    await load.sleep(10)


async def gone_at_once(load: Load) -> None:
    for _ in range(30):
        _, writer = await load.connect()
        writer.write(message("POST", "/v1/search", json.dumps({"words": "a cat", "k": 1000}).encode()))
        await writer.drain()
        writer.transport.abort()
        await load.sleep(0.1)


async def unread_events(load: Load) -> None:
    links = [await load.connect() for _ in range(20)]
    for reader, writer in links:
        writer.write(message("GET", "/v1/events"))
        reader._transport.pause_reading()  # type: ignore[attr-defined]
    await load.sleep(10)


async def large_bodies(load: Load) -> None:
    body = b'{"words": "' + b"a" * 20_000_000 + b'"}'
    for _ in range(3):
        reader, writer = await load.connect()
        writer.write(message("POST", "/v1/search", body))
        await asyncio.wait_for(reader.read(100), 30)
        writer.close()


async def large_heads(load: Load) -> None:
    for size in (70_000, 1_000_000, 50_000_000):
        reader, writer = await load.connect()
        writer.write(b"GET / HTTP/1.1\r\nx: " + b"a" * size)
        await asyncio.wait_for(reader.read(100), 30)
        writer.close()


async def ahead(load: Load) -> None:
    _, writer = await load.connect()
    writer.write(message("GET", "/healthz") * 5000)
    await load.sleep(2)


HARM: tuple[Callable[[Load], Awaitable[None]], ...] = (
    endless_head, endless_body, unread_answer, many_connections, no_http, slow_urls, gone_at_once, unread_events,
    large_bodies, large_heads, ahead,
)  # fmt: skip


async def hostile(load: Load, number: int) -> None:
    """One harm after the other, whatever becomes of its connections."""
    while not load.is_over:
        do = HARM[number % len(HARM)]
        number += 1
        mine = Load(**{**vars(load), "links": []})
        try:
            with suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
                await asyncio.wait_for(do(mine), 60)
        finally:
            mine.close()
        load.harm[do.__name__] += 1
        await load.sleep(0.1)


async def run(load: Load, seconds: float, clients: int, share: float = 0.1) -> None:
    """``clients`` at once, ``share`` of them hostile, for so long."""
    bad = round(clients * share)
    load.end = time.perf_counter() + seconds
    good = [asyncio.create_task(honest(load, n)) for n in range(clients - bad)]
    harm = [asyncio.create_task(hostile(load, n)) for n in range(bad)]
    await asyncio.wait(good or harm, timeout=seconds + 100 if good else seconds)
    for task in (*good, *harm):
        task.cancel()
    for result in await asyncio.gather(*good, *harm, return_exceptions=True):
        if isinstance(result, Exception):
            load.faults.append(repr(result))
    load.close()


def only_harm(load: Load, seconds: float, clients: int, told: Connection) -> None:
    """Hostile clients alone, in this process; sends what they did."""
    logging.getLogger("asyncio").setLevel(logging.CRITICAL + 1)  # the server ends many of their connections
    asyncio.run(run(load, seconds, clients, share=1.0))
    told.send(load.harm)


async def beside(load: Load, seconds: float, clients: int, share: float = 0.1) -> Counter[str]:
    """``run`` with the hostile ones in a process of their own, so that the honest don't wait for what these do here;
    returns what harm was done."""
    spawn, bad = multiprocessing.get_context("spawn"), round(clients * share)
    here, there = spawn.Pipe(duplex=False)
    harm = spawn.Process(target=only_harm, args=(load, seconds, bad, there))
    harm.start()
    await run(load, seconds, clients - bad, share=0.0)
    await asyncio.to_thread(harm.join, 60)
    done: Counter[str] = here.recv() if here.poll() else Counter()
    harm.kill()
    return done


def figures(load: Load) -> dict[str, Any]:
    every = [took for took in load.times.values() for took in took]
    rows = {name: percentiles(times) for name, times in sorted(load.times.items())}
    return {
        "requests": len(every), "statuses": dict(load.statuses), "n_faults": len(load.faults),
        "faults": load.faults[:10], "all": percentiles(every), "kinds": rows, "harm_done": dict(load.harm),
    }  # fmt: skip


def percentiles(times: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(times, n=100) if len(times) > 1 else times * 100
    return {"n": len(times), "p50_s": round(cuts[49], 3), "p99_s": round(cuts[98], 3), "most_s": round(max(times), 3)}


# --- the server -----------------------------------------------------------------------------------------------------


def state_of(pid: int) -> dict[str, int]:
    """Megabytes in memory, open files, seconds of the processor."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    rss, peak = (next(int(x.split()[1]) // 1024 for x in lines if x.startswith(name)) for name in ("VmRSS", "VmHWM"))
    used = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    cpu_s = round((int(used[11]) + int(used[12])) / os.sysconf("SC_CLK_TCK"))
    return {"rss_mb": rss, "peak_mb": peak, "open_files": len(os.listdir(f"/proc/{pid}/fd")), "cpu_s": cpu_s}


async def watch(pid: int, every_s: float, rows: list[dict[str, int]]) -> None:
    started = time.perf_counter()
    while True:
        rows.append({"second": round(time.perf_counter() - started), **state_of(pid)})
        await asyncio.sleep(every_s)


async def measured(load: Load, pid: int, options: argparse.Namespace) -> dict[str, Any]:
    quiet = await asyncio.start_server(lambda reader, writer: asyncio.sleep(120), "127.0.0.1", 0, backlog=1000)
    load.nowhere = f"http://127.0.0.1:{quiet.sockets[0].getsockname()[1]}/"
    await run(
        load, min(15.0, options.seconds / 4), max(4, options.clients // 4), share=0.0
    )  # all is loaded, all is kept
    before = state_of(pid)
    busy = round(os.getloadavg()[0], 1)
    load.times.clear(), load.statuses.clear(), load.faults.clear()
    rows: list[dict[str, int]] = []
    watcher = asyncio.create_task(watch(pid, options.seconds / 10, rows))
    load.harm.update(await beside(load, options.seconds, options.clients))
    after = state_of(pid)
    await asyncio.sleep(SETTLED_S)
    watcher.cancel()
    return {
        **figures(load),
        "others_running": busy,
        "before": before,
        "right_after": after,
        "settled": state_of(pid),
        "course": rows,
    }


def main() -> None:
    from common import RESULTS, dataset, save

    from imagefinder.finder import ImageFinder

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scratch", type=Path, default=Path(tempfile.gettempdir()) / "imagefinder-benchmarks")
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--clients", type=int)
    parser.add_argument("--soak", action="store_true")
    options = parser.parse_args()
    options.seconds = options.seconds or (600.0 if options.soak else 60.0)
    options.clients = options.clients or (50 if options.soak else 200)
    options.scratch.mkdir(exist_ok=True)
    base = dataset("clothing", options.scratch)
    with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
        home = Path(folder)
        (home / "large").mkdir()
        Image.effect_noise((4000, 4000), 80).convert("RGB").save(home / "large" / "large.bmp")
        with ImageFinder.open(home / "index") as finder:
            finder.add(base, home / "large")
            (large,) = (r.id for r in finder.records() if r.uri.endswith("large.bmp"))
            ids = [r.id for r in finder.records() if r.id != large][:300]
        pictures = [path.read_bytes() for path in sorted(base.rglob("*.jpg"))[:30]]
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        command = [
            sys.executable,
            "-m",
            "imagefinder",
            "serve",
            "--index",
            str(home / "index"),
            "--no-browser",
            "--no-key",
        ]
        environment = {**os.environ, "IMAGEFINDER_ALLOW_PRIVATE_ADDRESSES": "1"}
        with (home / "log").open("wb") as log:
            process = subprocess.Popen([*command, "--port", str(port)], stderr=log, env=environment)
            try:
                while b"Ctrl-C" not in (home / "log").read_bytes():
                    time.sleep(0.2)
                load = Load("127.0.0.1", port, ids, pictures, large, "")
                result = asyncio.run(measured(load, process.pid, options))
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(60)
        result = {"seconds": options.seconds, "clients": options.clients, **result}
        result["log_bytes"] = (home / "log").stat().st_size
        print((home / "log").read_text("utf-8", "replace")[-3000:], file=sys.stderr)
    earlier = RESULTS / "load.json"
    kept = json.loads(earlier.read_text()) if earlier.exists() else {}
    rows = {name: kept[name] for name in ("load", "soak") if name in kept}
    save("load", {**rows, "soak" if options.soak else "load": result})


if __name__ == "__main__":
    main()
