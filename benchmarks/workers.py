"""How reads scale with the processes of ``imagefinder serve --workers N``: ``python benchmarks/workers.py``.

Indexes the sample images at an address of the PostgreSQL that the tests start, and has clients search by words. Besides
requests a second, which depend on what else the machine does, it gives the processor time of a request: that of the
servers, which more workers spread over more cores, and that of the database.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
from common import ROOT, save

from imagefinder import ImageFinder

sys.path.insert(0, str(ROOT / "tests" / "support"))
WORDS = ("an orange", "bread", "a red car", "dog", "people on a beach", "yellow bus", "mountain", "shoes")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    args = parser.parse_args()
    import database

    rows = []
    with database.running() as server:
        address = server.address()
        with ImageFinder.open(address, model="fast") as finder:
            finder.add(ROOT / "examples" / "images")
            images = len(finder)
        for workers in args.workers:
            rows.append(measured(address, workers, args.requests, args.clients, server._running.pid))
            print(rows[-1])
    save("workers", {"images": images, "clients": args.clients, "rows": rows})
    return 0


def measured(address: str, workers: int, requests: int, clients: int, database: int) -> dict[str, Any]:
    """One number of workers; ``database`` is the process of PostgreSQL."""
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder) / "said"
        command = [sys.executable, "-m", "imagefinder", "serve", "--index", address, "--port", "0", "--no-browser"]
        with said.open("wb") as stderr:
            server = subprocess.Popen(
                [*command, "--no-key", "--workers", str(workers)],
                stderr=stderr,
                env={**os.environ, "XDG_DATA_HOME": folder},
            )
        try:
            url = where(server, said)
            time.sleep(1)
            ask(url, 64 * workers, clients)  # all have their model
            before, begun = seconds(server.pid), time.perf_counter()
            theirs = seconds(database)
            ask(url, requests, clients)
            wall = time.perf_counter() - begun
            ours, theirs = seconds(server.pid) - before, seconds(database) - theirs
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(120)
    return {
        "workers": workers,
        "requests_per_second": round(requests / wall, 1),
        "server_ms": round(ours / requests * 1000, 2),
        "database_ms": round(theirs / requests * 1000, 2),
        "load": round(os.getloadavg()[0], 1),
    }


def where(server: subprocess.Popen[bytes], said: Path) -> str:
    while (found := re.search(r"http://[0-9.:]+/", said.read_text())) is None:
        if server.poll() is not None:
            raise SystemExit(said.read_text())
        time.sleep(0.2)
    return found[0]


def ask(url: str, requests: int, clients: int) -> None:
    """Each over a connection of its own, so that all workers get some."""

    def search(n: int) -> None:
        body = {"words": WORDS[n % len(WORDS)], "k": 10}
        web.post(f"{url}v1/search", json=body, headers={"connection": "close"}).raise_for_status()

    with httpx.Client(timeout=120) as web, ThreadPoolExecutor(clients) as pool:
        list(pool.map(search, range(requests)))


def seconds(pid: int) -> float:
    """Processor time of a process and those below it, as Linux tells it."""
    rows = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            facts = path.read_text().rpartition(")")[2].split()
            rows[int(path.parent.name)] = int(facts[1]), int(facts[11]) + int(facts[12])
    ours, found = 0, {pid}
    while found:
        ours += sum(rows[one][1] for one in found if one in rows)
        found = {child for child, (parent, _) in rows.items() if parent in found}
    return ours / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    raise SystemExit(main())
