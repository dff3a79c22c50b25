"""What it costs to rename, lock and undo at the size of a collection: in the library, and as the page asks for it.

    python benchmarks/cluster_edits.py INDEX [INDEX ...] [--into NAME]

Each INDEX, whose images are clustered, is copied and stays as it is. CPU milliseconds of the process and milliseconds
on the clock, the median of ten; "first" is the first change after opening. ``--into`` is the key in
benchmarks/results/cluster_edits.json, "after" where it is not given: other keys there are kept, so that two versions of
the program can stand side by side.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from common import RESULTS, save
from fastapi.testclient import TestClient

from imagefinder.finder import ImageFinder
from imagefinder.server.app import create_app

TIMES = 10


def measured(do: Callable[[int], object], n: int = TIMES) -> dict[str, float]:
    cpu, wall = [], []
    for i in range(n):
        started, at = time.process_time(), time.perf_counter()
        do(i)
        cpu.append(1e3 * (time.process_time() - started))
        wall.append(1e3 * (time.perf_counter() - at))
    return {"cpu_ms": round(statistics.median(cpu), 1), "ms": round(statistics.median(wall), 1)}


def measure(index: Path) -> dict[str, Any]:
    with ImageFinder.open(index, create=False) as finder:
        labels = [c.label for c in finder.clusters]
        largest = max(finder.clusters, key=lambda c: c.size)
        found: dict[str, Any] = {"images": len(finder), "clusters": len(labels), "largest": largest.size}
    with ImageFinder.open(index, create=False) as finder:
        found["first rename"] = measured(lambda i: finder.clusters.rename(labels[1], "first of all"), 1)
        found["rename"] = measured(lambda i: finder.clusters.rename(labels[0], f"renamed {i}"))
        found["undo a rename"] = measured(lambda i: finder.clusters.undo(), 5)
        found["lock or unlock"] = measured(lambda i: finder.clusters.lock(labels[2], i % 2 == 0))
        found["merge two"] = measured(lambda i: finder.clusters.merge(labels[-2 * i - 1], labels[-2 * i - 2]), 3)
        client = TestClient(create_app(finder), base_url="http://127.0.0.1")
        found["PATCH name"] = measured(lambda i: client.patch("/v1/clusters/0", json={"name": f"again {i}"}))
        found["PATCH locked"] = measured(lambda i: client.patch("/v1/clusters/0", json={"locked": i % 2 == 0}))
        found["GET /v1/clusters"] = measured(lambda i: client.get("/v1/clusters"))
        found["GET /v1/index"] = measured(lambda i: client.get("/v1/index"))
        found["PATCH name, then GET /v1/clusters"] = measured(
            lambda i: (client.patch("/v1/clusters/0", json={"name": f"shown {i}"}), client.get("/v1/clusters"))
        )
        assert client.get("/v1/clusters").json()["clusters"][0]["name"] == f"shown {TIMES - 1}"
        client.app.state.serving.close()  # type: ignore[attr-defined]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path, nargs="+")
    parser.add_argument("--into", default="after")
    options = parser.parse_args()
    result: dict[str, Any] = {}
    for index in options.index:
        with tempfile.TemporaryDirectory() as temporary:
            copy = Path(temporary) / "index"
            subprocess.run(["cp", "-a", "--sparse=always", str(index), str(copy)], check=True)
            row = measure(copy)
            result[f"{row.pop('images'):,} images"] = row
    print(json.dumps(result, indent=1))
    path = RESULTS / "cluster_edits.json"
    kept = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    save("cluster_edits", {k: v for k, v in kept.items() if k not in ("date", "machine")} | {options.into: result})


if __name__ == "__main__":
    main()
