"""How fast images of a bucket are indexed, beside the same ones as local files: at 0, 20 and 100 ms of latency.

    python benchmarks/buckets.py [--images 1000] [--rounds 1]

The bucket is a small server of S3 on this machine, in a process of its own, that waits before each answer; it takes
processor time from the run, as a network does not. Each way is a new index; they are measured in turn. "seconds" are by
the clock, "processor" those of the indexing process, which are less disturbed by what else the machine does.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import multiprocessing
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
from common import cores, save
from PIL import Image

from imagefinder.finder import ImageFinder

DELAYS_MS = (0, 20, 100)
DRAWN = 40  # pictures; the others are the same with other bytes at the end, so that each is a content of its own


def files(n: int) -> dict[str, bytes]:
    """JPEGs of 500 x 375 pixels, by their names."""
    drawn = []
    for i in range(min(n, DRAWN)):
        chance = np.random.default_rng(i)
        soft = Image.fromarray(chance.integers(0, 255, (12, 16, 3), np.uint8)).resize(
            (500, 375), Image.Resampling.BICUBIC
        )
        grain = chance.integers(-10, 11, (375, 500, 1))
        buffer = io.BytesIO()
        Image.fromarray((np.asarray(soft, np.int16) + grain).clip(0, 255).astype(np.uint8)).save(
            buffer, "JPEG", quality=88
        )
        drawn.append(buffer.getvalue())
    return {f"{i:05d}.jpg": drawn[i % len(drawn)] + i.to_bytes(4, "big") for i in range(n)}


async def _serve(objects: dict[str, bytes], delay_s: float, told: Any) -> None:
    rows = "".join(
        f"<Contents><Key>{key}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
        f"<ETag>&quot;{key}&quot;</ETag><Size>{len(data)}</Size></Contents>"
        for key, data in objects.items()
    )
    listing = f"<ListBucketResult><IsTruncated>false</IsTruncated>{rows}</ListBucketResult>".encode()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                target = urlsplit(head.split(b" ", 2)[1].decode())
                key = unquote(target.path.rpartition("/")[2])
                data = listing if "list-type" in target.query else objects[key]
                await asyncio.sleep(delay_s)
                said = f'ETag: "{key}"\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Length: {len(data)}'
                writer.write(f"HTTP/1.1 200 OK\r\n{said}\r\n\r\n".encode() + data)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    told.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def _run(objects: dict[str, bytes], delay_s: float, told: Any) -> None:
    asyncio.run(_serve(objects, delay_s, told))


def measured(source: str, n: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as index, ImageFinder.open(index) as finder:
        started, busy = time.perf_counter(), time.process_time()
        report = finder.add(source)
        assert report.added == n, report
        return {"seconds": time.perf_counter() - started, "processor": time.process_time() - busy}


def far(objects: dict[str, bytes], delay_ms: int) -> dict[str, float]:
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(
        target=_run, args=(objects, delay_ms / 1000, theirs), daemon=True
    )
    server.start()
    try:
        os.environ.update(
            AWS_ENDPOINT_URL=f"http://127.0.0.1:{ours.recv()}", AWS_REGION="us-east-1", AWS_SKIP_SIGNATURE="true"
        )
        return measured("s3://bucket", len(objects))
    finally:
        server.terminate()
        server.join()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=1)
    asked = parser.parse_args()
    objects = files(asked.images)
    rows: dict[str, list[dict[str, float]]] = {}
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        for name, data in objects.items():
            (Path(folder) / name).write_bytes(data)
        for _ in range(asked.rounds):
            rows.setdefault("local", []).append(measured(folder, asked.images))
            for delay in DELAYS_MS:
                rows.setdefault(f"{delay} ms", []).append(far(objects, delay))
    medians = {way: {k: statistics.median(row[k] for row in found) for k in found[0]} for way, found in rows.items()}
    local = medians["local"]
    result = {
        way: {
            "seconds": round(row["seconds"], 1),
            "processor": round(row["processor"], 1),
            "images_per_second": round(asked.images / row["seconds"], 1),
            "share_of_local": round(local["seconds"] / row["seconds"], 3),
            "share_of_local_by_processor": round(local["processor"] / row["processor"], 3),
        }
        for way, row in medians.items()
    }
    about = {
        "images": asked.images,
        "rounds": asked.rounds,
        "cores": cores(),
        "load_before": load,
        "load_after": os.getloadavg()[0],
    }
    save("buckets", {**about, "ways": result})


if __name__ == "__main__":
    main()
