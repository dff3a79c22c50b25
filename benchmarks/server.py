"""The HTTP server under load: 64 clients search by words and by image while 2,000 images are being indexed; and what
the API adds to the library's own time for one search.

python benchmarks/server.py [--scratch DIR] [--seconds 60]

The clients are one process of plain sockets beside the server, on the same cores: what they cost, the server lacks.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from common import dataset, save
from scale import WORDS, latency

from imagefinder.finder import ImageFinder

CLIENTS, FRESH = 64, 2000
PORT = 18642


class Connection:
    """One kept-alive HTTP/1.1 connection."""

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        if not hasattr(self, "_writer"):
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", PORT)
        self._writer.write(request)
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = next(int(line[15:]) for line in head.split("\r\n") if line.startswith("content-length:"))
        return int(head[9:12]), await self._reader.readexactly(length)


def post(path: str, body: bytes, kind: str = "application/json") -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost:{PORT}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost:{PORT}\r\n\r\n".encode()


def by_words(text: str) -> bytes:
    return post("/v1/search", json.dumps({"words": text, "k": 10}).encode())


def by_id(id: str) -> bytes:
    return post("/v1/search", json.dumps({"parts": [{"id": id}], "k": 10}).encode())


def by_image(path: Path) -> bytes:
    part = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n' + path.read_bytes()
    query = b'\r\n--x\r\nContent-Disposition: form-data; name="query"\r\n\r\n{"k": 10}\r\n--x--\r\n'
    return post("/v1/search/upload", part + query, "multipart/form-data; boundary=x")


async def ask_for(seconds: float, kinds: dict[str, list[bytes]], clients: int, pause_s: float) -> dict[str, Any]:
    """Closed loop: each client asks, waits for the answer, pauses, asks again; ``pause_s`` 0 is as fast as they can."""
    times: dict[str, list[float]] = defaultdict(list)
    errors: list[str] = []
    end = time.perf_counter() + seconds

    async def client(number: int) -> None:
        connection, dice = Connection(), random.Random(number)
        await asyncio.sleep(pause_s * dice.random())
        while time.perf_counter() < end:
            kind = dice.choice(list(kinds))
            started = time.perf_counter()
            status, body = await connection.ask(dice.choice(kinds[kind]))
            times[kind].append(1e3 * (time.perf_counter() - started))
            if status != 200:
                errors.append(f"{status} {body[:200]!r}")
            if pause_s:
                await asyncio.sleep(max(0.0, pause_s - (time.perf_counter() - started)))

    await asyncio.gather(*(client(i) for i in range(clients)))
    rows = {kind: {"n": len(ms), **percentiles(ms)} for kind, ms in times.items()}
    total = sum(len(ms) for ms in times.values())
    return {
        "searches": total,
        "per_second": round(total / seconds, 1),
        "errors": errors[:5],
        "n_errors": len(errors),
        **rows,
    }


def percentiles(ms: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(ms, n=100)
    return {"p50_ms": round(cuts[49], 1), "p95_ms": round(cuts[94], 1), "p99_ms": round(cuts[98], 1)}


@contextmanager
def server(index: Path) -> Iterator[int]:
    command = [sys.executable, "-m", "imagefinder", "serve", "--index", str(index), "--no-browser", "--port", str(PORT)]
    process = subprocess.Popen([*command, "--no-key"], stderr=subprocess.DEVNULL)
    try:
        while True:
            try:
                if asyncio.run(Connection().ask(get("/readyz")))[0] == 200:
                    break
            except (OSError, asyncio.IncompleteReadError):
                pass
            time.sleep(0.2)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def job(options: dict[str, Any], kind: str = "index") -> str:
    status, body = asyncio.run(
        Connection().ask(post("/v1/jobs", json.dumps({"kind": kind, "options": options}).encode()))
    )
    assert status == 202, body
    return str(json.loads(body)["id"])


def look(id: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(asyncio.run(Connection().ask(get(f"/v1/jobs/{id}")))[1])
    return found


def peak_mb(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))


def fresh_images(folder: Path, target: Path, skip: int) -> Path:
    """Links to images that the index does not hold."""
    target.mkdir()
    for path in sorted(folder.rglob("*.jpg"))[skip : skip + FRESH]:
        os.link(path, target / path.name)
    return target


def own_latency(index: Path, ids: list[str], pictures: list[Path]) -> dict[str, Any]:
    """The library's, in this process, with nothing else running."""
    with ImageFinder.open(index) as finder:
        return {
            "id": latency(lambda i: finder.similar(ids[i % len(ids)], k=10)),
            "words": latency(lambda i: finder.search(WORDS[i % len(WORDS)], k=10)),
            "image": latency(lambda i: finder.search(pictures[i % len(pictures)], k=10)),
        }


def served_latency(kinds: dict[str, list[bytes]]) -> dict[str, Any]:
    """One client, one request at a time: the whole way, and how much of it the library says it took."""
    rows = {}
    for kind, requests in kinds.items():

        async def ask(requests: list[bytes] = requests) -> tuple[list[float], list[float]]:
            connection = Connection()
            whole, own = [], []
            for i in range(210):
                started = time.perf_counter()
                status, body = await connection.ask(requests[i % len(requests)])
                assert status == 200, body
                whole.append(1e3 * (time.perf_counter() - started))
                own.append(json.loads(body)["took_ms"])
            return whole[10:], own[10:]

        whole, own = asyncio.run(ask())
        overhead = [a - b for a, b in zip(whole, own, strict=True)]
        rows[kind] = {**percentiles(whole), "overhead_p50_ms": round(statistics.median(overhead), 2)}
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scratch", type=Path, default=Path(tempfile.gettempdir()) / "imagefinder-benchmarks")
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    options.scratch.mkdir(exist_ok=True)
    base = dataset("clothing", options.scratch)
    fresh = dataset("tinyimagenet", options.scratch)
    with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
        index = Path(folder) / "index"
        with ImageFinder.open(index) as finder:
            finder.add(base)
            ids = finder.vectors()[0][:200]
        pictures = sorted(base.rglob("*.jpg"))[:50]
        kinds = {"words": [by_words(w) for w in WORDS], "image": [by_image(p) for p in pictures]}
        results: dict[str, Any] = {
            "images": len(list(base.rglob("*.jpg"))),
            "library": own_latency(index, ids, pictures),
        }
        with server(index) as pid:
            results["served_one_client"] = served_latency({"id": [by_id(i) for i in ids], **kinds})
            results["load_alone"] = asyncio.run(ask_for(options.seconds / 3, kinds, CLIENTS, 0.0))
            results["load_paced_alone"] = asyncio.run(ask_for(options.seconds / 3, kinds, CLIENTS, 4.0))
            for skip, name, pause in ((0, "load_while_indexing", 0.0), (FRESH, "load_paced_while_indexing", 4.0)):
                started = job({"sources": [str(fresh_images(fresh, Path(folder) / name, skip))]})
                results[name] = asyncio.run(ask_for(options.seconds, kinds, CLIENTS, pause))
                then = look(started)
                results[name]["indexed_meanwhile"] = then["done"] if then["stage"] == "indexing" else FRESH
                results[name]["job"] = then["state"]
                while look(started)["state"] in ("queued", "running"):
                    time.sleep(0.5)
                results[name]["job_seconds"] = look(started)["seconds"]
            results["peak_mb"] = peak_mb(pid)
    save("server", results)


if __name__ == "__main__":
    main()
