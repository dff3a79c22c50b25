"""One indexing run over 22,914 images, its peak memory, a second unchanged run, and the latency of searches.

python benchmarks/scale.py [--scratch DIR]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from common import dataset, save

from imagefinder.finder import ImageFinder

WORDS = ["goldfish", "a yellow school bus", "red sports car", "people on a beach", "a dog", "sunglasses", "pizza"]
RUN = """
import json, resource, sys, time
from imagefinder.finder import ImageFinder
started = time.perf_counter()
with ImageFinder.open(sys.argv[1]) as finder:
    report = finder.add(sys.argv[2]).to_dict()
report["process_s"] = round(time.perf_counter() - started, 2)
report["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
print(json.dumps(report))
"""


def index_once(index: Path, folder: Path) -> dict[str, Any]:
    """A run in its own process: its report, and the process's seconds and peak memory."""
    done = subprocess.run([sys.executable, "-c", RUN, str(index), str(folder)], capture_output=True, check=True)
    report = json.loads(done.stdout)
    wanted = ("seen", "added", "unchanged", "process_s", "images_per_second", "peak_mb")
    return {k: report[k] for k in wanted} | {"skipped": len(report["skipped"])}


def latency(ask: Callable[[int], object], n: int = 200) -> dict[str, float]:
    """p50 and p99 in milliseconds of ``ask(0)`` ... ``ask(n - 1)``, after a warm-up."""
    for i in range(10):
        ask(i)
    times = []
    for i in range(n):
        started = time.perf_counter()
        ask(i)
        times.append(1e3 * (time.perf_counter() - started))
    return {"p50_ms": round(statistics.median(times), 2), "p99_ms": round(statistics.quantiles(times, n=100)[98], 2)}


def cold(*arguments: str, n: int = 7) -> dict[str, float]:
    """Median and least seconds of a whole ``imagefinder`` process."""
    times = []
    for _ in range(n):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "imagefinder", *arguments], capture_output=True, check=True)
        times.append(time.perf_counter() - started)
    return {"median_s": round(statistics.median(times), 3), "min_s": round(min(times), 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scratch", type=Path, default=Path(tempfile.gettempdir()) / "imagefinder-benchmarks")
    parser.add_argument("--index", type=Path, help="an index of an earlier run: measure searches only")
    options = parser.parse_args()
    folder = dataset("tinyimagenet", options.scratch) / "images"
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as temporary:
        index = options.index or Path(temporary) / "index"
        result["first_run"] = index_once(index, folder)
        result["unchanged_run"] = index_once(index, folder)
        with ImageFinder.open(index, create=False) as finder:
            records = finder.records()[:500]
            result["by_id"] = latency(lambda i: finder.search(f"id:{records[i % 500].id}"))
            result["by_image"] = latency(lambda i: finder.search(Path(records[i % 500].uri)))
            result["by_words"] = latency(lambda i: finder.search(WORDS[i % len(WORDS)]))
            result["by_words_and_image"] = latency(lambda i: finder.search(["a dog", Path(records[i % 500].uri)]))
            result["by_words_filtered"] = latency(lambda i: finder.search(WORDS[i % 7], filter="bytes > 2000"))
            result["disk_mb"] = round(finder.info().bytes / 1e6)
        result["cold_search_words"] = cold("search", "a yellow school bus", "--index", str(index))
        result["cold_search_image"] = cold("search", records[0].uri, "--index", str(index))
        result["help"] = cold("--help")
    save("scale", result)


if __name__ == "__main__":
    main()
